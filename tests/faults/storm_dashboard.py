"""The dashboard's side in the storm: one run after the other, and in between orders such as no run would give.

    python -m tests.faults.storm_dashboard HOME SEED

It keeps nothing in mind but the records: killed anywhere, it begins anew, and first ends the runs that it finds. It rests
while HOME/rest exists, and ends with its parent.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from sqlalchemy import select

from tests.maintenance.house import a_client, open_records, utc_now
from tests.runtime.keeper_process import accepts_writes
from webapp.database import reading_from, writing_to
from webapp.leases import LeaseLost, LeaseRow
from webapp.maintenance import steps
from webapp.maintenance.models import Question, RunKind, Strategy
from webapp.maintenance.reconcile import end_interrupted_runs
from webapp.maintenance.run import Maintainer, RunUnderWay, run
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, KeeperState, Kind, Order, Phase, Reads

GO_S = 1.5
PROOF_S = 5.0
LONGEST_S = 20.0
ANSWERS = frozenset(Question)


def main(home: Path, seed: int) -> None:
    choose = random.Random(seed)
    parent = os.getppid()
    steps.GO_S = 4.0
    maintainer = maintainer_in(home)
    forget_the_dead(maintainer)
    while os.getppid() == parent:
        try:
            end_interrupted_runs(maintainer)
            if (home / "rest").exists():
                time.sleep(0.02)
                continue
            if orders.read_state(home / "keeper").phase is not Phase.SERVING:
                time.sleep(0.02)
            elif choose.random() < 0.6:
                one_run(maintainer, choose)
            else:
                one_order(home / "keeper", choose)
        except (KeeperError, LeaseLost, RunUnderWay):
            time.sleep(0.02)
        time.sleep(choose.uniform(0, 0.2))


def forget_the_dead(maintainer: Maintainer) -> None:
    """As if thirty seconds had passed since the one before us was killed. Who lives keeps its leases."""
    with maintainer.writing() as session:
        for lease in session.scalars(select(LeaseRow)):
            if not Path(f"/proc/{lease.owner.removeprefix('process ')}").exists():
                lease.ends_boottime_s = 0


def maintainer_in(home: Path) -> Maintainer:
    engine = open_records(home / "records.sqlite3")
    url, reads_url = (home / "addresses").read_text().split()
    return Maintainer(
        client=a_client(url),
        reading=reading_from(engine),
        writing=writing_to(engine),
        now=utc_now,
        monotonic=time.monotonic,
        folder=home / "keeper",
        store=home / "store",
        others=(),
        longest_s=LONGEST_S,
        reads=a_client(reads_url),
        config=home / "registry.json",
        probe_repository="holystone/probe",
        quiet_within_s=2.0,
        quiet_s=0.05,
    )


def one_run(maintainer: Maintainer, choose: random.Random) -> None:
    kind = choose.choice([RunKind.COLLECT] * 7 + [RunKind.DRY_RUN])
    run(maintainer, kind, "storm", "", strategy=choose.choice(list(Strategy)), agreed=ANSWERS)


def one_order(folder: Path, choose: random.Random) -> None:
    kind = choose.choice([Kind.COLLECT] * 7 + [Kind.DRY_RUN])
    order = Order(orders.new_token(), kind, LONGEST_S, choose.choice(list(Reads)), GO_S)
    orders.send_order(folder, order)
    until = time.monotonic() + 30
    has_gone = False
    while time.monotonic() < until and orders.read_result(folder, order.token) is None:
        state = orders.read_state(folder)
        if state.token == order.token and state.phase is Phase.HOLDING and not has_gone:
            has_gone = True
            proof_begins = orders.boottime_s()
            if choose.random() < 0.9 and not any(accepts_writes(url) for url in addresses(state)):
                orders.send_go(folder, order.token, proof_begins + PROOF_S)
        if choose.random() < 0.002:
            orders.send_cancel(folder, order.token)
        time.sleep(0.01)


def addresses(state: KeeperState) -> list[str]:
    return [f"http://{address}" for address in (state.address, state.reads_address) if address]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
