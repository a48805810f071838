"""Who looks after the registry: plans a window a minute, deletes, starts and stops runs by hand, by Holystone's commands."""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soak.acting import Acting
from soak.ledger import Entry, Family, Ledger, Standing
from soak.stage import Stage
from webapp.maintenance.models import Question

BETWEEN_DELETES_S = (3.0, 9.0)
BETWEEN_RUNS_S = (90.0, 240.0)
MOST_KEPT = 600  # tags and manifests; above it, every second time a whole image goes
OLD_S = 20.0
AGREED = [word for each in Question for word in ("--agree", each.value)]


class Administrator(Acting):
    """A thread that deletes and another that runs, from `start` until `stop`.

    Attributes:
        deletions: by what was deleted, and what became of each tag and manifest.
        by_hand: how the runs ended that were started by hand.
        torn_links: files of the store that a killed registry had left empty, and that were removed by hand.
    """

    def __init__(self, stage: Stage, ledger: Ledger, seed: int) -> None:
        super().__init__([self._delete_on, self._run_on])
        self._stage, self._ledger, self._seed = stage, ledger, seed
        self.deletions: Counter[str] = Counter()
        self.by_hand: Counter[str] = Counter()
        self.torn_links: list[str] = []

    def run_now(self) -> dict[str, Any] | None:
        """A run by hand, agreed to beforehand; what the command answers."""
        return self._command("maintenance", "run", "--json", *AGREED)

    def mend_links(self) -> None:
        """What Status tells an administrator to do with an empty link: remove it by hand.

        Registry 2.8 writes links in place; killed in between it leaves an empty one. What has to pull is never removed.
        """
        oldest = time.time() - OLD_S
        for folder, _folders, files in os.walk(self._stage.keeper.store):  # which passes over what goes meanwhile
            link = Path(folder, "link")
            with contextlib.suppress(FileNotFoundError):
                if "link" in files and _is_empty(link, oldest) and not self._has_to_pull(link):
                    link.unlink()
                    self.torn_links.append(str(link.relative_to(self._stage.keeper.store)))

    def _has_to_pull(self, link: Path) -> bool:
        path = str(link)
        kept = self._ledger.entries(Standing.KEPT)
        return any(f"/{each.repository}/_manifests/" in path and _last(each) in path for each in kept)

    def _delete_on(self) -> None:
        choose = random.Random(f"{self._seed} delete")
        while not self._over.wait(choose.uniform(*BETWEEN_DELETES_S)):
            self._delete(choose)
            self.mend_links()

    def _run_on(self) -> None:
        choose = random.Random(f"{self._seed} run")
        while not self._over.wait(choose.uniform(*BETWEEN_RUNS_S)):
            stopping = None
            if choose.random() < 0.3:
                stopping = threading.Timer(choose.uniform(4, 15), self._command, ("maintenance", "stop", "--json"))
                stopping.start()
            answer = self.run_now()
            self.by_hand[answer["outcome"] if answer else "no answer"] += 1
            if stopping:
                stopping.cancel()
                stopping.join(90)

    def _delete(self, choose: random.Random) -> None:
        families = self._ledger.families(lambda family: family.is_untouched and bool(family.entries))
        if not families:
            return
        whole = [each for each in families if self._is_retired(each)]
        is_full = len(self._ledger.entries(Standing.KEPT)) > MOST_KEPT
        if whole and choose.random() < (0.5 if is_full else 0.05):
            self._delete_image(choose.choice(whole).repository)
            return
        family = choose.choice(families)
        if not family.kept_tags:
            manifests = [each for each in family.others if each.standing is Standing.KEPT]
            if not family.tags and manifests:
                self._remove("an untagged manifest", [manifests[-1].name], [], manifests)
        elif len(family.kept_tags) > 1 and choose.random() < 0.7:
            (tag, *_others) = family.kept_tags
            self._remove("a tag without its siblings", [tag.name], ["--siblings", "keep"], [tag])
        else:
            tag = choose.choice(family.kept_tags)
            self._remove("a tag and all of its manifest", [tag.name], ["--siblings", "remove"], family.entries)

    def _is_retired(self, family: Family) -> bool:
        """Whether nobody pushes to its repository any more, and all that was pushed is settled."""
        of_it = self._ledger.families(lambda each: each.repository == family.repository)
        team, _, number = family.repository.rpartition("-")
        newer = self._ledger.families(lambda each: each.repository == f"{team}-{int(number) + 1}")
        return bool(newer) and all(each.is_untouched for each in of_it)

    def _delete_image(self, repository: str) -> None:
        families = self._ledger.families(lambda each: each.repository == repository)
        self._remove("an image", [repository], [], [entry for family in families for entry in family.entries])

    def _remove(self, what: str, references: list[str], options: list[str], entries: Sequence[Entry]) -> None:
        at_stake = self._ledger.put_at_stake(entries)
        answer = None
        try:
            answer = self._command("remove", *references, *options, "--yes", "--json")
        finally:
            count = self._ledger.settle(at_stake, answer if answer and "tags" in answer else None)
        self.deletions[what] += 1
        for standing, number in count.items():
            self.deletions[f"  of which {standing}"] += number

    def _command(self, *words: str) -> dict[str, Any] | None:
        """What it answers; None where that is nothing, or it did not end in time."""
        try:
            done = self._stage.dashboard.command(*words)
            document: dict[str, Any] = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            return None
        return document


def _is_empty(link: Path, oldest: float) -> bool:
    found = link.stat()
    return found.st_size == 0 and found.st_mtime < oldest


def _last(entry: Entry) -> str:
    return f"/{entry.reference.replace(':', '/')}/" if ":" in entry.reference else f"/tags/{entry.reference}/current/"
