"""The parts that every page, command and job is handed: settings, the registry, the records, the clocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from config import Settings
from webapp.backups.nightly import newest_at
from webapp.catalogue.refresh import Catalogue
from webapp.catalogue.revisions import Revisions, revisions_in
from webapp.database import Reading, Writing
from webapp.maintenance.hold_records import why_not_deleted
from webapp.maintenance.run import Maintainer
from webapp.notices.channels import Channels, channels_of
from webapp.notices.deliver import Messenger
from webapp.notices.disks import RECORDS, STORE
from webapp.notices.watch import Watch, Watched
from webapp.notices.words import Names
from webapp.registry.client import RegistryClient
from webapp.registry.presence import answers
from webapp.removal.empty import empty_what_is_due
from webapp.removal.remover import Remover
from webapp.retention.preview import Means
from webapp.retention.run import carry_out_rules
from webapp.retention.take import Retainer
from webapp.windows.due import PLACE


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
    watched: Watched = field(default_factory=Watched)

    @property
    def catalogue(self) -> Catalogue:
        """What a sync works with."""
        return Catalogue(
            client=self.registry,
            reading=self.reading,
            writing=self.writing,
            now=self.now,
            store=self.settings.REGISTRY_STORE,
            revisions=self.revisions,
            named=self.settings.REPOSITORIES,
            requests_per_second=self.settings.SYNC_REQUESTS_PER_SECOND,
            checked_at_most=int(self.settings.SYNC_REQUESTS_PER_SECOND * self.settings.SYNC_INTERVAL),
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
            retention=timedelta(days=self.settings.TRASH_RETENTION),
            why_held=lambda session: why_not_deleted(session, self.now()),
        )

    @property
    def retainer(self) -> Retainer:
        """What runs of the rules work with."""
        means = Means(self.settings.PROTECTED_TAGS, self.settings.RETENTION_MAX_SHARE)
        in_store = revisions_in(self.settings.REGISTRY_STORE, None, self.writing)
        catalogue = replace(self.catalogue, revisions=in_store)  # a dry run for each repository would take hours
        return Retainer(self.remover, catalogue, means, self.settings.DELETE_ENABLED)

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
            clear=self._clear,
            is_answered=lambda: answers(self.settings.REGISTRY_URL, self.settings.REGISTRY_CA),
        )

    def _clear(self) -> str:
        """What was put off until the collection of a window."""
        if not self.settings.DELETE_ENABLED:
            return "Deleting is switched off in Holystone (HOLYSTONE_DELETE_ENABLED)."
        return f"{carry_out_rules(self.retainer)} {empty_what_is_due(self.remover, PLACE)}"

    @property
    def channels(self) -> Channels:
        """Where notices are sent."""
        return channels_of(self.settings)

    @property
    def messenger(self) -> Messenger:
        """What sending of notices works with."""
        return Messenger(self.reading, self.writing, self.now, self.channels, self._names)

    @property
    def watch(self) -> Watch:
        """What a look for what is wrong works with."""
        store, data = self.settings.REGISTRY_STORE, self.settings.DATA_DIR
        return Watch(
            reading=self.reading,
            writing=self.writing,
            watched=self.watched,
            names=self._names,
            channels=self.channels.for_notices,
            calls_switch=self.channels.switch is not None,
            has_keeper=self.settings.KEEPER_FOLDER is not None,
            sync_interval_s=self.settings.SYNC_INTERVAL,
            folders={STORE: store, RECORDS: data} if store is not None else {RECORDS: data},
            backed_up_at=lambda: newest_at(self.settings),
        )

    @property
    def _names(self) -> Names:
        return Names(self.settings.public_name, self.settings.PUBLIC_URL)
