"""Something done in a process of its own: whatever that one imports, this one does not keep in memory for good."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def in_a_child(act: Callable[[], object]) -> int:
    """Call `act` in a child; returns its exit code, after a refusal (SystemExit) has been printed as its sentence."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        act()
        code = 0
    except SystemExit as refusal:
        sys.stderr.write(f"{refusal}\n")
        sys.stderr.flush()
    finally:
        os._exit(code)
