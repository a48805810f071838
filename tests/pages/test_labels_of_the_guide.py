"""What docs/administrator.md quotes of the pages stands on them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.pages.conftest import MakeApp, Visitor, parts_of, text_of
from tests.windows.plans import a_window
from webapp.maintenance.models import KeeperReadiness, KeeperSeen

GUIDE = (Path(__file__).parents[2] / "docs" / "administrator.md").read_text()
PAGES = ("/maintenance", "/maintenance/windows/new", "/maintenance/windows/1", "/status", "/notices")


def test_every_label_that_the_guide_names_is_on_a_page(make_app: MakeApp, synced_template: Path) -> None:
    app = make_app(template=synced_template, WEBHOOK_URL="https://hooks.example/of-holystone")
    here = parts_of(app)
    a_window(here.writing, here.now())
    with here.writing() as session:
        session.merge(KeeperSeen(id=1, readiness=KeeperReadiness.READY, sentence="", seen_at=here.now()))
    alice = Visitor(app).sign_in("alice")
    shown = " ".join(text_of(alice.get(page)) for page in PAGES)
    labels = {" ".join(each.split()) for each in re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", GUIDE)}
    assert len(labels) > 15
    assert sorted(each for each in labels if each not in shown) == []
