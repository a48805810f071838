"""Pages of manifests: by digest, tagged or not, of every kind; their bytes and configurations as the registry has them."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, func, select

from demo.build import Built, image, layer
from demo.fleet import API, BASE, SHOP, WEB
from demo.push import Pusher
from tests import odd_manifests as odd
from tests.deploy import skopeo
from tests.odd_manifests import ODD, TAGS, add_odd
from tests.pages.conftest import MakeApp, Visitor, parts_of, text_of
from tests.registry_process import RegistryProcess
from webapp.catalogue.models import KeptConfiguration, Manifest, RepositoryManifest, Tag
from webapp.catalogue.sync import sync
from webapp.database import db
from webapp.registry.client import RegistryClient

ODD_LIST = f"/repositories/{ODD}"
AWAY = "The registry cannot be reached: no connection."


def page_of(digest: str, repository: str = ODD) -> str:
    return f"/repositories/{repository}/-/manifests/{digest}"


def digest_of(app: Flask, repository: str, tag: str) -> str:
    return parts_of(app).registry.head_manifest(repository, tag).digest


@pytest.fixture
def odd_app(make_app: MakeApp) -> Flask:
    """The application with a repository of rare things in its records, and no registry."""
    app = make_app()
    with parts_of(app).writing() as session:
        add_odd(session, parts_of(app).now())
    return app


@pytest.fixture
def ann(odd_app: Flask) -> Visitor:
    """The administrator of the application with rare things."""
    return Visitor(odd_app).sign_in("alice")


@pytest.fixture
def untagged(app: Flask, fleet_pusher: Pusher) -> Built:
    """An image without a tag in team/api, which a sync has seen."""
    built = fleet_pusher.push(API, image([layer("without a tag", 5_000)]))
    catalogue = parts_of(app).catalogue
    sync(replace(catalogue, revisions=lambda: lambda name: _with(app, name, built.digest)))
    return built


def _with(app: Flask, name: str, digest: str) -> frozenset[str] | None:
    if name != API:
        return None
    with parts_of(app).reading() as session:
        known = (
            select(Manifest.digest)
            .join(RepositoryManifest)
            .join(Tag, Tag.repository_id == RepositoryManifest.repository_id)
        )
        return frozenset(session.scalars(known)) | {digest}


def is_of_the_statement(step: str) -> bool:
    """Whether a step of a plan walks over what the statement was given, or made itself, and not over a table."""
    return "VIRTUAL TABLE" in step or step.split()[1] in {"wanted", "going", "named", "blobs", "above", "CONSTANT"}


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("chart", "Artifact type application/vnd.cncf.helm.config.v1+json"),
        ("bare", "It has no layers."),
        ("alien", "Holystone does not know this media type."),
        ("old", "schema 1. It can be deleted, and cannot be restored afterwards. Its size is not known."),
        ("holed", "Its size is not known. A manifest that it names is not in this registry"),
        ("nested", "index of linux/amd64, linux/riscv64"),
        ("empty", "This index names nothing."),
        ("unread", "Its configuration is not in Holystone’s records yet."),
        ("no-json", "Its configuration cannot be read: it is not a JSON object."),
        ("history", "Its history does not tell of as many layers as it has"),
        ("many", "… 40 more"),
        ("not-read", "The registry reports an error of its own: status 500."),
        ("dangling", "The registry lists this tag but has no manifest for it."),
        (odd.LONGEST_TAG, "Child of holed"),
    ],
)  # fmt: skip
def test_every_kind_of_tag_has_a_page_that_says_what_is(ann: Visitor, tag: str, says: str) -> None:
    answer = ann.get(f"{ODD_LIST}/-/tags/{tag}")
    assert answer.status_code == 200
    assert says in text_of(answer)
    assert "None" not in text_of(answer)


@pytest.mark.parametrize("built", TAGS.values(), ids=TAGS)
def test_every_kind_of_manifest_has_a_page_by_its_digest(ann: Visitor, built: Built) -> None:
    answer = ann.get(page_of(built.digest))
    assert answer.status_code == 200
    assert f"registry.example/{ODD}@{built.digest}" in text_of(answer)


def test_what_deletion_frees_is_not_made_up_where_the_records_do_not_tell(ann: Visitor) -> None:
    assert "Deletion frees – (the records do not tell) the dialog counts it" in text_of(
        ann.get(f"{ODD_LIST}/-/tags/old")
    )
    not_read = text_of(ann.get(f"{ODD_LIST}/-/tags/not-read"))
    assert "Deletion frees – (The registry reports an error of its own: status 500.)" in not_read


def test_what_no_docker_pull_takes_is_not_offered_as_one(ann: Visitor) -> None:
    assert "docker pull" not in text_of(ann.get(f"{ODD_LIST}/-/tags/chart"))
    assert "docker pull" in text_of(ann.get(f"{ODD_LIST}/-/tags/history"))


def test_a_child_that_is_not_there_has_no_size_and_no_page(ann: Visitor) -> None:
    page = ann.get(f"{ODD_LIST}/-/tags/holed")
    assert "linux/riscv64 not here" in text_of(page)
    assert page_of(odd.GONE.digest) not in page.get_data(as_text=True)
    assert ann.get(page_of(odd.GONE.digest)).status_code == 404


def test_an_untagged_manifest_has_a_page_and_says_what_its_deletion_frees(ann: Visitor) -> None:
    answer = ann.get(page_of(odd.UNTAGGED.digest))
    text = text_of(answer)
    assert "untagged" in text
    assert "Tags none" in text
    assert re.search(r"Deletion frees (up to )?4\.\d\d kB", text)
    assert f"{page_of(odd.UNTAGGED.digest)}/delete" in answer.get_data(as_text=True)


def test_a_manifest_that_something_holds_is_not_offered_for_deletion(ann: Visitor, odd_app: Flask) -> None:
    for built, why in ((odd.CHART, "It goes with the last tag on it."), (odd.HERE, "It goes with the last tag on it.")):
        answer = ann.get(page_of(built.digest))
        assert why in text_of(answer)
        assert "/delete" not in answer.get_data(as_text=True)
    bob = Visitor(odd_app).sign_in("bob").get(page_of(odd.UNTAGGED.digest))
    assert "/delete" not in bob.get_data(as_text=True)
    assert "Your role is user. Administrators can delete." in text_of(bob)


def test_a_manifest_of_another_repository_is_not_found_here(alice: Visitor, app: Flask) -> None:
    digest = digest_of(app, API, "1.4")
    assert alice.get(page_of(digest, API)).status_code == 200
    for path in (page_of(digest, WEB), page_of(f"sha256:{1:064x}", API), f"/repositories/{API}/-/manifests/sha256:abc"):
        assert alice.get(path).status_code == 404


def test_a_child_says_whose_it_is_and_how_deep(bob: Visitor) -> None:
    page = bob.get(f"/repositories/{BASE}/-/tags/3.20").get_data(as_text=True)
    inner = re.search(rf'href="({page_of("sha256:", BASE)}[0-9a-f]+)" data-open>index of', page)
    assert inner
    slim = bob.get(inner[1])
    assert re.search(r"Child of (3\.20|latest) , (3\.20|latest) First seen", text_of(slim))
    platforms = slim.get_data(as_text=True).partition("<h2>Platforms</h2>")[2]
    child = re.search(r'data-copy="(sha256:[0-9a-f]+)"', platforms)
    assert child
    text = text_of(bob.get(page_of(child[1], BASE)))
    assert re.search(r"Child of \w{12} without a tag ; (3\.20|latest) , (3\.20|latest) , nested", text)


def test_a_tag_says_what_each_platform_is_and_what_its_pull_transfers(bob: Visitor) -> None:
    text = text_of(bob.get(f"/repositories/{WEB}/-/tags/2.1"))
    for platform in ("linux/amd64", "linux/arm64", "linux/arm/v7"):
        assert re.search(rf"{platform} \w{{12}} [\d.]+ kB [\d.]+ kB", text), platform
    assert re.search(r"attestation no platform: a pull leaves it \w{12} [\d.]+ kB – ", text)
    assert "Same image as latest" in text


def test_what_a_pull_of_a_platform_takes_is_what_skopeo_transfers(
    app: Flask, bob: Visitor, fleet_registry: RegistryProcess, tmp_path: Path
) -> None:
    page = bob.get(f"/repositories/{WEB}/-/tags/2.1").get_data(as_text=True).partition("<h2>Platforms</h2>")[2]
    row = page.partition(">linux/arm64<")[2].partition("</tr>")[0]
    _size, said = re.findall(r'<data value="(\d+)"', row)
    reference = f"{fleet_registry.url.removeprefix('http://')}/{WEB}:2.1"
    done = skopeo.pull(reference, tmp_path / "pulled", "--override-os=linux", "--override-arch=arm64")
    assert done.returncode == 0, done.stderr
    pulled = sum(each.stat().st_size for each in (tmp_path / "pulled").iterdir() if each.name != "version")
    index = parts_of(app).registry.get_manifest(WEB, "2.1").raw
    assert int(said) == pulled + len(index)


def test_the_chosen_platform_is_shown_in_full_and_stands_in_the_address(bob: Visitor) -> None:
    path = f"/repositories/{WEB}/-/tags/2.1"
    page = bob.get(path).get_data(as_text=True)
    assert f'href="{path}?platform=linux/arm/v7#image"' in page
    text = text_of(bob.get(f"{path}?platform=linux/arm/v7")).partition("attestation")[2]
    assert "linux/arm/v7" in text
    for said in (
        "Entry point /docker-entrypoint.sh", "Command nginx -g 'daemon off;'", "Ports 80/tcp, 443/tcp", "User 101:101",
        "Volumes /var/cache/nginx", "Working folder /usr/share/nginx", "NGINX_VERSION 1.27.2", "Stop signal SIGQUIT",
        "org.opencontainers.image.revision v2.1", "Created 12 Oct 2026, 13:37 says the image",
    ):  # fmt: skip
        assert said in text, said
    assert re.search(
        r"ADD file:9c4e1a0f2b in / \w{12} 250 kB 250 kB together ENV NGINX_VERSION\S+ WEB\S+ adds no layer COPY", text
    )
    assert re.search(r"buildkit\.dockerfile\.v0 \w{12} 80\.2 kB 330 kB together CMD", text)


def test_a_platform_that_there_is_not_shows_the_first(bob: Visitor) -> None:
    page = bob.get(f"/repositories/{WEB}/-/tags/2.1?platform=plan9/mips").get_data(as_text=True)
    assert re.search(r'aria-current="true" data-open>linux/amd64<', page)


def test_signatures_and_attestations_are_named_with_how_they_were_found(bob: Visitor) -> None:
    assert "signature by its tag" in text_of(bob.get(f"/repositories/{API}/-/tags/1.4.2"))
    shop = bob.get(f"/repositories/{SHOP}/-/tags/7.0.0")
    assert "list of referrers by its tag" in text_of(shop)
    assert "attestation by subject, application/vnd.in-toto+json" in text_of(shop)
    referrer = re.search(r'href="([^"]+)" data-open>attestation', shop.get_data(as_text=True))
    assert referrer
    attestation = text_of(bob.get(referrer[1]))
    assert "artifact" in attestation
    assert "Refers to" in attestation


def test_what_carries_the_same_digest_elsewhere_is_named(app: Flask, bob: Visitor, fleet_pusher: Pusher) -> None:
    built = fleet_pusher.push("team/copy", image([layer("copied")]), ["1"])
    fleet_pusher.push("team/copied", built, ["2"])
    sync(parts_of(app).catalogue)
    assert "Also in team/copied:2" in text_of(bob.get("/repositories/team/copy/-/tags/1"))


def test_what_an_image_says_of_itself_is_text_with_its_control_characters_shown(bob: Visitor) -> None:
    page = bob.get(f"/repositories/{SHOP}/-/tags/8.0.0-rc.1").get_data(as_text=True)
    for written in ("\\x1b[2J", "one\\ntwo", "\\u202e", "\\x00", "&lt;i&gt;root&lt;/i&gt;", "a very long line a"):
        assert written in page, written
    for markup in (
        "\x1b",
        "\x07",
        "\u202e",
        "<img",
        "<script>document",
        "<b onclick",
        "<b>",
        'href="javascript',
        'href="https://good',
    ):
        assert markup not in page, markup


def test_a_web_address_in_a_label_is_a_link_that_says_nothing_of_us(bob: Visitor) -> None:
    page = bob.get(f"/repositories/{API}/-/tags/1.4.2").get_data(as_text=True)
    assert '<a href="https://git.example/team/api" rel="noopener noreferrer nofollow">' in page


def test_a_configuration_that_is_not_kept_is_read_when_somebody_looks_and_then_kept(app: Flask, bob: Visitor) -> None:
    with parts_of(app).writing() as session:
        session.execute(delete(KeptConfiguration))
    tag = f"/repositories/{API}/-/tags/1.4.2"
    address = f"{page_of(digest_of(app, API, '1.4.2'), API)}?read=1"
    assert f'hx-get="{address}" hx-trigger="load"' in bob.get(tag).get_data(as_text=True)
    fragment = bob.get(address, htmx=True)
    assert fragment.get_data(as_text=True).lstrip().startswith('<section id="image"')
    assert "The configuration has been read." in text_of(fragment)
    assert "Command /bin/true" in text_of(fragment)
    assert "Command /bin/true" in text_of(bob.get(tag))
    with parts_of(app).reading() as session:
        assert session.scalar(select(func.count()).select_from(KeptConfiguration)) == 1


def test_opening_a_page_asks_the_registry_for_no_configuration(ann: Visitor) -> None:
    for path in (f"{ODD_LIST}/-/tags/unread", page_of(odd.UNREAD.digest)):
        text = text_of(ann.get(path))
        assert "Its configuration is not in Holystone’s records yet. Read it from the registry" in text
        assert "could not be read" not in text


def test_a_configuration_that_cannot_be_read_says_why(ann: Visitor) -> None:
    for htmx in (True, False):
        answer = ann.get(f"{page_of(odd.UNREAD.digest)}?read=1", htmx)
        assert answer.status_code == 200
        assert f"Its configuration could not be read. {AWAY}" in text_of(answer)
        assert "Try again" in text_of(answer)
        assert 'hx-trigger="load"' not in answer.get_data(as_text=True)


def test_the_bytes_of_a_manifest_are_text_that_no_browser_takes_for_more(
    app: Flask, bob: Visitor, fleet_client: RegistryClient
) -> None:
    there = fleet_client.get_manifest(SHOP, "8.0.0-rc.1")
    path = f"{page_of(there.digest, SHOP)}/raw"
    answer = bob.get(path)
    assert answer.get_data() == there.raw
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    name = f"filename=team-shop-{there.digest[7:19]}-manifest.json"
    assert answer.headers["Content-Disposition"] == f"inline; {name}"
    assert bob.get(f"{path}?download=1").headers["Content-Disposition"] == f"attachment; {name}"


def test_the_configuration_is_text_as_the_registry_has_it(bob: Visitor, fleet_client: RegistryClient) -> None:
    there = fleet_client.get_manifest(SHOP, "8.0.0-rc.1")
    answer = bob.get(f"{page_of(there.digest, SHOP)}/configuration")
    assert answer.get_json(force=True)["config"]["User"] == "<i>root</i>"
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("inline; filename=team-shop-")


def test_what_names_no_configuration_has_none(ann: Visitor) -> None:
    answer = ann.get(f"{page_of(odd.ALIEN.digest)}/configuration")
    assert answer.status_code == 404
    assert "This manifest names no configuration." in text_of(answer)


def test_bytes_that_cannot_be_had_are_a_sentence(ann: Visitor) -> None:
    away = ann.get(f"{page_of(odd.CHART.digest)}/raw")
    assert away.status_code == 503
    assert AWAY in text_of(away)


def test_bytes_of_a_manifest_that_is_gone_are_not_found(bob: Visitor) -> None:
    gone = bob.get(f"{page_of(f'sha256:{1:064x}', API)}/raw")
    assert gone.status_code == 404
    assert "The registry does not have this." in text_of(gone)


def test_bytes_that_do_not_come_in_time_are_not_waited_for(
    app: Flask, bob: Visitor, fleet_registry: RegistryProcess
) -> None:
    digest = digest_of(app, API, "1.4")
    app.extensions["holystone-background"].look_s = 0.0
    os.kill(fleet_registry.pid, signal.SIGSTOP)
    try:
        slow = bob.get(f"{page_of(digest, API)}/raw")
    finally:
        os.kill(fleet_registry.pid, signal.SIGCONT)
    assert slow.status_code == 504
    assert "The registry has not answered within 5 seconds." in text_of(slow)


@pytest.mark.parametrize("htmx", [True, False])
def test_an_untagged_manifest_is_asked_about_and_goes(
    alice: Visitor, untagged: Built, fleet_client: RegistryClient, fleet_registry: RegistryProcess, htmx: bool
) -> None:
    path = f"{page_of(untagged.digest, API)}/delete"
    dialog = alice.get(path, htmx)
    short = untagged.digest[7:19]
    assert f"Delete team/api@{short} ?" in text_of(dialog)
    assert "Delete manifest" in text_of(dialog)
    answer = alice.delete(path, htmx)
    list_of_tags = f"/repositories/{API}"
    assert (answer.headers["HX-Redirect"] if htmx else answer.location) == list_of_tags
    assert f"Deleted the manifest {short} of team/api. The space comes back at the next collection." in text_of(
        alice.get(list_of_tags)
    )
    assert alice.get(page_of(untagged.digest, API)).status_code == 404
    assert len(fleet_client.tags(API)) == 9


def test_a_tagged_manifest_stays_and_the_dialog_says_why(alice: Visitor, app: Flask) -> None:
    answer = alice.get(f"{page_of(digest_of(app, API, '1.4.1'), API)}/delete")
    assert "It is tagged 1.4.1." in text_of(answer)
    assert 'class="button danger"' not in answer.get_data(as_text=True)


def test_every_statement_of_these_pages_finds_its_rows_by_an_index(app: Flask, bob: Visitor) -> None:
    digest = digest_of(app, SHOP, "7.0.0")
    with app.app_context():
        engine = db.engine
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *about: asked.append((about[2], about[3])))
    for path in (f"/repositories/{SHOP}/-/tags/7.0.0", f"/repositories/{BASE}/-/tags/3.20", page_of(digest, SHOP)):
        assert bob.get(path).status_code == 200
    with engine.connect() as connection:
        plans = [
            (step.detail, statement)
            for statement, values in list(asked)
            if statement.lstrip().startswith(("SELECT", "WITH"))
            for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert len(plans) > 50
    assert [plan for plan in plans if plan[0].startswith("SCAN ") and not is_of_the_statement(plan[0])] == []
