"""Fixtures of the tests of the catalogue: an empty database in front of the real registry."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import select

from tests.catalogue.watched_transport import WatchedTransport
from tests.records import Clock, Records, clock, records, records_template
from tests.registry_process import RegistryProcess
from webapp.accounts.permissions import Visibility
from webapp.catalogue import listing
from webapp.catalogue.details import Child, ManifestDetails, children_of, manifest_details
from webapp.catalogue.models import RegistryState, Repository
from webapp.catalogue.refresh import Catalogue
from webapp.registry.client import RegistryClient

__all__ = ["clock", "records", "records_template"]

EVERYTHING = Visibility(sees_everything=True)


@dataclass(frozen=True, slots=True)
class Shelf:
    """A catalogue with its registry, and the looks at it that the tests repeat."""

    records: Records
    registry: RegistryProcess
    transport: WatchedTransport
    catalogue: Catalogue

    def repositories(self) -> list[str]:
        """The names that the list of repositories shows."""
        with self.records.reading() as session:
            return [row.name for row in listing.repositories(session, EVERYTHING).rows]

    def repository(self, name: str) -> Repository:
        """A repository's row, listed or not."""
        with self.records.reading() as session:
            return session.scalars(select(Repository).where(Repository.name == name)).one()

    def tags(self, name: str) -> dict[str, listing.TagRow]:
        """The rows of a repository's tags."""
        with self.records.reading() as session:
            rows = listing.tags(session, self.repository(name), size=10_000).rows
        return {row.name: row for row in rows}

    def details(self, name: str, tag: str) -> ManifestDetails:
        """What the catalogue knows of the manifest that a tag is on."""
        with self.records.reading() as session:
            found = manifest_details(session, self.repository(name), self.tags(name)[tag].digest or "")
        assert found is not None
        return found

    def children(self, name: str, tag: str) -> tuple[Child, ...]:
        """What the index names that a tag is on."""
        with self.records.reading() as session:
            return children_of(session, self.repository(name), self.details(name, tag)).items

    def state(self) -> RegistryState:
        """What is known of the registry as a whole."""
        with self.records.reading() as session:
            return session.get_one(RegistryState, 1)


@pytest.fixture
def shelf(records: Records, registry: RegistryProcess, clock: Clock) -> Shelf:
    """An empty catalogue in front of an empty registry, whose storage it cannot read."""
    transport = WatchedTransport(registry.url)
    catalogue = Catalogue(RegistryClient(transport), records.reading, records.writing, clock, None)
    return Shelf(records, registry, transport, catalogue)


@pytest.fixture
def fleet(records: Records, fleet_registry: RegistryProcess, clock: Clock) -> Shelf:
    """An empty catalogue in front of the demo fleet, whose storage it can read."""
    transport = WatchedTransport(fleet_registry.url)
    client = RegistryClient(transport)
    catalogue = Catalogue(client, records.reading, records.writing, clock, fleet_registry.store)
    return Shelf(records, fleet_registry, transport, catalogue)
