"""What the soak measures with: a ledger that forgets nothing, a network that is cut, and invariants that see what is missing."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests

from demo.build import Built, image, layer
from demo.push import Pusher
from soak import invariants, windows
from soak.faults import Done
from soak.ledger import Family, Ledger, Standing
from soak.network import Cut, Network
from soak.traffic import Traffic
from soak.watch import Stretch, Watch
from tests.maintenance.house import open_records
from tests.registry_process import RegistryProcess
from webapp.database import Base, reading_from, writing_to
from webapp.maintenance.models import Run, RunKind, RunOutcome
from webapp.windows.models import Occurrence, OccurrenceState, Window

NOW = datetime(2026, 3, 12, 9, 0, 30, tzinfo=UTC)
BUILT = image([layer("soaked")])


@pytest.fixture
def family() -> tuple[Ledger, Family]:
    """Two tags of one manifest, acknowledged."""
    ledger = Ledger()
    family = ledger.begin("team/api")
    for tag in ("1.0", "latest"):
        ledger.acknowledged(family, tag, BUILT, is_main_tag=True)
    ledger.acknowledged(family, BUILT.digest, BUILT)
    family.is_whole = True
    return ledger, family


def answer(tag: str = "", digest: str = "", outcome: str = "deleted") -> dict[str, Any]:
    here = {"repository": "team/api", "outcome": outcome}
    return {"tags": [{**here, "tag": tag}] if tag else [], "manifests": [{**here, "digest": digest}] if digest else []}


def test_what_the_answer_does_not_name_has_to_pull_as_before(family: tuple[Ledger, Family]) -> None:
    ledger, made = family
    ledger.settle(ledger.put_at_stake(made.entries), answer("1.0"))
    assert [each.reference for each in ledger.entries(Standing.DELETED)] == ["1.0"]
    assert [each.reference for each in ledger.entries(Standing.KEPT)] == ["latest", BUILT.digest]


def test_without_an_answer_nothing_is_known_of_what_was_at_stake_and_the_rest_has_to_pull(
    family: tuple[Ledger, Family],
) -> None:
    ledger, made = family
    ledger.settle(ledger.put_at_stake(made.tags[:1]), None)
    assert [each.reference for each in ledger.entries(Standing.UNKNOWN)] == ["1.0"]
    assert len(ledger.entries(Standing.KEPT)) == 2
    assert not made.is_untouched


@pytest.mark.parametrize(("outcome", "standing"), [("kept", Standing.KEPT), ("failed", Standing.UNKNOWN)])
def test_only_what_is_said_to_be_deleted_is(family: tuple[Ledger, Family], outcome: str, standing: Standing) -> None:
    ledger, made = family
    assert ledger.settle(ledger.put_at_stake(made.others), answer(digest=BUILT.digest, outcome=outcome)) == {
        standing: 1
    }


def test_who_pulled_while_something_was_at_stake_proves_nothing(family: tuple[Ledger, Family]) -> None:
    ledger, made = family
    (entry, *_) = made.tags
    before = entry.changes
    assert ledger.had_to_pull(entry, before)
    ledger.settle(ledger.put_at_stake([entry]), answer("1.0", outcome="kept"))
    assert not ledger.had_to_pull(entry, before)


def test_what_is_missing_and_what_is_there_in_spite_of_its_deletion_is_seen(tmp_path: Path) -> None:
    ledger = Ledger()
    family = ledger.begin("team/api")
    with RegistryProcess(tmp_path / "registry") as registry:
        pushed = {tag: Pusher(registry.url).push("team/api", image([layer(tag)]), [tag]) for tag in ("a", "b", "c")}
        for tag, built in {**pushed, "never": image([layer("never")])}.items():
            ledger.acknowledged(family, tag, built, is_main_tag=True)
        ledger.settle(ledger.put_at_stake(family.tags[:1]), answer("a"))
        remove_layer(registry, pushed["b"])
        registry.restart()  # whose cache of layers is in its memory
        missing = list(invariants.must_pull(registry.url, ledger))
        assert [line.split(":")[2].strip() for line in missing] == ["b", "never"]
        (left,) = invariants.must_be_gone(registry.url, ledger)
        assert "team/api:a" in left


def remove_layer(registry: RegistryProcess, built: Built) -> None:
    algorithm, _, hexadecimal = built.blobs[-1].digest.partition(":")
    (registry.store / f"docker/registry/v2/blobs/{algorithm}/{hexadecimal[:2]}/{hexadecimal}/data").unlink()


def test_a_cut_network_refuses_or_is_silent_and_afterwards_it_carries_again(tmp_path: Path) -> None:
    with RegistryProcess(tmp_path / "registry") as registry, closing(Network(registry.port)) as network:
        session = requests.Session()
        assert session.get(f"{network.url}/v2/", timeout=5).status_code == 200
        for how, error in ((Cut.REFUSED, requests.ConnectionError), (Cut.SILENT, requests.ReadTimeout)):
            network.cut(how)
            with pytest.raises(error):
                requests.get(f"{network.url}/v2/", timeout=0.5)
            network.mend()
            assert requests.get(f"{network.url}/v2/", timeout=5).status_code == 200


def test_what_was_sent_into_silence_arrives_when_it_is_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, closing(Network(server.getsockname()[1])) as network:
        client = socket.create_connection(("127.0.0.1", int(network.url.rpartition(":")[2])), timeout=5)
        far, _ = server.accept()
        far.settimeout(5)
        network.cut(Cut.SILENT)
        client.sendall(b"late")
        threading.Timer(0.1, network.mend).start()
        assert far.recv(4) == b"late"
        client.close()
        far.close()


def test_a_planned_minute_without_a_row_or_without_an_end_is_seen(tmp_path: Path) -> None:
    engine = open_records(tmp_path / "records.sqlite3")
    Base.metadata.create_all(engine)
    with writing_to(engine)() as session:
        windows.plan(session, NOW, 180)
        first, second, _third = session.query(Window).order_by(Window.id)
        at = NOW.replace(second=0) + timedelta(minutes=1)
        session.add(Occurrence(window_id=first.id, planned_at=at, noted_at=at, state=OccurrenceState.MISSED))
        at += timedelta(minutes=1)
        session.add(Occurrence(window_id=second.id, planned_at=at, noted_at=at, state=None))
    with reading_from(engine)() as session:
        assert list(windows.without_end(session, NOW + timedelta(minutes=2))) == [
            "the window of 12 March, 09:02 is neither run nor given up"
        ]
        assert list(windows.without_end(session, NOW + timedelta(minutes=3)))[1:] == [
            "the window of 12 March, 09:03 has no row"
        ]
    engine.dispose()


def test_a_pull_without_an_answer_is_told_by_what_went_on(tmp_path: Path) -> None:
    engine = open_records(tmp_path / "records.sqlite3")
    Base.metadata.create_all(engine)
    with writing_to(engine)() as session:
        session.add(a_run("stop", NOW))
        session.add(a_run("overlapped", NOW + timedelta(minutes=5)))
    moments = (NOW, NOW + timedelta(minutes=2), NOW + timedelta(minutes=5), NOW + timedelta(minutes=8))
    traffic = cast("Traffic", SimpleNamespace(failed_pulls=[(at, "no answer") for at in moments]))
    killed = Done("kill", moments[1], moments[1], stops_pulls=True)
    with reading_from(engine)() as session:
        failed = invariants.failed_pulls(session, traffic, [killed])
    engine.dispose()
    reasons = ("stop", invariants.FAULT, "overlapped", invariants.OUTSIDE)
    assert failed == {reason: [at] for reason, at in zip(reasons, moments, strict=True)}
    assert len(list(invariants.pulls_never_stop(failed))) == 2


def a_run(strategy: str, at: datetime) -> Run:
    return Run(
        kind=RunKind.COLLECT,
        strategy=strategy,
        actor="soak",
        place="",
        activity_id=1,
        token=strategy,
        fencing_token=1,
        started_at=at,
        ordered_at=at,
        finished_at=at + timedelta(seconds=5),
        outcome=RunOutcome.SUCCEEDED,
    )


def test_a_registry_that_takes_no_pushes_for_too_long_is_seen() -> None:
    watch = Watch("http://127.0.0.1:1")
    watch.stretches = [Stretch(NOW, seconds) for seconds in (1.0, invariants.LONGEST_WITHOUT_PUSH_S + 1)]
    assert len(list(invariants.comes_back(watch))) == 1
