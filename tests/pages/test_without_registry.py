"""Law 9: pages are answered from the records. The registry is stopped, and every page answers all the same."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from tests.look.rules import retention
from tests.pages.conftest import Visitor, parts_of, text_of
from tests.registry_process import RegistryProcess
from tests.windows.plans import a_window
from webapp.catalogue.models import Manifest, Repository, RepositoryManifest

ASKED_AFRESH = {
    "removals.delete_tag",
    "removals.delete_manifest",
    "removals.delete_repository",
    "maintenance.free_space",
    "windows.run",
    "manifests.raw",
    "manifests.configuration",
}
EXAMPLES = {
    "filename": "css/base.css",
    "repository": "team/web",
    "tag": "2.1",
    "removal_id": 1,
    "run_id": 1,
    "window_id": 1,
    "rule_id": 2,
    "part_id": 6,
}
NEEDS_A_RUN = {"maintenance.run", "maintenance.log_file"}
NEEDS_AN_ITEM = {"trash.restore_items", "trash.delete_items"}
NO_PAGES = {"health.readyz", "metrics.metrics"}
"""They have no registry in the tests of their own, test_health.py and test_metrics.py."""


def image_of_web(app: Flask) -> str:
    """The digest of an image of one platform: one that has a configuration."""
    with parts_of(app).reading() as session:
        web = session.scalars(select(Repository).where(Repository.name == EXAMPLES["repository"])).one()
        held = select(RepositoryManifest.manifest_id).where(RepositoryManifest.repository_id == web.id)
        return (
            session.scalars(select(Manifest.digest).where(Manifest.kind == "image", Manifest.id.in_(held))).first()
            or ""
        )


def test_every_page_answers_while_the_registry_is_away(
    app: Flask, alice: Visitor, without_registry: RegistryProcess
) -> None:
    a_window(parts_of(app).writing, parts_of(app).now())
    with parts_of(app).writing() as session:
        retention(session)
    examples = {**EXAMPLES, "digest": image_of_web(app)}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.endpoint in NEEDS_A_RUN | NEEDS_AN_ITEM | NO_PAGES | {
            "removals.show"
        }:
            continue
        path = app.url_map.bind("localhost").build(rule.endpoint, {each: examples[each] for each in rule.arguments})
        answer = alice.get(path)
        assert answer.status_code in ((503, 200) if rule.endpoint in ASKED_AFRESH else (200, 303)), path


def test_pages_say_that_the_registry_is_away_and_show_what_it_held(
    alice: Visitor, without_registry: RegistryProcess
) -> None:
    for path in (
        "/repositories",
        "/repositories/team/web",
        "/repositories/team/web/-/tags/2.1",
        "/activities",
        "/retention",
    ):
        text = text_of(alice.get(path))
        assert "Unreachable since" in text, path
        assert "The registry cannot be reached: no connection." in text, path
    assert "This is what it held on" in text_of(alice.get("/repositories"))
    assert "team/web" in text_of(alice.get("/repositories"))
    assert "2.1" in text_of(alice.get("/repositories/team/web"))
    assert "See whether it runs" in text_of(alice.get("/status"))


def test_a_page_asks_the_registry_nothing(app: Flask, alice: Visitor, fleet_registry: RegistryProcess) -> None:
    fleet_registry.stop()  # and nobody has noticed yet
    for path in ("/repositories", "/repositories/team/web", "/repositories/team/web/-/tags/2.1", "/status"):
        answer = alice.get(path)
        assert answer.status_code == 200
        text = text_of(answer)
        assert "Unreachable" not in text
        assert "Read-write" in text
