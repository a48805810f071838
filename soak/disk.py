"""The disk on which the dashboard keeps its records: a small one of its own, where the machine lets us have one."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

SIZE_MB = 96
CHUNK = bytes(64 * 1024)


class SmallDisk:
    """A tmpfs at `folder`; without the rights to mount one, `missing` says so and `folder` is a plain one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.missing = ""
        folder.mkdir(parents=True, exist_ok=True)
        self._filler = folder / "filler"

    def mount(self) -> None:
        """Mount it, over whatever another soak left mounted."""
        self.unmount()
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=0700", "soak", str(self.folder)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
            self.missing = "" if done.returncode == 0 else done.stderr.strip()
        except OSError as error:
            self.missing = str(error)

    def unmount(self) -> None:
        """Unmount it, if it is mounted; what is in it is gone."""
        if self.folder.is_mount():
            subprocess.run(["umount", "--lazy", str(self.folder)], capture_output=True, timeout=20, check=False)

    def fill(self) -> None:
        """Leave no byte of it free."""
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as filler:  # ENOSPC is what is wanted
            while filler.write(CHUNK):
                pass
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            while filler.write(b"\0"):
                pass

    def free(self) -> None:
        """Make room again."""
        self._filler.unlink(missing_ok=True)
