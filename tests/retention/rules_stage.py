"""A real registry, and the acts that the tests of retention repeat. Pushes are as old as the test says."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import selectinload

from demo.build import Built
from tests.removal.stage import API, Stage, build
from webapp.activities.models import Activity
from webapp.catalogue.models import Manifest
from webapp.registry.client import RegistryClient
from webapp.retention.listing import all_rules, in_order
from webapp.retention.models import RetentionPart, RetentionRule, RetentionRun
from webapp.retention.preview import Foreseen, Means, foresee
from webapp.retention.records import Change, Plan, make, standing, switch_on
from webapp.retention.rules import Terms
from webapp.retention.run import Agreed, run_rules
from webapp.retention.take import Retainer


@dataclass(frozen=True)
class RulesStage:
    """Where rules are tried."""

    at: Stage
    means: Means = field(default_factory=lambda: Means(share_percent=100))
    may_delete: bool = True

    @property
    def retainer(self) -> Retainer:
        return self.retainer_with(self.at.client)

    def retainer_with(self, client: RegistryClient) -> Retainer:
        catalogue = replace(self.at.catalogue, client=client)
        return Retainer(self.at.remover_with(client), catalogue, self.means, self.may_delete)

    @property
    def change(self) -> Change:
        return Change("alice", "test", self.at.clock())

    def push(self, tag: str, days_ago: float = 0, repository: str = API, of: str = "") -> Built:
        """Push a tag that is so many days old, on an image of its own or, `of` a name, on that one."""
        built = self.at.pusher.push(repository, build(of or f"build {tag}"), [tag])
        self.age(days_ago, tag, repository)
        return built

    def age(self, days: float, tag: str, repository: str = API) -> None:
        """Let a tag have been pushed so many days ago: the time of its link in the store says so."""
        at = (self.at.clock() - timedelta(days=days)).timestamp()
        folder = self.at.registry.store / "docker/registry/v2/repositories" / repository
        os.utime(folder / "_manifests/tags" / tag / "current/link", (at, at))
        self.at.sync()

    def push_index(self, name: str, days_ago: float, *tags: str) -> tuple[Built, list[Built]]:
        """Push an index of two platforms that is so many days old; returns it and its children."""
        built = self.at.push_index(name, *tags)
        for tag in tags:
            self.age(days_ago, tag)
        return built

    def retag(self, tag: str, built: Built, days_ago: float = 0) -> None:
        """Put a manifest that is there under another tag."""
        self.at.retag(tag, built)
        self.age(days_ago, tag)

    def age_manifest(self, days: float, digest: str) -> None:
        """Let a manifest have been seen first so many days ago."""
        with self.at.records.writing() as session:
            seen_at = self.at.clock() - timedelta(days=days)
            session.execute(update(Manifest).where(Manifest.digest == digest).values(first_seen_at=seen_at))

    def rule(self, name: str = "CI", repositories: str = "*", is_on: bool = True, **terms: Any) -> int:
        """Make a rule, and switch it on."""
        with self.at.records.writing() as session:
            rule_id = make(session, Plan(name, tuple(repositories.split(",")), Terms(**terms)), self.change)
        if is_on:
            self.switch_on(rule_id)
        return rule_id

    def switch_on(self, rule_id: int) -> None:
        with self.at.records.writing() as session:
            rule = session.get_one(RetentionRule, rule_id)
            switch_on(session, rule, standing(session, rule), self.change)

    def foresee(self, **only: Any) -> list[Foreseen]:
        with self.at.records.reading() as session:
            return list(foresee(session, in_order(all_rules(session)), self.means, self.at.clock(), **only))

    def run(self, client: RegistryClient | None = None, agreed: Agreed | None = None) -> RetentionRun:
        """Carry out the rules; returns what is written down of it, with its repositories."""
        return self.run_row(run_rules(self.retainer_with(client or self.at.client), "alice", "test", agreed=agreed))

    def run_row(self, run_id: int) -> RetentionRun:
        with self.at.records.reading() as session:
            return session.get_one(RetentionRun, run_id, options=[selectinload(RetentionRun.parts)])

    def rows(self) -> list[RetentionRule]:
        with self.at.records.reading() as session:
            return list(all_rules(session))

    def deleted_by(self) -> list[tuple[str, str | None, str]]:
        """Actor, tag and outcome of each activity that belongs to a removal."""
        with self.at.records.reading() as session:
            found = session.scalars(select(Activity).where(Activity.removal_id.is_not(None)).order_by(Activity.id))
            return [(each.actor, each.tag, each.outcome.value) for each in found]


def kept_in(part: RetentionPart) -> dict[str, str]:
    """What was foreseen and not taken, with the reason."""
    return dict(line.split("\t") for line in part.differences.splitlines())
