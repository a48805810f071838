"""Failed sign-ins slow down whoever guesses, and lock nobody out.

Attempts are counted per account (also where there is no such account), and per address: the first finds somebody
who tries many passwords of one person, the second somebody who tries one password of many. After a few free ones each
failure doubles the wait; a wait ends by itself, is short at its longest, and trying while it lasts does not prolong it.

Strangers at other addresses cannot keep an account's owner out: what an address waits at an account is fixed when it
is first told to wait (a row of its own, for this account and this address), and holds from then on, whatever
others do meanwhile. Who waits as long as told is let through to the password. It costs us that an attacker has one guess
a minute for each address. Only somebody who shares the address can be in the way, and for as long as they go on.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from webapp.accounts.models import FailedAttempts
from webapp.registry.text import plain_text

FREE_PER_ACCOUNT = 5
FREE_PER_ADDRESS = 20
LONGEST_WAIT_PER_ACCOUNT_S = 60
LONGEST_WAIT_PER_ADDRESS_S = 30
FORGOTTEN_AFTER = timedelta(hours=1)
LONGEST_NAME = 64


def begin_attempt(session: Session, name: str, address: str, now: Callable[[], datetime]) -> float:
    """Return for how many seconds this attempt has to wait; 0 lets it through.

    An attempt that is let through is counted as failed before its password is looked at, so that a hundred at once are
    not let through together; `succeeded` takes it back.
    """
    at = now()
    session.execute(delete(FailedAttempts).where(FailedAttempts.last_at < at - FORGOTTEN_AFTER))
    of_address = _row(session, _address_key(address), at)
    of_account = _row(session, _account_key(name), at)
    of_both = session.get(FailedAttempts, _key_of_both(name, address))
    if of_both is None:
        of_both = _row(session, _key_of_both(name, address), of_account.wait_until)
        of_both.last_at = at
    until = max(of_address.wait_until, of_both.wait_until)
    if until > at:
        return (until - at).total_seconds()
    _count(of_address, at, FREE_PER_ADDRESS, LONGEST_WAIT_PER_ADDRESS_S)
    _count(of_account, at, FREE_PER_ACCOUNT, LONGEST_WAIT_PER_ACCOUNT_S)
    of_both.last_at, of_both.wait_until = at, of_account.wait_until
    return 0.0


def succeeded(session: Session, name: str, address: str, now: Callable[[], datetime]) -> None:
    """Forget the account's failures. The address keeps its others: it could be signing in as itself in between."""
    keys = (_account_key(name), _key_of_both(name, address))
    session.execute(delete(FailedAttempts).where(FailedAttempts.key.in_(keys)))
    of_address = session.get(FailedAttempts, _address_key(address))
    if of_address:
        of_address.failures, of_address.wait_until = max(0, of_address.failures - 1), now()


def _row(session: Session, key: str, wait_until: datetime) -> FailedAttempts:
    row = session.get(FailedAttempts, key)
    if row is None:
        row = FailedAttempts(key=key, failures=0, last_at=wait_until, wait_until=wait_until)
        session.add(row)
    return row


def _count(row: FailedAttempts, at: datetime, free: int, longest_s: int) -> None:
    row.failures += 1
    row.last_at = at
    row.wait_until = at + timedelta(seconds=_wait_s(row.failures - free, longest_s))


def _wait_s(failures_too_many: int, longest_s: int) -> int:
    if failures_too_many <= 0:
        return 0
    return min(1 << min(failures_too_many, 16), longest_s)


def _account_key(name: str) -> str:
    return f"account:{plain_text(name, LONGEST_NAME).lower()}"


def _address_key(address: str) -> str:
    """An IPv6 customer has a whole /64, and so as many addresses as wanted."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return f"address:{plain_text(address, LONGEST_NAME)}"
    if parsed.version == 4:
        return f"address:{parsed}"
    return f"address:{ipaddress.ip_network((parsed, 64), strict=False).network_address}/64"


def _key_of_both(name: str, address: str) -> str:
    return f"{_account_key(name)} {_address_key(address)}"
