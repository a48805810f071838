"""The journey through the single file: in an empty root, behind nginx with TLS; killed, upgraded and restored on the way."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import errors_of, new_context, open_repository, sign_in, until_shown
from tests.certificates import make_certificate
from tests.deploy import nginx_process
from tests.deploy.nginx_process import NginxOfDashboard
from tests.registry_process import RegistryProcess
from tests.runtime.keeper_process import wait_for
from tests.single_file.empty_root import EmptyRoot

pytestmark = pytest.mark.skipif(
    not nginx_process.BINARY or not shutil.which("openssl"), reason="nginx or openssl is missing"
)

BACKUP = "/var/lib/holystone/backup"


@pytest.fixture
def served_root(empty_root: EmptyRoot, fleet_registry: RegistryProcess) -> EmptyRoot:
    """It serves, for alice, what is in a registry beside it."""
    empty_root.set(REGISTRY_URL=fleet_registry.url, TRUSTED_PROXIES="1")
    empty_root.serve()
    empty_root.create("alice")
    return empty_root


@pytest.fixture
def visited(tmp_path: Path, browser: Browser, served_root: EmptyRoot) -> Iterator[Page]:
    """A page of a browser that comes through nginx, and complains of nothing."""
    certificate = make_certificate(tmp_path, "127.0.0.1")
    with (
        NginxOfDashboard(tmp_path / "nginx", certificate, f"127.0.0.1:{served_root.port}") as nginx,
        new_context(browser, nginx.url, ignore_https_errors=True) as context,
    ):
        page = context.new_page()
        errors = errors_of(page)
        yield page
        assert [each for each in errors if not each.startswith("502 ")] == []


def test_a_tag_is_deleted_through_the_file_which_is_killed_upgraded_and_restored(
    visited: Page, served_root: EmptyRoot
) -> None:
    sign_in(visited)
    delete(visited, "2.0")
    backup = served_root.run("backup", BACKUP)
    assert "It was restored once for proof." in backup.stdout, backup.stderr
    delete(visited, "1.9")

    kill_and_serve(served_root)
    visited.goto("/activities")
    expect(visited.get_by_text("alice deleted team/web:1.9")).to_be_visible()

    stop(served_root)
    assert "everybody has to sign in again" in served_root.run("restore-backup", BACKUP).stdout
    go_back_to_the_tables_of_the_version_before(served_root)
    served_root.serve()
    assert list((served_root.folder / "var/lib/holystone/backups").glob("*")), "the upgrade was preceded by a backup"
    visited.goto("/")
    sign_in(visited)
    visited.goto("/activities")
    expect(visited.get_by_text("alice deleted team/web:2.0")).to_be_visible()
    expect(visited.get_by_text("alice deleted team/web:1.9")).to_have_count(0)


def delete(page: Page, tag: str) -> None:
    page.goto("/")
    open_repository(page, "team/web")
    trash_can = page.get_by_role("link", name=f"Delete {tag}…", exact=True)
    until_shown(page, trash_can)
    trash_can.click()
    page.get_by_role("button", name="Delete tag", exact=True).click()
    expect(page.locator("#toasts").get_by_text(f"Deleted team/web:{tag}.")).to_be_visible()


def kill_and_serve(root: EmptyRoot) -> None:
    for pid in root.processes()[:1]:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not root.processes(), "all of it has ended", 30)
    root.serve()


def stop(root: EmptyRoot) -> None:
    for pid in root.processes():
        os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not root.processes(), "all of it has ended", 30)


def go_back_to_the_tables_of_the_version_before(root: EmptyRoot) -> None:
    """As they were before the indexes of the newest migration."""
    with sqlite3.connect(root.folder / "var/lib/holystone/holystone.db") as records:
        records.execute("DROP INDEX ix_trash_items_actor")
        records.execute("DROP INDEX ix_trash_items_restorable")
        records.execute("UPDATE alembic_version SET version_num = '0017'")
