"""skopeo, as a user types it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

BINARY = shutil.which("skopeo") or ""


def push(folder: Path, reference: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Push the image in `folder` to `HOST:PORT/REPOSITORY:TAG`."""
    return _copy("--dest-tls-verify=false", *options, f"dir:{folder}", f"docker://{reference}")


def pull(reference: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Pull `HOST:PORT/REPOSITORY:TAG` into `folder`."""
    return _copy("--src-tls-verify=false", *options, f"docker://{reference}", f"dir:{folder}")


def _copy(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [BINARY, "--insecure-policy", "copy", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
