"""The parts that every page, command and job is handed: settings, the registry, the records, the clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from config import Settings
from webapp.database import Reading, Writing
from webapp.registry.client import RegistryClient


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once by `create_app`, kept in `app.extensions["holystone"]`."""

    settings: Settings
    registry: RegistryClient
    reading: Reading
    writing: Writing
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
