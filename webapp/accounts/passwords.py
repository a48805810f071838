"""Passwords: argon2id hashes, and what a new one has to be."""

from __future__ import annotations

import threading
import unicodedata
from functools import cache
from pathlib import Path

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from webapp.accounts.errors import PasswordRefused

SHORTEST = 8
LONGEST = 128
COMMON_PASSWORDS = Path(__file__).with_name("common_passwords.txt")
HASHES_AT_ONCE = 2


def make_hasher(memory_kib: int = 32 * 1024, rounds: int = 3) -> PasswordHasher:
    """Make a hasher of argon2id. The defaults are above OWASP's least (19 MiB, 2 rounds); tests take the cheapest."""
    return PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1, type=Type.ID)


hasher = make_hasher()
_turns = threading.BoundedSemaphore(HASHES_AT_ONCE)  # a flood of sign-ins may not take all memory and processors


def hash_password(password: str) -> str:
    """Return the text to keep instead of the password. Takes some 50 ms and `memory_kib` on purpose."""
    with _turns:
        return hasher.hash(_as_bytes(password))


def verify(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one that was hashed.

    None as the hash (there is no such user) takes the same work as a wrong password, so that the time an answer
    takes does not tell which names exist.
    """
    with _turns:
        try:
            matches = hasher.verify(password_hash or _hash_of_nobody(hasher), _as_bytes(password))
        except (VerificationError, InvalidHashError):
            return False
    return matches and password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's, and should be made anew at the next sign-in."""
    return hasher.check_needs_rehash(password_hash)


def check_new_password(password: str, name: str) -> None:
    """Refuse what an attacker tries first. Length is what counts: no rules about kinds of characters.

    Raises:
        PasswordRefused: `password` will not do for the user called `name`; the sentence says why.
    """
    if len(password) < SHORTEST:
        raise PasswordRefused(f"A password has at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise PasswordRefused(f"A password has at most {LONGEST} characters.")
    if password.casefold() == name.casefold():
        raise PasswordRefused("The password is the user's name. Choose another one.")
    if password.casefold() in _common_passwords():
        raise PasswordRefused("This password is among the first that anybody tries. Choose another one.")


@cache
def _common_passwords() -> frozenset[str]:
    return frozenset(COMMON_PASSWORDS.read_text(encoding="utf-8").split())


@cache
def _hash_of_nobody(with_hasher: PasswordHasher) -> str:
    return with_hasher.hash(b"")


def _as_bytes(password: str) -> bytes:
    """The same characters typed on another keyboard are the same bytes (NFC)."""
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
