"""The configuration of the private registry that `make run` starts."""

from __future__ import annotations

import json
from pathlib import Path

from deploy.local.addresses import Address

DRAIN_TIMEOUT_S = 30
KEEPER_DRAIN_S = DRAIN_TIMEOUT_S + 10  # above the registry's own, so that the registry ends itself
STOP_WAIT_S = KEEPER_DRAIN_S + 10  # above the keeper's, so that the keeper ends itself


def registry_config(store: Path, address: Address, secret: str) -> str:
    """The registry's file: storage in `store`, deletes enabled, transfers under way finish before it ends.

    No cache of descriptors: it would go on promising blobs that a collection has swept. The secret is fixed, so that an
    upload which began before a restart can go on after it. JSON strings are YAML strings.
    """
    return f"""\
version: 0.1
log:
  level: warn
  accesslog:
    disabled: true
storage:
  filesystem:
    rootdirectory: {json.dumps(str(store))}
  delete:
    enabled: true
http:
  addr: {json.dumps(str(address))}
  secret: {json.dumps(secret)}
  draintimeout: {DRAIN_TIMEOUT_S}s
"""
