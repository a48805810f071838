"""Deleting through the pages, against a real registry, with and without htmx."""

from __future__ import annotations

import pytest

from tests.pages.conftest import Visitor, fields_of, text_of
from webapp.registry.client import RegistryClient

LIST = "/repositories/team/api"


def dialog_of(tag: str, repository: str = "team/api") -> str:
    return f"/repositories/{repository}/-/tags/{tag}/delete"


def test_the_dialog_names_what_goes_and_what_stays(alice: Visitor) -> None:
    answer = alice.get(dialog_of("1.3.0"))
    assert answer.status_code == 200
    text = text_of(answer)
    assert "Delete team/api:1.3.0 ?" in text
    assert "1 tag, 1 manifest" in text
    assert "Delete tag" in text


@pytest.mark.parametrize("htmx", [True, False])
def test_a_deleted_tag_is_gone_and_its_siblings_stay(alice: Visitor, fleet_client: RegistryClient, htmx: bool) -> None:
    answer = alice.delete(dialog_of("1.3.0"), htmx)
    assert answer.status_code == (200 if htmx else 303), text_of(answer)
    assert "1.3.0" not in fleet_client.tags("team/api")
    assert "1.3.1" in fleet_client.tags("team/api")
    page = alice.get(LIST)
    assert "/-/tags/1.3.0" not in page.get_data(as_text=True)
    if not htmx:
        assert "Deleted team/api:1.3.0." in text_of(page)
    else:
        assert "Deleted team/api:1.3.0." in text_of(answer)
        assert answer.headers["HX-Trigger-After-Settle"] == "dialog-done"
