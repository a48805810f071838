"""A backup is whole, holds what the records held at one moment, and no secret; else there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from pysqlite3 import dbapi2

from config import Settings
from tests.backups.asked import ask, everything, is_whole, killed_at
from tests.backups.conftest import SECRETS
from tests.backups.disks import small_disk
from tests.records import Clock
from webapp.backups import backup as module
from webapp.backups.backup import BackupFailed, back_up
from webapp.backups.contents import look_into

ROOT = Path(__file__).parents[2]
POINTS = ("backup.say_what_it_is", "backup.prove", "backup.make_restored", "files.sync")


def test_a_backup_is_one_file_for_its_owner_with_all_rows(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    held = everything(records)
    made = back_up(settings, tmp_path / "made.db", clock())
    assert made.size_bytes == made.file.stat().st_size
    assert made.file.stat().st_mode & 0o777 == 0o600
    copied = everything(made.file)
    assert dict(copied.pop("backup"))["made_at"] == "2026-12-01T09:00:00+00:00"
    assert copied == held
    assert all(held[each] for each in ("users", "tags", "journal_manifests", "deliveries"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "made.db"]
    assert ask(made.file, "PRAGMA journal_mode") == [("delete",)]


def test_it_names_the_settings_that_were_set_and_holds_no_value_of_a_secret(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    made = back_up(settings, tmp_path / "made.db", clock())
    assert {*SECRETS, "DATA_DIR"} <= set(made.contents.settings)
    raw = made.file.read_bytes()
    assert [name for name, value in SECRETS.items() if value.encode() in raw] == []


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    file = tmp_path / "made.db"
    file.write_text("of yesterday")
    with pytest.raises(BackupFailed, match="is there already"):
        back_up(settings, file, clock())
    assert file.read_text() == "of yesterday"
    back_up(settings, file, clock(), overwrite=True)
    assert is_whole(file)
    with pytest.raises(BackupFailed, match="the records themselves"):
        back_up(settings, records, clock(), overwrite=True)


def test_a_backup_is_one_moment_of_records_that_are_written_to_all_the_while(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    """Each transaction adds to one table and takes from another: what is seen of half of one would not add up."""
    stop, troubles, written = threading.Event(), list[Exception](), list[int]()
    begun = threading.Barrier(4)

    def write(number: int) -> None:
        with closing(dbapi2.connect(str(records), isolation_level=None, timeout=30)) as connection:
            begun.wait()
            try:
                while not stop.is_set():
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("UPDATE runs SET blobs = coalesce(blobs, 0) + 1 WHERE id = 1")
                    connection.execute("UPDATE runs SET manifests = coalesce(manifests, 0) - 1 WHERE id = 2")
                    connection.execute(
                        "INSERT INTO activities (at, actor, kind, outcome, reason, place) VALUES"
                        " ('2026-03-12 09:00:00.000000', ?, 'tag_deleted', 'done', 'x', '')",
                        (f"writer {number}",),
                    )
                    connection.execute("COMMIT")
                    written.append(number)
            except dbapi2.Error as error:
                troubles.append(error)

    with closing(dbapi2.connect(str(records), isolation_level=None)) as connection:
        connection.execute("UPDATE runs SET blobs = 0, manifests = 0")
    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for each in writers:
        each.start()
    begun.wait()
    try:
        for number in range(5):
            before = len(written)
            made = back_up(settings, tmp_path / f"{number}.db", clock())
            (added,) = ask(made.file, "SELECT count(*) FROM activities WHERE actor LIKE 'writer %'")[0]
            assert ask(made.file, "SELECT blobs FROM runs WHERE id = 1") == [(added,)]
            assert ask(made.file, "SELECT manifests FROM runs WHERE id = 2") == [(-added,)]
            assert added >= before
    finally:
        stop.set()
        for each in writers:
            each.join()
    assert troubles == []


@pytest.mark.parametrize("is_there", [False, True], ids=["new", "replaced"])
@pytest.mark.parametrize("point", POINTS)
def test_kill_9_in_the_middle_leaves_the_file_of_before_and_whole_records(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path, point: str, is_there: bool
) -> None:
    file, held = tmp_path / "made.db", everything(records)
    if is_there:
        back_up(settings, file, clock())
    before = file.read_bytes() if is_there else None
    killed_at(f"webapp.backups.{point}", lambda: back_up(settings, file, clock(), overwrite=True))
    assert (file.read_bytes() if file.exists() else None) == before
    assert is_whole(records)
    assert everything(records) == held
    back_up(settings, file, clock(), overwrite=True)


def test_what_a_killed_one_left_is_gone_a_day_later(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed_at("webapp.backups.backup.make_restored", lambda: back_up(settings, tmp_path / "made.db", clock()))
    left = [each for each in tmp_path.iterdir() if each.name != "data"]
    assert len(left) == 2, "the copy, and the folder in which it is proved"
    back_up(settings, tmp_path / "made.db", clock())
    assert all(each.exists() for each in left)
    for each in left:
        os.utime(each, (0, 0))
    back_up(settings, tmp_path / "made.db", clock(), overwrite=True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["data", "made.db"]


@pytest.mark.skipif(os.geteuid() != 0, reason="to be another user needs root")
def test_a_folder_that_may_not_be_looked_into_is_a_sentence(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    os.seteuid(65534)
    try:
        with pytest.raises(BackupFailed, match=r"^No backup was made: Permission denied\.$"):
            back_up(settings, shut / "made.db", clock())
    finally:
        os.seteuid(0)


def test_a_full_disk_makes_no_backup_and_leaves_the_one_of_before(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "small", records.stat().st_size * 3 // 2) as disk:
        file = disk / "made.db"
        back_up(settings, file, clock())
        before = file.read_bytes()
        with pytest.raises(BackupFailed, match=r"No backup was made: .*(full|No space)"):
            back_up(settings, file, clock(), overwrite=True)
        assert file.read_bytes() == before
        assert [each.name for each in disk.iterdir()] == ["made.db"]


def test_a_full_temporary_folder_makes_no_backup_since_nothing_was_proved(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_disk(tmp_path / "small", 64 * 1024) as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        with pytest.raises(BackupFailed, match=r"No backup was made: .*(full|No space)"):
            back_up(settings, tmp_path / "made.db", clock())
    assert not (tmp_path / "made.db").exists()


def test_damaged_records_make_no_backup(settings: Settings, records: Path, clock: Clock, tmp_path: Path) -> None:
    with records.open("r+b") as file:
        file.seek(40 * 1024)
        file.write(b"\xff" * 200 * 1024)
    with pytest.raises(BackupFailed):
        back_up(settings, tmp_path / "made.db", clock())
    assert not (tmp_path / "made.db").exists()


def leave_an_index_behind(records: Path, index: str) -> None:
    """A row that its table has and its index has not: what a torn write leaves, and what no count of rows sees."""
    row = ask(records, "SELECT * FROM sqlite_master WHERE name = ?", index)[0]
    for change, values in (
        ("DELETE FROM sqlite_master WHERE name = ?", (index,)),
        ("INSERT INTO notices (kind, subject, sentence, began_at) VALUES ('not_synced', 'x', '', '2026-12-01')", ()),
        ("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", row),
    ):
        with closing(dbapi2.connect(str(records), isolation_level=None)) as connection:
            connection.execute("PRAGMA writable_schema=ON")
            connection.execute(change, values)


def test_an_index_that_lacks_a_row_makes_no_backup(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    leave_an_index_behind(records, "ix_notices_began_at")
    with pytest.raises(BackupFailed, match=r"is damaged: .* missing from index ix_notices_began_at"):
        back_up(settings, tmp_path / "made.db", clock())
    assert not (tmp_path / "made.db").exists()


def test_a_reference_to_nothing_makes_no_backup(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    ask(records, "UPDATE sign_ins SET user_id = 77 WHERE id = 1")
    with pytest.raises(BackupFailed, match="a row of sign_ins names one of users that is not there"):
        back_up(settings, tmp_path / "made.db", clock())


def test_a_copy_that_lacks_a_row_is_no_backup(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = module.copy_records

    def copy_less(source: Path, new: Path, *more: object) -> object:
        rows = copy(source, new, *more)  # type: ignore[arg-type]
        ask(new, "DELETE FROM failed_attempts")
        return rows

    monkeypatch.setattr(module, "copy_records", copy_less)
    with pytest.raises(BackupFailed, match="does not have the rows"):
        back_up(settings, tmp_path / "made.db", clock())
    assert not (tmp_path / "made.db").exists()


def test_a_copy_that_cannot_be_restored_is_no_backup(
    settings: Settings, records: Path, clock: Clock, tmp_path: Path
) -> None:
    ask(records, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(BackupFailed, match="has tables of version 9999"):
        back_up(settings, tmp_path / "made.db", clock())


def command(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command of Holystone's, in a process of its own."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("HOLYSTONE_")}
    given = {"HOLYSTONE_DATA_DIR": str(settings.DATA_DIR), "HOLYSTONE_SECRET_KEY": SECRETS["SECRET_KEY"]}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", *arguments],
        cwd=ROOT, env={**others, **given}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_command_says_what_it_made_and_what_it_did_not(settings: Settings, records: Path, tmp_path: Path) -> None:
    file = tmp_path / "made.db"
    done = command(settings, "backup", str(file), "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["outcome"] == "made"
    assert document["rows"]["users"] == 3
    assert document["size_bytes"] == file.stat().st_size
    assert look_into(file).settings == ("SECRET_KEY", "DATA_DIR")

    done = command(settings, "backup", str(file), "--json")
    assert (done.returncode, json.loads(done.stdout)["outcome"]) == (1, "failed")
    done = command(settings, "backup", str(file), "--overwrite")
    assert done.returncode == 0
    assert "3 users, 99 activities, 4 runs, 3 removals. It was restored once for proof." in done.stdout
    done = command(settings, "backup", str(tmp_path / "no such folder" / "made.db"))
    assert (done.returncode, done.stdout) == (1, "")
    assert "No backup was made: No such file or directory." in done.stderr
