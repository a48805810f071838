"""All figures of one application, in a registry of its own."""

from __future__ import annotations

import platform

from prometheus_client import CollectorRegistry, Info, ProcessCollector
from pysqlite3 import dbapi2

from webapp.metrics.records import RecordsCollector
from webapp.metrics.requests import RequestFigures
from webapp.parts import Parts
from webapp.version import VERSION


class Figures:
    """What `/metrics` prints. Kept in `app.extensions["holystone-figures"]`."""

    def __init__(self, parts: Parts) -> None:
        self.registry = CollectorRegistry()
        self.requests = RequestFigures(self.registry)
        self.registry.register(RecordsCollector(parts))
        ProcessCollector(registry=self.registry)
        build = Info("holystone_build", "Which Holystone this is, and what it runs on.", registry=self.registry)
        build.info({"version": VERSION, "python": platform.python_version(), "sqlite": dbapi2.sqlite_version})
