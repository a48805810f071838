"""Data of the version before opens, after a backup of it; and there is a way back to that version."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask

from config import Settings
from tests.backups.asked import ask, everything, is_whole, killed_at
from tests.backups.conftest import SECRETS
from tests.backups.disks import small_disk
from tests.backups.test_backup import ROOT, command
from tests.backups.test_restore import holding
from tests.pages.conftest import PASSWORD, Visitor, parts_of, text_of
from webapp import create_app
from webapp.backups.before_upgrade import UpgradeRefused, upgrade
from webapp.backups.contents import look_into
from webapp.backups.nightly import folder_of
from webapp.backups.restore import restore
from webapp.backups.schema import newest_version

VERSION_BEFORE = "cfe47c8e"
"""The commit of the last version whose tables are of 0012."""

EXAMPLES = {
    "filename": "css/base.css",
    "repository": "team/web",
    "tag": "2.0",
    "removal_id": 3,
    "run_id": 4,
    "window_id": 1,
}
TICKED = "?item=1"
"""What a dialog of the trash is about; to other pages it means nothing."""

NO_PAGES = {"health.readyz", "metrics.metrics"}
"""They say that no scheduler runs here."""

ASKS_AFRESH = "The registry cannot be reached"
OPENS = """
from webapp import create_app
app = create_app()
print(app.test_client().get("/readyz").get_data(as_text=True).strip())
visitor = app.test_client()
app.config["WTF_CSRF_ENABLED"] = False
assert visitor.post("/sign-in", data={"name": "alice", "password": "soft stone on deck"}).status_code == 303
for path in ("/repositories", "/repositories/team/api", "/activities", "/maintenance", "/status", "/removals/3"):
    assert visitor.get(path).status_code == 200, path
"""


def test_the_rows_of_the_version_before_are_in_every_table(records_of_0012: Path) -> None:
    assert [name for name, rows in everything(records_of_0012).items() if not rows] == []


def test_nothing_is_done_to_records_of_this_version(settings: Settings, records: Path) -> None:
    before = records.read_bytes()
    assert upgrade(settings) == ""
    assert records.read_bytes() == before
    assert not folder_of(settings).exists()


def test_records_are_made_where_there_are_none(settings: Settings) -> None:
    assert upgrade(settings).startswith("The records were made: ")
    assert ask(settings.DATA_DIR / "holystone.db", "SELECT version_num FROM alembic_version") == [(newest_version(),)]
    assert upgrade(settings) == ""


def test_a_backup_is_made_before_and_every_row_is_there_afterwards(settings: Settings, records_of_0012: Path) -> None:
    before = everything(records_of_0012)
    said = upgrade(settings)
    (backup,) = folder_of(settings).iterdir()
    assert said == f"The records were brought from version 0012 to {newest_version()}. Those of before are in {backup}."
    assert look_into(backup).schema == "0012"
    assert {name: rows for name, rows in everything(backup).items() if name != "backup"} == before
    after = everything(records_of_0012)
    assert {name: len(after[name]) for name in before} == {name: len(rows) for name, rows in before.items()}
    assert is_whole(records_of_0012)


@pytest.fixture
def app(settings: Settings, records_of_0012: Path) -> Flask:
    """The application on the records of the version before."""
    upgrade(settings)
    return create_app(settings)


def test_every_page_answers_from_the_records_of_the_version_before(app: Flask) -> None:
    assert PASSWORD == "soft stone on deck"
    alice = Visitor(app).sign_in("alice")
    digest = ask(parts_of(app).settings.DATA_DIR / "holystone.db", "SELECT digest FROM tags WHERE name = '2.0'")[0][0]
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or set()) or rule.endpoint in NO_PAGES:
            continue
        given = {each: {**EXAMPLES, "digest": digest}.get(each, 1) for each in rule.arguments}
        path = app.url_map.bind("localhost").build(rule.endpoint, given) + TICKED
        answer = alice.get(path)
        is_asked_afresh = answer.status_code in (404, 503)  # the registry, or what a run printed, is not there
        assert answer.status_code in (200, 303) or is_asked_afresh, f"{path}: {text_of(answer)}"
    for path, word in (
        ("/repositories", "team/api"),
        ("/repositories/team/web", "2.0"),
        ("/activities", "sign in"),
        ("/maintenance/runs/4", "The collector ended with code 2"),
        ("/maintenance/windows/1", "Nightly"),
        ("/removals/3", "team/api"),
        ("/notices", "Run 12 failed"),
        ("/status", "The nightly backup"),
    ):
        answer = alice.get(path)
        assert answer.status_code == 200, path
        assert word in text_of(answer), path


@pytest.fixture
def version_before(tmp_path: Path) -> Iterator[Path]:
    """A checkout of the version before."""
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", VERSION_BEFORE], capture_output=True, check=False)
    if packed.returncode:
        pytest.skip("the version before is not in this checkout's history")
    folder = tmp_path / "before"
    with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    yield folder


def test_there_is_a_way_back_to_the_version_before(
    settings: Settings, records_of_0012: Path, version_before: Path
) -> None:
    """It has no command for it, and needs none: the backup is put in the place of the records."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("HOLYSTONE_")}
    given = {"HOLYSTONE_DATA_DIR": str(settings.DATA_DIR), "HOLYSTONE_SECRET_KEY": SECRETS["SECRET_KEY"]}

    def opened_by_the_version_before() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", OPENS], cwd=version_before, env={**others, **given},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    upgrade(settings)
    assert opened_by_the_version_before().stdout == "migrations\n"
    (backup,) = folder_of(settings).iterdir()
    backup.rename(records_of_0012)
    done = opened_by_the_version_before()
    assert (done.stdout, done.returncode) == ("scheduler\n", 0), done.stderr


def test_a_backup_that_was_put_in_the_place_of_the_records_by_hand_is_upgraded_again(
    settings: Settings, records_of_0012: Path
) -> None:
    upgrade(settings)
    (backup,) = folder_of(settings).iterdir()
    backup.rename(records_of_0012)
    assert upgrade(settings).startswith("The records were brought from version 0012")
    assert "backup" not in everything(records_of_0012)
    assert is_whole(records_of_0012)


def test_the_way_back_within_this_version_leads_forward_again(settings: Settings, records_of_0012: Path) -> None:
    upgrade(settings)
    (backup,) = folder_of(settings).iterdir()
    done = restore(records_of_0012, backup, look_into(backup).made_at, "alice")  # type: ignore[arg-type]
    assert (done.backup.schema, done.contents.schema) == ("0012", newest_version())


def test_records_of_a_newer_version_are_refused_with_the_backup_to_go_back_to(
    settings: Settings, records_of_0012: Path
) -> None:
    upgrade(settings)
    (backup,) = folder_of(settings).iterdir()
    (folder_of(settings) / "before-upgrade-of-nothing.db").write_text("no database")
    ask(records_of_0012, "UPDATE alembic_version SET version_num = '9999'")
    before = everything(records_of_0012)
    with pytest.raises(UpgradeRefused) as refused:
        upgrade(settings)
    assert "The records have tables of version 9999, and Holystone" in str(refused.value)
    assert str(refused.value).endswith(
        f"Start that one, or go back to the records of before its upgrade: restore-backup {backup}."
    )
    assert everything(records_of_0012) == before
    done = command(settings, "restore-backup", str(backup))
    assert done.returncode == 0, done.stderr
    assert upgrade(settings) == ""


def test_without_a_backup_there_is_no_upgrade(settings: Settings, records_of_0012: Path) -> None:
    before = everything(records_of_0012)
    with (
        small_disk(folder_of(settings), records_of_0012.stat().st_size // 2),
        pytest.raises(UpgradeRefused, match=r"not brought to this version\. No backup was made: .*(full|No space)"),
    ):
        upgrade(settings)
    assert everything(records_of_0012) == before


@pytest.mark.parametrize(
    "point", ["before_upgrade.back_up", "backup.prove", "before_upgrade.bring_to_newest", "before_upgrade.make_room"]
)
def test_kill_9_in_the_middle_of_an_upgrade_leaves_records_of_one_version(
    settings: Settings, records_of_0012: Path, point: str
) -> None:
    killed_at(f"webapp.backups.{point}", lambda: upgrade(settings))
    assert is_whole(records_of_0012)
    assert ask(records_of_0012, "SELECT version_num FROM alembic_version")[0][0] in ("0012", newest_version())
    upgrade(settings)
    assert ask(records_of_0012, "SELECT version_num FROM alembic_version") == [(newest_version(),)]


def test_two_that_start_at_once_upgrade_once(settings: Settings, records_of_0012: Path) -> None:
    code = (
        "import os, sys; from config import read_settings; from webapp.backups.before_upgrade import upgrade;"
        "sys.stdin.read(1); print(upgrade(read_settings(os.environ)))"
    )
    others = {name: value for name, value in os.environ.items() if not name.startswith("HOLYSTONE_")}
    given = {"HOLYSTONE_DATA_DIR": str(settings.DATA_DIR), "HOLYSTONE_SECRET_KEY": SECRETS["SECRET_KEY"]}
    pair = [
        subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, env={**others, **given},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda each: each.communicate("x", timeout=60)[0].strip(), pair))
    assert sorted(each[:24] for each in said) == ["", "The records were brought"]
    assert len(list(folder_of(settings).iterdir())) == 1


def test_records_in_use_are_not_upgraded(
    settings: Settings, records_of_0012: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.backups.before_upgrade.WAIT_S", 0.1)
    with holding(settings) as pid, pytest.raises(UpgradeRefused, match=f"in use, by process {pid}"):
        upgrade(settings)
    assert ask(records_of_0012, "SELECT version_num FROM alembic_version") == [("0012",)]


def test_serve_brings_the_records_to_its_version_and_does_not_start_with_newer_ones(
    settings: Settings, records_of_0012: Path
) -> None:
    others = {name: value for name, value in os.environ.items() if not name.startswith("HOLYSTONE_")}
    given = {"HOLYSTONE_DATA_DIR": str(settings.DATA_DIR), "HOLYSTONE_SECRET_KEY": SECRETS["SECRET_KEY"]}

    def typed(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env={**others, **given},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    done = typed("-c", "from single_file.serve import upgrade; upgrade()")
    assert done.stderr.startswith("The records were brought from version 0012 to ")
    assert len(list(folder_of(settings).iterdir())) == 1
    ask(records_of_0012, "UPDATE alembic_version SET version_num = '9999'")
    done = typed("holystone.py", "serve")
    assert done.returncode == 1
    assert done.stderr.startswith("Holystone does not start. The records have tables of version 9999")


def test_flask_db_upgrade_stays(settings: Settings, records_of_0012: Path) -> None:
    done = command(settings, "db", "upgrade")
    assert done.returncode == 0, done.stderr
    assert ask(records_of_0012, "SELECT version_num FROM alembic_version") == [(newest_version(),)]


def test_the_three_newest_backups_of_upgrades_are_kept(settings: Settings, records_of_0012: Path) -> None:
    folder = folder_of(settings)
    folder.mkdir()
    for year in range(2020, 2025):
        (folder / f"before-upgrade-{year}-01-01T000000Z-0001.db").touch()
    upgrade(settings)
    assert [each.name[:19] for each in sorted(folder.iterdir())][:2] == ["before-upgrade-2023", "before-upgrade-2024"]
    assert len(list(folder.iterdir())) == 3
