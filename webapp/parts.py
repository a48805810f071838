"""The parts that every page, command and job is handed: settings, the registry, the records, the clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from config import Settings
from webapp.catalogue.revisions import Revisions, revisions_in
from webapp.catalogue.sync import Catalogue
from webapp.database import Reading, Writing
from webapp.maintenance.run import Maintainer
from webapp.registry.client import RegistryClient
from webapp.registry.presence import answers
from webapp.removal.remover import Remover


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once by `create_app`, kept in `app.extensions["holystone"]`."""

    settings: Settings
    registry: RegistryClient
    reading: Reading
    writing: Writing
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    other_registries: tuple[RegistryClient, ...] = ()
    reader: RegistryClient | None = None

    @property
    def catalogue(self) -> Catalogue:
        """What a sync works with."""
        return Catalogue(
            self.registry, self.reading, self.writing, self.now, self.settings.REGISTRY_STORE, self.revisions
        )

    @property
    def revisions(self) -> Revisions:
        """How all manifests of a repository can be known."""
        return revisions_in(self.settings.REGISTRY_STORE, self.settings.KEEPER_FOLDER, self.writing)

    @property
    def remover(self) -> Remover:
        """What removals work with."""
        return Remover(
            client=self.registry,
            reading=self.reading,
            writing=self.writing,
            now=self.now,
            store=self.settings.REGISTRY_STORE,
            revisions=self.revisions,
            protected=self.settings.PROTECTED_TAGS,
        )

    @property
    def maintainer(self) -> Maintainer:
        """What runs work with."""
        return Maintainer(
            client=self.registry,
            reading=self.reading,
            writing=self.writing,
            now=self.now,
            monotonic=self.monotonic,
            folder=self.settings.KEEPER_FOLDER,
            store=self.settings.REGISTRY_STORE,
            others=self.other_registries,
            longest_s=self.settings.MAINTENANCE_MAX_DURATION,
            reads=self.reader,
            config=self.settings.REGISTRY_CONFIG,
            probe_repository=self.settings.PROBE_REPOSITORY,
            is_answered=lambda: answers(self.settings.REGISTRY_URL, self.settings.REGISTRY_CA),
        )
