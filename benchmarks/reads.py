"""What those who pull notice of a collection: nothing behind nginx with a second address, a moment without."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.big_store import write_store
from benchmarks.figure import Figure
from benchmarks.pulling import Answers, Pulled, pull_at_pace, pulling_eagerly
from demo.build import image, layer
from demo.push import Pusher
from tests.deploy.nginx_process import NginxProcess
from tests.registry_process import BINARY, RegistryProcess
from tests.runtime.keeper_process import KeeperProcess
from webapp.runtime.orders import Ended, Phase, Reads, boottime_s

REPOSITORY = "team/pulled"
IMAGES = [image([layer(f"pulled {number}", 50_000)]) for number in range(20)]
PULLS = 10_000
PER_SECOND = 200.0
RUNS = 5
PULLS_BY_HAND = 2_000
ROUNDS = 5
MARGIN_S = 0.2
"""Around a hand-over: the keeper writes its times down a little before or after what clients see."""


def measure(folder: Path) -> list[Figure]:
    """Pull while the keeper collects, on two addresses behind nginx and on one; beside what a person does by hand."""
    with keeper_before_a_store(folder / "kept") as keeper:
        with NginxProcess(folder / "nginx", keeper) as nginx:
            pulled = pull_during(nginx.url, lambda: _collect(keeper, Reads.OWN), PULLS, RUNS)
        pauses = _pauses_of_keeper(keeper)
    with RegistryProcess(folder / "kept") as registry:  # the same store
        by_hand = pull_during(registry.url, lambda: _collect_by_hand(registry), PULLS_BY_HAND, 1)
        restarts = _pauses_of_restarts(registry)
    return [*_of_pulls(pulled, by_hand), *_of_pauses(pauses, restarts)]


def keeper_before_a_store(home: Path) -> KeeperProcess:
    """A keeper, to be entered, whose registry holds garbage; what is to be pulled has been pushed."""
    write_store(home / "store")
    with RegistryProcess(home) as registry:
        for number, built in enumerate(IMAGES):
            Pusher(registry.url).push(REPOSITORY, built, [f"{number}.0"])
    keeper = KeeperProcess(home)
    keeper.binary = Path(BINARY)
    return keeper


def pull_during(url: str, run: Callable[[], object], pulls: int, runs: int) -> Pulled:
    """Pull at the pace, and have so many runs meanwhile, at even distances.

    Args:
        url: what clients pull from.
        run: carries out one run, and returns when the registry takes pushes again; raises where it failed.
    """
    found: list[Pulled] = []
    client = threading.Thread(target=lambda: found.append(pull_at_pace(url, REPOSITORY, IMAGES, pulls, PER_SECOND)))
    distance_s = pulls / PER_SECOND / (runs + 1)
    started = time.monotonic()
    client.start()
    for number in range(1, runs + 1):
        time.sleep(max(0.0, started + number * distance_s - time.monotonic()))
        run()
    assert client.is_alive(), "the pulls were over before the runs"
    client.join()
    return found[0]


def _collect(keeper: KeeperProcess, reads: Reads) -> None:
    result = keeper.collect(reads)
    assert result.ended is Ended.DONE, result.reason


def _collect_by_hand(registry: RegistryProcess) -> None:
    registry.stop()
    registry.collect()
    registry.start()


def _pauses_of_keeper(keeper: KeeperProcess) -> list[float]:
    """The longest time without an answered pull of each hand-over, in ms, with reads on the registry's own address."""
    with pulling_eagerly(keeper.url, REPOSITORY, IMAGES[0]) as answers:
        spans = []
        for _ in range(ROUNDS):
            _settle(answers)
            began = keeper.collect(Reads.SAME).began
            spans += [(began[Phase.DRAINING], began[Phase.HOLDING]), (began[Phase.RETURNING], began[Phase.SERVING])]
        _settle(answers)
        return [answers.longest_gap_ms(since - MARGIN_S, until + MARGIN_S) for since, until in spans]


def _pauses_of_restarts(registry: RegistryProcess) -> list[float]:
    """The same of a registry that is stopped and started."""
    with pulling_eagerly(registry.url, REPOSITORY, IMAGES[0]) as answers:
        spans = []
        for _ in range(2 * ROUNDS):
            _settle(answers)
            since = boottime_s()
            registry.restart()
            spans.append((since, boottime_s()))
        _settle(answers)
        return [answers.longest_gap_ms(since - MARGIN_S, until + MARGIN_S) for since, until in spans]


def _settle(answers: Answers) -> None:
    """Let some pulls be answered before and after what is watched."""
    known = len(answers.at)
    time.sleep(2 * MARGIN_S)
    assert len(answers.at) > known, "no pull is answered"


def _of_pulls(pulled: Pulled, by_hand: Pulled) -> Sequence[Figure]:
    if pulled.first_failure:
        print(f"The first pull that failed: {pulled.first_failure}")
    beside = f"of {PULLS_BY_HAND:,} in one by hand"
    return [
        Figure(f"failed of {PULLS:,} in {RUNS} runs", pulled.failed, beside, by_hand.failed, "pulls", 0, False),
        Figure("pulled meanwhile", pulled.per_second, "wanted", PER_SECOND, "pulls/s", 1.05, True, least_ratio=0.95),
    ]


def _of_pauses(keeper: list[float], restarts: list[float]) -> Sequence[Figure]:
    beside = "stop and start"
    return [
        Figure("pause of pulls on one address", median(keeper), beside, median(restarts), "ms", None, False),
        Figure("the longest such pause", max(keeper), beside, max(restarts), "ms", None, False),
    ]
