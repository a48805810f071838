"""Where the registry's storage has the bytes of a blob. Layout: distribution.md 7."""

from __future__ import annotations

from pathlib import Path

BLOBS = "docker/registry/v2/blobs"


def blob_file(store: Path, digest: str) -> Path:
    """The file with a blob's bytes, whether it is there or not."""
    algorithm, _, name = digest.partition(":")
    return store / BLOBS / algorithm / name[:2] / name / "data"
