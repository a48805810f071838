"""What is kept of a collector's output."""

from __future__ import annotations

from pathlib import Path

import pytest

from webapp.maintenance.printed import pack, read_printed, unpack

OUTPUT = """team/api
team/api: marking manifest sha256:{kept}\x20

1 blobs marked, 2 blobs and 0 manifests eligible for deletion
blob eligible for deletion: sha256:{first}
blob eligible for deletion: sha256:{second}
""".format(kept="a" * 64, first="b" * 64, second="c" * 64)


def test_an_output_is_kept_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "output").write_text(OUTPUT)
    printed = read_printed(tmp_path)
    assert unpack(printed.packed) == OUTPUT
    assert printed.found.summary is not None
    assert (printed.found.summary.blobs_eligible, printed.found.blobs_listed) == (2, 2)


def test_of_an_output_that_is_too_long_the_end_is_kept() -> None:
    lines = [f"line {number}" for number in range(1000)]
    kept = unpack(pack(lambda: lines, largest_bytes=100)).splitlines()
    assert kept == lines[-len(kept) :]
    assert 9 <= len(kept) <= 11


@pytest.mark.parametrize("text", ["", "\n", "no end", "späte Schicht\n"])
def test_an_output_of_any_shape_can_be_kept(tmp_path: Path, text: str) -> None:
    (tmp_path / "output").write_text(text)
    assert unpack(read_printed(tmp_path).packed).rstrip("\n") == text.rstrip("\n")


def test_an_output_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    printed = read_printed(tmp_path)
    assert (unpack(printed.packed), printed.found.summary) == ("", None)
