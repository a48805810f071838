"""The dashboard's side in the storm: orders one collection after the other, proves that writes are refused, lets it go.

    python -m tests.faults.storm_dashboard HOME SEED

It keeps nothing in mind: killed anywhere, it begins anew. It rests while HOME/rest exists, and ends with its parent.
"""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

from tests.runtime.keeper_process import accepts_writes
from webapp.runtime import orders
from webapp.runtime.orders import KeeperError, KeeperState, Kind, Order, Phase, Reads

GO_S = 1.5
PROOF_S = 5.0


def main(home: Path, seed: int) -> None:
    choose = random.Random(seed)
    parent = os.getppid()
    while os.getppid() == parent:
        if (home / "rest").exists():
            time.sleep(0.02)
            continue
        try:
            one_order(home / "keeper", choose)
        except KeeperError:
            time.sleep(0.02)
        time.sleep(choose.uniform(0, 0.6))


def one_order(folder: Path, choose: random.Random) -> None:
    kind = choose.choice([Kind.COLLECT] * 7 + [Kind.DRY_RUN])
    order = Order(orders.new_token(), kind, 20, choose.choice(list(Reads)), GO_S)
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
