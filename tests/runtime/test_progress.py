"""How far a collector is, read while it prints: in whatever pieces it comes, as much as is read at the end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runtime.keeper_process import KeeperProcess, wait_for
from webapp.runtime.collector_output import collected, marking_manifest
from webapp.runtime.orders import Kind, Phase
from webapp.runtime.progress import PIECE_BYTES, Progress, read_on

DIGESTS = st.integers(0, 2**32).map(lambda number: f"sha256:{number:064x}")
MARKING_2 = st.builds("team/api: marking manifest {} ".format, DIGESTS)
MARKING_3 = st.builds("team/api: marking manifest {}".format, DIGESTS)
MARKED_BLOB = st.builds("team/api: marking blob {}".format, DIGESTS)
MANIFEST = st.builds("manifest eligible for deletion: {}".format, DIGESTS)
BLOB = st.builds("blob eligible for deletion: {}".format, DIGESTS)
LOG = st.builds('time="2026-11-25" level=info msg="Deleting blob: {}" go.version=go1.19'.format, DIGESTS)
OTHER = st.sampled_from(["", "team/api", "späte Schicht", "blob eligible", "12 blobs marked, 3 blobs"])


@st.composite
def outputs(draw: st.DrawFn) -> bytes:
    """What 2.8 and 3.x print, ended anywhere between two lines."""
    marking = draw(st.lists(st.one_of(MARKING_2, MARKING_3, MARKED_BLOB, OTHER), max_size=8))
    sweeping = draw(st.lists(st.one_of(BLOB, MANIFEST, LOG, OTHER), max_size=8))
    blobs = sum(1 for line in sweeping if line.startswith("blob eligible for deletion"))
    summary = f"\n{len(marking)} blobs marked, {blobs} blobs and 0 manifests eligible for deletion"
    lines = [*marking, *([summary, *sweeping] if draw(st.booleans()) else [])]
    return "".join(f"{line}\n" for line in lines).encode()


@given(outputs(), st.lists(st.integers(1, 200), min_size=1))
def test_in_any_pieces_the_counts_are_those_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, output: bytes, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("keeper")
    progress, at, turn = Progress(), 0, 0
    with (folder / "output").open("wb", buffering=0) as file:
        while at < len(output):
            size = sizes[turn % len(sizes)]
            file.write(output[at : at + size])
            at, turn = at + size, turn + 1
            read_on(folder, progress)
    lines = output.decode().splitlines()
    found = collected(lines)
    assert progress.manifests_marked == len(list(marking_manifest(lines)))
    assert progress.blobs_deleted == found.blobs_listed
    assert progress.blobs_eligible == (found.summary.blobs_eligible if found.summary else None)


def test_half_a_line_does_not_count_until_it_is_whole(tmp_path: Path) -> None:
    output, progress = tmp_path / "output", Progress()
    output.write_text("blob eligible for deletion: sha256:ab")
    read_on(tmp_path, progress)
    assert progress.blobs_deleted == 0
    output.write_text("blob eligible for deletion: sha256:abcd\n")
    read_on(tmp_path, progress)
    assert progress.blobs_deleted == 1


def test_a_long_output_is_taken_in_in_pieces(tmp_path: Path) -> None:
    line = f"blob eligible for deletion: sha256:{'a' * 64}\n"
    count = PIECE_BYTES // len(line) + 10
    (tmp_path / "output").write_text(line * count)
    progress = Progress()
    read_on(tmp_path, progress)
    assert 0 < progress.blobs_deleted < count
    read_on(tmp_path, progress)
    assert progress.blobs_deleted == count


def test_what_cannot_be_read_says_nothing_new(tmp_path: Path) -> None:
    progress = Progress(manifests_marked=3)
    read_on(tmp_path, progress)
    (tmp_path / "output").mkdir()
    read_on(tmp_path, progress)
    assert progress == Progress(manifests_marked=3)
    (tmp_path / "output").rmdir()
    (tmp_path / "elsewhere").write_text("blob eligible for deletion: sha256:ab\n")
    (tmp_path / "output").symlink_to(tmp_path / "elsewhere")
    read_on(tmp_path, progress)
    assert progress == Progress(manifests_marked=3)


def test_a_real_collector_is_followed_to_its_end(keeper: KeeperProcess) -> None:
    token, progress = keeper.order(Kind.COLLECT), Progress()
    keeper.wait_for_phase(Phase.HOLDING)
    keeper.go(token)

    def has_ended() -> bool:
        read_on(keeper.folder, progress)
        return progress.blobs_eligible is not None and progress.blobs_deleted == progress.blobs_eligible

    wait_for(has_ended, "the collector is through")
    assert (progress.manifests_marked, progress.blobs_deleted) == (1, 3)
    keeper.result(token)
