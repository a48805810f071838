"""Who pushes and who pulls, all the time, through nginx, as a team's builds and servers do."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial

import requests

from demo.build import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Blob, Built, digest_of, image, layer
from demo.build import index as index_of
from demo.build import signature as signature_of
from demo.push import Pusher
from soak.acting import Acting
from soak.ledger import Entry, Family, Ledger

PUSHERS = 2
PULLERS = 2
BURST_S = 12.0
LULL_S = 8.0  # a window waits for three seconds in which no upload moves
BETWEEN_PUSHES_S = (0.2, 1.2)
BETWEEN_PULLS_S = 0.1
PUSHES_A_REPOSITORY = 25  # then a new one is begun, and the old one may be deleted as a whole
ACCEPT = {"Accept": ", ".join((OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST))}
PULL_TIMEOUT_S = 10.0


class Client(Pusher):
    """Pushes as docker does: a layer that the repository has is not pushed again."""

    def push_blob(self, repository: str, blob: Blob) -> None:
        """Push a blob where it is missing."""
        there = self._session.head(f"{self._url}/v2/{repository}/blobs/{blob.digest}", timeout=PULL_TIMEOUT_S)
        if there.status_code != 200:
            super().push_blob(repository, blob)


class Traffic(Acting):
    """Threads that push and pull from `start` until `stop`.

    Attributes:
        pushes: how they ended: `acknowledged`, or why not.
        pulls: how many answers were right.
        failed_pulls: when, and how; what is not an answer of the registry.
        wrong_pulls: what had to pull and did not, in words; there must be none.
    """

    def __init__(self, url: str, ledger: Ledger, seed: int) -> None:
        pushing = [partial(self._push_on, number) for number in range(PUSHERS)]
        pulling = [partial(self._pull_on, number) for number in range(PULLERS)]
        super().__init__([*pushing, *pulling])
        self._url, self._ledger, self._seed = url, ledger, seed
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self.pushes: Counter[str] = Counter()
        self.pulls = 0
        self.failed_pulls: list[tuple[datetime, str]] = []
        self.wrong_pulls: list[str] = []

    def _push_on(self, pusher: int) -> None:
        choose = random.Random(f"{self._seed} push {pusher}")
        number = 0
        while not self._over.wait(choose.uniform(*BETWEEN_PUSHES_S) + self._lull_s()):
            repository = f"team-{pusher}/app-{number // PUSHES_A_REPOSITORY}"
            family = self._ledger.begin(repository)
            try:
                self._push(family, number, choose)
                outcome = "acknowledged"
            except requests.RequestException as error:
                outcome = _why(error)
            family.is_whole = True
            with self._lock:
                self.pushes[outcome] += 1
            number += 1

    def _lull_s(self) -> float:
        """How long until the next burst begins; 0 within one. All pushers rest together, as teams do at night."""
        into = (time.monotonic() - self._begun) % (BURST_S + LULL_S)
        return max(0.0, BURST_S + LULL_S - into) if into > BURST_S else 0.0

    def _push(self, family: Family, number: int, choose: random.Random) -> None:
        client = Client(self._url)
        name = f"{self._seed} {family.repository} {number}"
        base = layer(f"base of {family.repository}", 20_000)

        def built(platform: str) -> Built:
            own = layer(f"{name} {platform}", choose.randrange(500, 60_000))
            return image([base, own], platform=platform, labels={"build": name})

        kind = choose.choice(["image"] * 6 + ["two tags"] * 2 + ["index", "signed", "untagged"])
        tags = [] if kind == "untagged" else [f"v{number}", *([f"also-v{number}"] if kind == "two tags" else [])]
        if kind == "index":
            children = [built("linux/amd64"), built("linux/arm64")]
            for child in children:
                client.push(family.repository, child)
                self._ledger.acknowledged(family, child.digest, child)
            main = index_of(children)
        else:
            main = built("linux/amd64")
        # Acknowledged when all its tags are: until then a further PUT writes the link of its digest anew.
        client.push(family.repository, main, tags)
        for tag in tags:
            self._ledger.acknowledged(family, tag, main, is_main_tag=True)
        self._ledger.acknowledged(family, main.digest, main)
        if kind == "signed":
            tag = f"{main.digest.replace(':', '-')}.sig"
            signature = client.push(family.repository, signature_of(main, family.repository), [tag])
            self._ledger.acknowledged(family, tag, signature)
            self._ledger.acknowledged(family, signature.digest, signature)

    def _pull_on(self, puller: int) -> None:
        choose = random.Random(f"{self._seed} pull {puller}")
        session = requests.Session()
        session.trust_env = False
        while not self._over.wait(BETWEEN_PULLS_S):
            if found := self._ledger.any_kept(choose):
                self._pull(session, choose, *found)

    def _pull(self, session: requests.Session, choose: random.Random, entry: Entry, changes: int) -> None:
        try:
            wrong = what_is_wrong(session, self._url, entry, choose)
        except requests.RequestException as error:
            with self._lock:
                self.failed_pulls.append((datetime.now(UTC), _why(error)))
            return
        with self._lock:
            self.pulls += 1
            if wrong and self._ledger.had_to_pull(entry, changes):
                self.wrong_pulls.append(f"{datetime.now(UTC):%H:%M:%S} {wrong}")


def what_is_wrong(session: requests.Session, url: str, entry: Entry, choose: random.Random | None = None) -> str:
    """Pull a manifest, and one of its blobs, or all where nobody chooses; '' where each is what was pushed.

    Raises:
        requests.RequestException: the registry gave no answer, or a 5xx.
    """
    where = f"{url}/v2/{entry.repository}"
    answer = _get(session, f"{where}/manifests/{entry.reference}")
    if answer.status_code != 200:
        return f"{entry.name}: {answer.status_code} {answer.text[:200]}"
    if answer.content != entry.built.raw:
        return f"{entry.name}: another manifest, {digest_of(answer.content)} instead of {entry.built.digest}"
    blobs = entry.built.blobs
    for blob in [choose.choice(blobs)] if choose and blobs else blobs:
        answer = _get(session, f"{where}/blobs/{blob.digest}")
        if answer.status_code != 200 or digest_of(answer.content) != blob.digest:
            return f"{entry.name}: its layer {blob.digest}: {answer.status_code}"
    return ""


def _get(session: requests.Session, url: str) -> requests.Response:
    answer = session.get(url, headers=ACCEPT, timeout=PULL_TIMEOUT_S)
    if answer.status_code >= 500:
        answer.raise_for_status()
    return answer


def _why(error: requests.RequestException) -> str:
    if error.response is None:
        return "no answer"
    status = error.response.status_code
    words = {403: "refused as read-only", 405: "refused as read-only", 400: "to be repeated: a layer was gone"}
    with contextlib.suppress(ValueError):
        return words.get(status) or f"{status} {error.response.reason}"
    return str(status)
