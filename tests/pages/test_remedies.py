"""Each error that keeps a deletion from beginning says what to do, and that nothing was deleted."""

from __future__ import annotations

import pytest

from webapp.pages.removal_dialog import REMEDIES, remedy_for
from webapp.registry import errors
from webapp.registry.errors import RegistryError


@pytest.mark.parametrize(
    ("kind", "what_to_do"),
    [
        (errors.NoToken, "token server"),
        (errors.ProxyFailed, "NO_PROXY"),
        (errors.RealmRefused, "HOLYSTONE_TOKEN_REALMS"),
        (errors.Unauthorised, "HOLYSTONE_REGISTRY_PASSWORD"),
        (errors.RegistryTimeout, "Status"),
        (errors.ReadOnly, "run is under way"),
        (errors.Nonsense, "Try again"),
    ],
)
def test_each_error_has_its_own_remedy(kind: type[RegistryError], what_to_do: str) -> None:
    remedy = remedy_for(kind())
    assert remedy.startswith("Nothing was deleted. ")
    assert what_to_do in remedy


def test_no_remedy_is_hidden_behind_that_of_a_wider_error() -> None:
    kinds = [kind for kind, _remedy in REMEDIES]
    for at, kind in enumerate(kinds):
        assert not [wider for wider in kinds[:at] if issubclass(kind, wider)], kind
