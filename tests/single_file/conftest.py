"""The single file, built once for the whole run, and a machine for it: an empty root with a C library, a shell and nothing else."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.single_file.empty_root import EmptyRoot, can_be_made

ROOT = Path(__file__).parents[2]
BUILD_TIMEOUT_S = 600.0


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`dist/holystone` and `dist/holystone-keeper` of this checkout, in a folder of the tests."""
    if not shutil.which("objdump"):
        pytest.skip("objdump is missing, without which PyInstaller builds nothing: apt-get install binutils")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    into = shared / "dist"
    with (shared / "dist.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (into / "holystone-keeper").exists():
            done = subprocess.run(
                ["deploy/file/build", into],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=BUILD_TIMEOUT_S,
                check=False,
            )
            assert done.returncode == 0, done.stderr
    return into


@pytest.fixture
def empty_root(tmp_path: Path, built: Path) -> Iterator[EmptyRoot]:
    """The file in a root of its own."""
    if not can_be_made():
        pytest.skip("a process may not be given another root directory here")
    root = EmptyRoot(tmp_path / "root", built / "holystone")
    yield root
    root.end()
