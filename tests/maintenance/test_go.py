"""How long a 'go' is good for: a proof that has grown old starts no collector."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo.build import Built
from tests.maintenance.house import House
from webapp.maintenance import steps
from webapp.maintenance.models import RunKind, RunOutcome, StepName
from webapp.maintenance.run import run
from webapp.runtime import orders


def test_a_go_is_good_for_half_of_what_the_keeper_holds_counted_from_the_beginning_of_the_proof(
    house: House, gone: Built, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments: dict[str, float] = {}
    house.at[StepName.PROVE_READ_ONLY] = lambda: moments.update(before=orders.boottime_s())
    prove, send = steps.prove_aside, orders.send_go

    def prove_and_note(*arguments: object) -> list[str]:
        moments["begun"] = orders.boottime_s()
        proofs = prove(*arguments)  # type: ignore[arg-type]
        moments["proved"] = orders.boottime_s()
        return proofs

    def send_and_note(folder: Path, token: str, until: float) -> None:
        moments["until"] = until
        send(folder, token, until)

    monkeypatch.setattr(steps, "prove_aside", prove_and_note)
    monkeypatch.setattr(orders, "send_go", send_and_note)
    run(house.maintainer, RunKind.COLLECT, "alice", "192.0.2.1")
    assert house.the_run().outcome == RunOutcome.SUCCEEDED
    assert moments["before"] <= moments["until"] - steps.GO_S / 2 <= moments["begun"] < moments["proved"]
    assert not house.has(gone)
