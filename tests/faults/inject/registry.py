"""A registry that does not come up read-only, or not read-write, or not alone; and a dashboard that cannot reach it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from typing import Any

from soak.network import Cut, Network
from tests.faults.scene import Fault, Scene
from tests.registry_process import RegistryProcess
from tests.runtime.keeper_process import KeeperProcess, accepts_writes, wait_for
from webapp.maintenance.models import StepName, Strategy
from webapp.runtime.orders import Phase

IMPATIENT = 60.0  # so much faster go the waits for a registry that does not come


def told(what: str, role: str, strategy: Strategy = Strategy.READ_ONLY) -> Fault:
    """A run in which that happens to the registry of that role (see KeeperProcess.tell)."""

    def inject(scene: Scene) -> None:
        house = scene.house
        house.strategy = strategy
        house.reads_url = house.keeper.reads_url if strategy == Strategy.OVERLAPPED else ""
        scene.mend.callback(house.keeper.tell(what, role).unlink)
        house.run()

    return inject


def writer_does_not_start(scene: Scene) -> None:
    """After the collection the registry's program fails, and its keeper with it; it is started again when it can."""
    keeper = scene.house.keeper
    broken = keeper.tell("fail", "writer")
    run_impatiently(scene, Strategy.READ_ONLY)
    broken.unlink()
    assert keeper.wait() == 3
    keeper.start()


def port_is_taken(scene: Scene) -> None:
    """During the collection somebody else takes the registry's port, and gives it back too late."""
    keeper = scene.house.keeper
    held_back = keeper.tell("hold", "collect")
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

    def take_port() -> None:
        keeper.wait_for_phase(Phase.COLLECTING)
        taken.bind(("127.0.0.1", keeper.port))
        taken.listen()
        held_back.unlink()

    scene.house.at[StepName.COLLECT] = take_port
    run_impatiently(scene, Strategy.STOP)
    assert keeper.wait() != 0
    taken.close()
    keeper.start()


def run_impatiently(scene: Scene, strategy: Strategy) -> None:
    scene.house.strategy, scene.house.speed = strategy, IMPATIENT
    scene.house.run()


def network_cut_before_the_proof(scene: Scene) -> None:
    """The registry is read-only, and the dashboard cannot reach it to prove that."""
    house = scene.house
    with closing(Network(house.keeper.port)) as network, ThreadPoolExecutor(1) as pool:
        house.client_url = network.url
        house.at[StepName.PROVE_READ_ONLY] = partial(network.cut, Cut.SILENT)
        running = pool.submit(house.run)
        wait_for(lambda: StepName.PROVE_READ_ONLY not in house.at and accepts_writes(house.keeper.url), "it is back")
        network.mend()
        running.result()
    house.client_url = ""


def network_cut_before_the_end(scene: Scene) -> None:
    """The registry comes back, and the dashboard cannot reach it to see that."""
    house = scene.house
    with closing(Network(house.keeper.port)) as network:
        house.client_url = network.url
        house.at[StepName.COLLECT] = partial(network.cut, Cut.SILENT)
        run_impatiently(scene, Strategy.READ_ONLY)
    house.client_url = ""


def another_takes_writes(scene: Scene) -> None:
    """A second registry on the same storage is read-write all the time."""
    with another(scene, read_only=False):
        scene.house.run()


def another_begins_to_take_writes(scene: Scene) -> None:
    """A second registry on the same storage is restarted read-write when the first one has stepped aside."""
    with another(scene, read_only=True) as registry:
        scene.house.at[StepName.PROVE_READ_ONLY] = lambda: registry.restart(read_only=False)
        scene.house.run()


@contextmanager
def another(scene: Scene, *, read_only: bool) -> Iterator[RegistryProcess]:
    registry = RegistryProcess(scene.house.keeper.home / "another", read_only=read_only)
    registry.store = scene.house.keeper.store
    with registry:
        scene.house.other_urls = (registry.url,)
        yield registry
    scene.house.other_urls = ()


def cache_in_redis(scene: Scene) -> None:
    """The registry remembers blobs in a redis, which would outlive a collection (here nobody answers as one)."""

    def use_redis(document: dict[str, Any]) -> None:
        document["storage"]["cache"]["blobdescriptor"] = "redis"
        document["redis"] = {"addr": "127.0.0.1:1", "dialtimeout": "10ms"}

    with configured(scene.house.keeper, use_redis):
        scene.house.run()


@contextmanager
def configured(keeper: KeeperProcess, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """The keeper and its registry with another configuration, for a while."""
    before = keeper.config.read_text()
    document = json.loads(before)
    change(document)
    for text in (json.dumps(document), before):
        keeper.stop()
        keeper.config.write_text(text)
        keeper.start()
        if text != before:
            yield
