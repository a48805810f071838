"""Pushes at the wrong moment: around a run, through a hand-over, and with events that nobody gets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

import pytest
import requests
from sqlalchemy import select

from demo.build import OCI_LAYER, Blob, Built, image, layer
from demo.push import Pusher
from tests.faults.inject.registry import configured
from tests.faults.scene import REPOSITORY, Scene
from tests.registry.odd_registry import serving
from tests.runtime.keeper_process import wait_for
from tests.runtime.slow_clients import HALF, HangingUpload
from webapp.catalogue.models import Tag
from webapp.maintenance.models import StepName
from webapp.runtime.orders import Phase


def straddles_the_run(scene: Scene) -> None:
    """The layers come before the run, the manifest during it and again afterwards: neither is acknowledged."""
    house, late = scene.house, image([layer("straddling")])
    pusher = Pusher(house.keeper.url)
    for blob in late.blobs:
        pusher.push_blob(REPOSITORY, blob)
    house.at[StepName.PROVE_READ_ONLY] = lambda: assert_refused(pusher, late, 405)
    house.run()
    assert_refused(pusher, late, 400)
    scene.push(late, ["straddling"])


def assert_refused(pusher: Pusher, built: Built, status: int) -> None:
    with pytest.raises(requests.HTTPError) as refused:
        pusher.put_manifest(REPOSITORY, "straddling", built)
    assert refused.value.response.status_code == status


def same_image_afterwards(scene: Scene) -> None:
    """What was pulled, deleted and collected is pushed again: no cache may say that it is still there."""
    house = scene.house
    for blob in scene.gone.blobs:
        requests.get(f"{house.keeper.url}/v2/{REPOSITORY}/blobs/{blob.digest}", timeout=5).raise_for_status()
    house.run()
    assert not house.has(scene.gone)
    scene.push(scene.gone, ["as-before"])


def drained(scene: Scene) -> None:
    """Half of a layer is on its way when the registry steps aside; the rest comes while it drains."""
    house = scene.house
    with ThreadPoolExecutor(1) as pool:
        uploads = []

        def begin() -> None:
            uploads.append(HangingUpload(house.keeper, REPOSITORY))

        house.at[StepName.ORDER] = begin
        running = pool.submit(house.run)
        house.keeper.wait_for_phase(Phase.DRAINING)
        uploads[0].finish()
        assert uploads[0].status == 202
        running.result()
    built = image([Blob(OCI_LAYER, 2 * HALF)])
    digest = built.blobs[1].digest
    requests.put(uploads[0].location, params={"digest": digest}, timeout=5).raise_for_status()
    scene.push(built, ["drained"])


def cut_off(scene: Scene) -> None:
    """Half of a layer is on its way, and the rest never comes: the drain ends, and nothing of it counts as a blob."""
    house = scene.house
    built = image([Blob(OCI_LAYER, 2 * HALF)])
    uploads = []
    house.at[StepName.ORDER] = lambda: uploads.append(HangingUpload(house.keeper, REPOSITORY))
    house.run()
    with pytest.raises(OSError), uploads[0]:  # reset, broken or closed: the system says which
        uploads[0].finish()
    blob = f"{house.keeper.url}/v2/{REPOSITORY}/blobs/{built.blobs[1].digest}"
    assert requests.head(blob, timeout=5).status_code == 404
    scene.push(built, ["cut-off"])


def events_are_lost(scene: Scene) -> None:
    """The registry tells of a push to somebody who does not take it, and steps aside: a sync finds the push."""
    house, answers, told = scene.house, [503], []

    class Listener(BaseHTTPRequestHandler):
        def answer(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_error(answers[-1])

        do_POST = answer  # noqa: N815 http.server names it so

        def log_message(self, *_: object) -> None:
            pass

    with serving(Listener) as url:
        endpoint = {"name": "us", "url": url, "timeout": "1s", "threshold": 1, "backoff": "100ms"}
        with configured(house.keeper, lambda document: document.update(notifications={"endpoints": [endpoint]})):
            house.at[StepName.ORDER] = lambda: scene.push(image([layer("untold")]), ["untold"])
            house.run()
            answers.append(200)
            scene.push(image([layer("told")]), ["told"])
            wait_for(lambda: any(b'"told"' in event for event in told), "the registry tells of what came later")
            assert not any(b'"untold"' in event for event in told)
            assert not is_known(scene, "untold")
            house.look()
            assert is_known(scene, "untold")


def is_known(scene: Scene, tag: str) -> bool:
    """Whether the catalogue has a tag of that name."""
    with scene.house.reading() as session:
        return bool(session.scalars(select(Tag).where(Tag.name == tag)).all())
