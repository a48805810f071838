"""What `make run` remembers from one time to the next, in a file that only its owner can read."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from deploy.local.refusal import Refusal


def _random() -> str:
    return secrets.token_hex(32)


@dataclass(slots=True)
class Memory:
    """Everything that must be the same at the next run."""

    secret_key: str = field(default_factory=_random)
    registry_secret: str = field(default_factory=_random)
    registry_port: int | None = None
    fleet_pushed: bool = False


def recall(file: Path) -> Memory:
    """Read `file`; a file that is not there yet gives a new memory.

    Raises:
        Refusal: it is there and cannot be understood.
    """
    try:
        return Memory(**json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return Memory()
    except (ValueError, TypeError):
        raise Refusal(f"{file} cannot be read. Mend it, or move var/ away to begin anew.") from None


def remember(file: Path, memory: Memory) -> None:
    """Write `memory` to `file`, wholly or not at all."""
    write_private(file, json.dumps(asdict(memory), indent=2) + "\n")


def write_private(file: Path, text: str) -> None:
    """Replace `file` by `text`, readable by its owner only."""
    new = file.with_name(file.name + ".new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    new.replace(file)
