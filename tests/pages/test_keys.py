"""Whether keys do anything is a choice of the browser's."""

from __future__ import annotations

from tests.pages.conftest import MakeApp, Visitor, text_of


def test_keys_are_off_where_somebody_switched_them_off_until_they_are_switched_on(alice: Visitor) -> None:
    assert "data-keys" not in alice.get("/status").get_data(as_text=True)
    assert alice.post("/account/keys", keys="off").status_code == 303
    page = alice.get("/status")
    assert 'data-keys="off"' in page.get_data(as_text=True)
    assert "Keys are off in this browser." in text_of(page)
    assert "Switch keys on" in text_of(page)
    alice.post("/account/keys", keys="on")
    page = alice.get("/status")
    assert "data-keys" not in page.get_data(as_text=True)
    assert "Keys are on." in text_of(page)


def test_who_is_not_signed_in_may_choose_too(make_app: MakeApp) -> None:
    somebody = Visitor(make_app(ANONYMOUS_VIEW="true"))
    somebody.post("/account/keys", keys="off")
    page = somebody.get("/repositories").get_data(as_text=True)
    assert 'data-keys="off"' in page
    assert "data-show-keys" in page
