"""Configurations of images, kept packed beside their manifests.

A sync reads each image's configuration once anyway, for its platform and age, so keeping the bytes costs no request.
What was read before they were kept, or is too large to be, is read again when somebody looks.
"""

from __future__ import annotations

import zlib

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from webapp.catalogue.models import KeptConfiguration

MOST_KEPT_BYTES = 256 * 1024

Packed = bytes
"""A configuration as it is kept; empty where it is not."""


def pack(raw: bytes) -> Packed:
    """A configuration's bytes as they are kept; nothing where there are more than we keep."""
    return zlib.compress(raw) if len(raw) <= MOST_KEPT_BYTES else b""


def kept_configuration(session: Session, manifest_id: int) -> bytes | None:
    """The configuration of an image; None where it is not kept."""
    found = select(KeptConfiguration.packed).where(KeptConfiguration.manifest_id == manifest_id)
    packed = session.scalar(found)
    return zlib.decompress(packed) if packed is not None else None


def keep_configuration(session: Session, manifest_id: int, raw: bytes) -> None:
    """Keep the configuration of an image, unless it is too large."""
    packed = pack(raw)
    if packed:
        row = {"manifest_id": manifest_id, "packed": packed}
        session.execute(insert(KeptConfiguration).values(row).on_conflict_do_nothing())
