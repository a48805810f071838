"""A restored backup is the records of then, and nothing begins because of it; a refused one changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from config import Settings
from tests.backups.asked import ask, everything, is_whole, killed_at
from tests.backups.conftest import settings_in
from tests.backups.disks import small_disk
from tests.backups.test_backup import ROOT, command
from tests.records import Clock
from webapp.backups.backup import back_up
from webapp.backups.restore import Restored, RestoreRefused, restore
from webapp.backups.schema import newest_version

POINTS = ("restore.make_restored", "restore._put_aside", "restore.os.link", "files.sync", "files.Path.replace")
HOLD = """
import sys
from webapp import create_app, settings_or_exit
app = create_app(settings_or_exit())
print("uses them", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def backup(settings: Settings, records: Path, clock: Clock, tmp_path: Path) -> Path:
    """A backup of `records`, to which an activity was added since."""
    file = back_up(settings, tmp_path / "made.db", clock()).file
    add_activity(records, "since the backup")
    clock.advance(hours=5)
    return file


def add_activity(records: Path, reason: str) -> None:
    ask(
        records,
        "INSERT INTO activities (at, actor, kind, outcome, reason, place)"
        " VALUES ('2026-03-12 10:00:00.000000', 'bob', 'tag_deleted', 'done', ?, '')",
        reason,
    )


def has_activity(records: Path, reason: str) -> bool:
    return ask(records, "SELECT 1 FROM activities WHERE reason = ?", reason) != []


def put_back(records: Path, backup: Path, clock: Clock) -> Restored:
    return restore(records, backup, clock(), "alice")


def test_the_records_are_those_of_then_and_those_of_before_are_kept(records: Path, backup: Path, clock: Clock) -> None:
    before, then = everything(records), everything(backup)
    done = put_back(records, backup, clock)
    assert done.kept == records.with_name("holystone.db.before-20261201T140000Z")
    assert everything(done.kept) == before
    now = everything(records)
    assert {name for name in now if now[name] != then[name]} == {"windows", "sign_ins", "activities"}
    assert "backup" not in now
    assert records.stat().st_mode & 0o777 == 0o600
    assert not has_activity(records, "since the backup")


def test_it_is_an_activity_that_says_of_when_the_records_are(records: Path, backup: Path, clock: Clock) -> None:
    put_back(records, backup, clock)
    found = ask(records, "SELECT actor, kind, outcome, reason, place FROM activities ORDER BY id DESC LIMIT 1")
    reason = (
        "The backup of 01 Dec 2026, 09:00 UTC. The records of before are kept as holystone.db.before-20261201T140000Z."
    )
    assert found == [("alice", "records_restored", "done", reason, "command")]


def test_sessions_of_then_do_not_come_back_to_life(records: Path, backup: Path, clock: Clock) -> None:
    assert ask(backup, "SELECT count(*) FROM sign_ins WHERE ended_at IS NULL") == [(3,)]
    put_back(records, backup, clock)
    assert ask(records, "SELECT DISTINCT ended_at, end_reason FROM sign_ins") == [
        ("2026-12-01 14:00:00.000000", "records_restored")
    ]


def test_it_names_who_may_sign_in_otherwise_than_before(records: Path, backup: Path, clock: Clock) -> None:
    ask(records, "UPDATE users SET disabled_at = '2026-12-01 10:00:00.000000' WHERE name = 'bob'")
    ask(records, "UPDATE users SET password_hash = 'of another password' WHERE name = 'carol'")
    assert put_back(records, backup, clock).users == ("bob", "carol")
    assert put_back(records, backup, clock).users == ()
    records.write_text("no database")
    assert put_back(records, backup, clock).users == ()


def test_what_was_kept_can_be_restored_in_its_turn(records: Path, backup: Path, clock: Clock) -> None:
    kept = put_back(records, backup, clock).kept
    assert kept
    again = put_back(records, kept, clock)
    assert has_activity(records, "since the backup")
    assert again.kept == records.with_name("holystone.db.before-20261201T140000Z-2")


def test_an_older_backup_is_brought_to_this_version(
    template_of_0012: Path, records: Path, backup: Path, clock: Clock
) -> None:
    done = put_back(records, template_of_0012, clock)
    assert (done.backup.schema, done.contents.schema) == ("0012", newest_version())
    assert ask(records, "SELECT count(*) FROM activities WHERE kind = 'records_restored'") == [(1,)]
    assert ask(template_of_0012, "SELECT version_num FROM alembic_version") == [("0012",)]


def newer(backup: Path) -> None:
    ask(backup, "UPDATE alembic_version SET version_num = '9999'")
    ask(backup, "UPDATE backup SET value = '7.0.0' WHERE name = 'holystone'")


def damaged(backup: Path) -> None:
    with backup.open("r+b") as file:
        file.seek(40 * 1024)
        file.write(b"\xff" * 200 * 1024)


def cut_off(backup: Path) -> None:
    os.truncate(backup, backup.stat().st_size // 2)


def of_somebody_else(backup: Path) -> None:
    backup.unlink()
    ask(backup, "CREATE TABLE users (id INTEGER PRIMARY KEY)")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "newer": (newer, "was made by Holystone 7.0.0 and has tables of version 9999"),
    "damaged": (damaged, "made.db (is damaged|cannot be read)"),
    "cut off": (cut_off, "made.db (is damaged|cannot be read)"),
    "no database": (lambda file: file.write_text("no database at all" * 100), "file is not a database"),
    "empty": (lambda file: file.write_text(""), "holds no records of Holystone's"),
    "of somebody else": (of_somebody_else, "holds no records of Holystone's"),
    "not there": (lambda file: file.unlink(), "There is no file"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_backup_of_ours_is_refused_and_changes_nothing(
    records: Path, backup: Path, clock: Clock, kind: str
) -> None:
    spoil, sentence = REFUSED[kind]
    spoil(backup)
    before = everything(records)
    with pytest.raises(RestoreRefused, match=f"Nothing was restored.*{sentence}"):
        put_back(records, backup, clock)
    assert everything(records) == before
    assert not list(records.parent.glob("*.before-*"))
    assert not list(records.parent.glob("*.new*"))


def test_the_records_are_no_backup_of_themselves(records: Path, clock: Clock) -> None:
    before = everything(records)
    with pytest.raises(RestoreRefused, match="the records themselves"):
        put_back(records, records, clock)
    assert everything(records) == before


@contextmanager
def holding(settings: Settings) -> Iterator[int]:
    """The id of a process that has opened the records as Holystone does, and has no connection to them just now."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("HOLYSTONE_")}
    given = {"HOLYSTONE_DATA_DIR": str(settings.DATA_DIR), "HOLYSTONE_SECRET_KEY": "k" * 64}
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=ROOT, env={**others, **given},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "uses them\n"
        yield process.pid
        process.kill()


def test_records_that_a_process_uses_are_not_replaced_until_it_is_gone_however_it_ended(
    settings: Settings, records: Path, backup: Path, clock: Clock
) -> None:
    with holding(settings) as pid:
        with pytest.raises(RestoreRefused, match=rf"in use, by process {pid} \(python.*\)\. Stop Holystone first\."):
            put_back(records, backup, clock)
        assert has_activity(records, "since the backup")
        os.kill(pid, signal.SIGKILL)
    put_back(records, backup, clock)
    assert not has_activity(records, "since the backup")


def test_records_that_are_open_in_a_process_that_knows_no_lock_are_not_replaced(
    records: Path, backup: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapp.backups.files.BUSY_S", 0.1)
    with closing(dbapi2.connect(str(records), isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("SELECT count(*) FROM users").fetchone()
        with pytest.raises(RestoreRefused, match="open in another process"):
            put_back(records, backup, clock)
        assert connection.execute("SELECT 1 FROM activities WHERE reason = 'since the backup'").fetchone()
    assert not list(records.parent.glob("*.before-*"))


@pytest.mark.parametrize("point", POINTS)
def test_kill_9_in_the_middle_leaves_whole_records(records: Path, backup: Path, clock: Clock, point: str) -> None:
    before = everything(records)
    killed_at(f"webapp.backups.{point}", lambda: put_back(records, backup, clock))
    assert is_whole(records)
    assert everything(records) == before
    put_back(records, backup, clock)
    assert not has_activity(records, "since the backup")


def test_kill_9_right_after_they_were_put_in_place_leaves_the_new_ones(
    records: Path, backup: Path, clock: Clock
) -> None:
    """The folder is synced for the last time by `written_whole`, after the rename."""
    from webapp.backups import files

    sync, is_replaced = files.sync, lambda: not has_activity(records, "since the backup")

    def killed_once_replaced(path: Path) -> None:
        if path == records.parent and is_replaced():
            os.kill(os.getpid(), signal.SIGKILL)
        sync(path)

    child = os.fork()
    if child == 0:
        files.sync = killed_once_replaced
        try:
            put_back(records, backup, clock)
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert is_whole(records)
    assert is_replaced()


def write_and_be_killed(records: Path) -> None:
    """Leave a transaction in the file beside the records, as a server that is killed does."""
    child = os.fork()
    if child == 0:
        connection = dbapi2.connect(str(records), isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("UPDATE activities SET reason = 'right before the end'")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert Path(f"{records}-wal").stat().st_size > 0


def test_what_a_killed_server_left_beside_the_records_does_not_get_into_the_new_ones(
    records: Path, backup: Path, clock: Clock
) -> None:
    """Its last transactions are in the file beside: they belong to the records of before, and are kept with them."""
    write_and_be_killed(records)
    kept = put_back(records, backup, clock).kept
    assert kept
    assert is_whole(records)
    assert not has_activity(records, "right before the end")
    assert has_activity(kept, "right before the end")


def test_damaged_records_are_replaced_and_kept_as_they_are(records: Path, backup: Path, clock: Clock) -> None:
    damaged(records)
    before = records.read_bytes()
    kept = put_back(records, backup, clock).kept
    assert kept
    assert kept.read_bytes() == before
    assert is_whole(records)


def test_what_is_no_database_any_more_is_replaced(records: Path, backup: Path, clock: Clock) -> None:
    records.write_bytes(b"no database " * 1000)
    kept = put_back(records, backup, clock).kept
    assert kept
    assert kept.read_bytes() == b"no database " * 1000
    assert is_whole(records)


def test_a_machine_without_records_gets_them(tmp_path: Path, backup: Path, clock: Clock) -> None:
    records = tmp_path / "new machine" / "holystone.db"
    records.parent.mkdir()
    assert put_back(records, backup, clock).kept is None
    assert is_whole(records)


def test_where_the_records_are_lost_and_what_was_beside_them_is_not_that_does_not_get_into_the_new_ones(
    records: Path, backup: Path, clock: Clock
) -> None:
    write_and_be_killed(records)
    records.unlink()
    assert put_back(records, backup, clock).kept is None
    assert is_whole(records)
    assert not has_activity(records, "right before the end")


def test_a_file_system_without_hard_links_keeps_a_copy(
    records: Path, backup: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_names: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("webapp.backups.restore.os.link", refuse)
    before = everything(records)
    kept = put_back(records, backup, clock).kept
    assert kept
    assert everything(kept) == before


def test_a_full_disk_leaves_the_records_as_they_are(backup: Path, clock: Clock, records: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", records.stat().st_size * 3 // 2) as disk:
        small = Path(shutil.copy(records, disk))
        before = everything(small)
        with pytest.raises(RestoreRefused, match=r"Nothing was restored: .*(full|No space)"):
            put_back(small, backup, clock)
        assert everything(small) == before
        assert sorted(each.name for each in disk.iterdir()) == ["holystone.db", "holystone.db-lock"]


def test_the_command_restores_says_what_differs_and_refuses_in_a_sentence(
    settings: Settings, records: Path, backup: Path, tmp_path: Path
) -> None:
    done = command(settings, "restore-backup", str(backup), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["outcome"] == "restored"
    assert document["made_at"] == "2026-12-01T09:00:00+00:00"
    assert document["users"] == []
    assert document["windows"] == ["Nightly", "Weekend, with more time", "Moving house"]
    assert Path(document["kept"]).is_file()
    done = command(settings, "restore-backup", str(backup))
    assert "The records of 01 Dec 2026, 09:00 UTC are in place; everybody has to sign in again." in done.stdout
    assert "These windows begin at their next time: Nightly" in done.stdout
    with holding(settings):
        done = command(settings, "restore-backup", str(backup), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["reason"].endswith("Stop Holystone first.")


def test_the_command_needs_no_records(backup: Path, tmp_path: Path) -> None:
    lost = settings_in(tmp_path / "lost")
    done = command(lost, "restore-backup", str(backup))
    assert done.returncode == 0, done.stderr
    assert is_whole(tmp_path / "lost" / "holystone.db")
