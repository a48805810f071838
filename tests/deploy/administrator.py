"""What an administrator does with a file of deploy/: change the lines that differ on the machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.runtime.keeper_process import KEEPER, PYTHON, KeeperProcess

DEPLOY = Path(__file__).parents[2] / "deploy"


def changed(file: str, changes: Mapping[str, str]) -> str:
    """The file's text with the changes; each of them must have something to change."""
    text = (DEPLOY / file).read_text()
    for old, new in changes.items():
        assert old in text, f"{old!r} is not in deploy/{file}"
        text = text.replace(old, new)
    return text


def for_keeper(keeper: KeeperProcess) -> dict[str, str]:
    """What differs in the commands of supervisor and systemd between a server and this test."""
    return {
        "/usr/bin/python3": PYTHON,
        "/usr/local/lib/holystone/keeper.py": str(KEEPER),
        "--folder /var/lib/registry-keeper": f"--folder {keeper.folder}",
        "--store /var/lib/docker-registry": f"--store {keeper.store}",
        "--address 127.0.0.1:5000": f"--address 127.0.0.1:{keeper.port}",
        "--reads-address 127.0.0.1:5001": f"--reads-address 127.0.0.1:{keeper.reads_port}",
        "/usr/bin/docker-registry": str(keeper.binary),
        "/etc/docker/registry/config.yml": str(keeper.config),
    }
