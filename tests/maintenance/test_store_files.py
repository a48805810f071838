"""Bytes are measured on the store's files, and are unknown where they cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from webapp.maintenance.store_files import BLOBS, blob_sizes, freed_bytes


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two blobs, and what a collection leaves of a third."""
    for name, size in (("aa11", 10), ("aa22", 5)):
        blob = tmp_path / BLOBS / "sha256" / name[:2] / name
        blob.mkdir(parents=True)
        (blob / "data").write_bytes(b"x" * size)
    (tmp_path / BLOBS / "sha256" / "bb").mkdir()
    return tmp_path


def test_each_blob_has_its_size(store: Path) -> None:
    assert blob_sizes(store) == {"sha256:aa11": 10, "sha256:aa22": 5}


def test_sizes_are_unknown_where_the_store_is_not_named_or_not_there(tmp_path: Path) -> None:
    assert blob_sizes(None) is None
    assert blob_sizes(tmp_path) is None


def test_sizes_are_unknown_where_one_blob_cannot_be_read(store: Path) -> None:
    data = store / BLOBS / "sha256/aa/aa11/data"
    data.unlink()
    data.symlink_to(data)  # cannot be opened by anybody, root included
    assert blob_sizes(store) is None


def test_freed_is_what_is_not_there_any_more_whatever_was_pushed_meanwhile() -> None:
    assert freed_bytes({"a": 10, "b": 5}, {"b": 5, "c": 100}) == 10
    assert freed_bytes(None, {}) is None
    assert freed_bytes({}, None) is None
