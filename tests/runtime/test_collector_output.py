"""What the collectors of 2.8 and 3.x print, read line by line. The 3.x lines are those of v3.1.1's garbagecollect.go."""

from __future__ import annotations

import pytest

from tests.registry_process import BINARY
from tests.runtime.keeper_process import KeeperProcess
from webapp.runtime import orders
from webapp.runtime.collector_output import (
    Collected,
    MarkedManifest,
    Summary,
    collected,
    deleted_blobs,
    marking_manifest,
    why_not_succeeded,
)
from webapp.runtime.orders import Kind

OUTPUT_OF_2_8 = """\
team/api
team/api: marking manifest sha256:aa\x20
team/api: marking blob sha256:01
team/api: marking blob sha256:02
team/delete
team/delete: marking manifest sha256:bb\x20

5 blobs marked, 2 blobs and 0 manifests eligible for deletion
blob eligible for deletion: sha256:03
time="2026-03-02T09:30:00Z" level=info msg="Deleting blob: /docker/registry/v2/blobs/sha256/03/03"
blob eligible for deletion: sha256:04
""".splitlines()

OUTPUT_OF_3 = """\
team/api
team/api: marking manifest sha256:aa\x20
team/api: marking blob sha256:01
manifest tags path of repository team/old does not exist
manifest eligible for deletion: {team/api sha256:cc [1.0 1.1]}

2 blobs marked, 1 blobs and 1 manifests eligible for deletion
blob eligible for deletion: sha256:03
team/api: layer link eligible for deletion: sha256:03
""".splitlines()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (OUTPUT_OF_2_8, Collected(Summary(5, 2, 0), 2, "")),
        (OUTPUT_OF_3, Collected(Summary(2, 1, 1), 1, "")),
        ([], Collected(None, 0, "")),
    ],
)
def test_the_summary_and_the_blobs_are_counted(lines: list[str], expected: Collected) -> None:
    assert collected(lines) == expected


def test_the_marked_manifests_come_with_their_repository() -> None:
    marked = [MarkedManifest("team/api", "sha256:aa"), MarkedManifest("team/delete", "sha256:bb")]
    assert list(marking_manifest(OUTPUT_OF_2_8)) == marked
    assert list(marking_manifest(OUTPUT_OF_3)) == marked[:1]


def test_the_deleted_blobs_come_one_by_one() -> None:
    assert list(deleted_blobs(OUTPUT_OF_2_8)) == ["sha256:03", "sha256:04"]


SUCCESS = collected(OUTPUT_OF_2_8)


@pytest.mark.parametrize(
    ("exit_code", "found", "why"),
    [
        (0, SUCCESS, ""),
        (None, SUCCESS, "ended before it was done"),
        (1, collected(["failed to garbage collect: failed to mark: no"]), "exit code 1. failed to garbage collect"),
        (-9, SUCCESS, "exit code -9"),
        (0, collected(["Error: unknown flag: --quiet"]), "without having printed its summary. Error: unknown flag"),
        (0, collected([]), "without having printed its summary"),
        (0, collected(OUTPUT_OF_2_8[:-1]), "announced 2 blobs, and listed 1"),
    ],
)
def test_only_what_was_announced_and_done_is_a_success(exit_code: int | None, found: Collected, why: str) -> None:
    said = why_not_succeeded(exit_code, found)
    assert (why in said) if why else said == ""


def test_the_real_collector_is_understood(keeper: KeeperProcess) -> None:
    predicted = keeper.result(keeper.order(Kind.DRY_RUN))
    would_go = set(deleted_blobs(orders.output_lines(keeper.folder)))
    assert why_not_succeeded(predicted.exit_code, collected(orders.output_lines(keeper.folder))) == ""
    done = keeper.collect()
    found = collected(orders.output_lines(keeper.folder))
    assert why_not_succeeded(done.exit_code, found) == ""
    assert found.summary == Summary(3, 3, 0)
    assert set(deleted_blobs(orders.output_lines(keeper.folder))) == would_go
    assert [each.repository for each in marking_manifest(orders.output_lines(keeper.folder))] == ["team/api"]


def test_a_real_collector_that_does_not_know_a_flag_is_no_success(keeper: KeeperProcess) -> None:
    unknown = f'[ "$1" = garbage-collect ] && exec {BINARY} "$@" --unknown'
    keeper.binary.write_text(f'#!/bin/sh\n{unknown}\nexec {BINARY} "$@"\n')
    done = keeper.collect()
    assert "without having printed its summary" in why_not_succeeded(
        done.exit_code, collected(orders.output_lines(keeper.folder))
    )
