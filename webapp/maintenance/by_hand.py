"""The script that frees space without a keeper: made for one registry, copied from the page, run by an administrator.

It is what a run does, as far as a shell can do it: a dry run first, the proof over HTTP that writes are refused before
the collector is started (distribution.md 1.4), the collector's summary (its exit code alone proves nothing, 3.8), redis
flushed between collection and start (3.7), and a trap that brings the registry back whatever fails.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from webapp.maintenance.by_hand_body import BODY, HOLD
from webapp.maintenance.models import Strategy
from webapp.maintenance.registry_config import uses_redis
from webapp.maintenance.registry_file import read_registry_file, setting
from webapp.registry.capabilities import NO_SUCH_DIGEST, PROBED_REPOSITORY, PROBED_TAG

DEFAULT_CONFIGS = {"2": "/etc/docker/registry/config.yml", "3": "/etc/distribution/config.yml"}
BY_HAND = (Strategy.READ_ONLY, Strategy.STOP)
"""The strategies that a script can follow; an overlapped one needs the keeper."""

READ_ONLY_VARIABLES = (
    """REGISTRY_STORAGE_MAINTENANCE_READONLY='{"enabled":true}' """
    """REGISTRY_STORAGE_MAINTENANCE_UPLOADPURGING='{"enabled":false}'"""
)


@dataclass(frozen=True, slots=True)
class Redis:
    """Where the descriptor cache is."""

    host: str
    port: int
    database: int


@dataclass(frozen=True, slots=True)
class HandSettings:
    """What the script is made for.

    `config` and `generation` are empty and `store` is None where they are not known. `may_use_redis` is whether redis
    has to be asked about, since it is not known.
    """

    url: str
    config: str = ""
    store: Path | None = None
    generation: str = ""
    username: str = ""
    ca: Path | None = None
    others: tuple[str, ...] = ()
    redis: Redis | None = None
    may_use_redis: bool = False


def hand_settings(
    url: str,
    config: Path | None,
    store: Path | None,
    generation: str,
    username: str = "",
    ca: Path | None = None,
    others: tuple[str, ...] = (),
    variables: Collection[str] = (),
) -> HandSettings:
    """The settings of this registry, redis and, where it is not named, the store as its file has them."""
    file = read_registry_file(config)
    root = setting(file, variables, "storage", "filesystem", "rootdirectory").value
    found = uses_redis(config, variables)
    return HandSettings(
        url=url,
        config=str(config or ""),
        store=store or (Path(root) if isinstance(root, str) and root.startswith("/") else None),
        generation=generation,
        username=username,
        ca=ca,
        others=others,
        redis=_redis(config, variables) if found else None,
        may_use_redis=found is None,
    )


def script(strategy: Strategy, settings: HandSettings) -> str:
    """The whole script for bash, for one of `BY_HAND`. Every value in it is quoted."""
    curl = ["curl", "--silent", "--max-time", "10"]
    curl += ["--netrc"] if settings.username else []
    curl += ["--cacert", str(settings.ca)] if settings.ca else []
    config = settings.config or DEFAULT_CONFIGS.get(settings.generation, "")
    probed = f"/v2/{PROBED_REPOSITORY}/manifests"
    head = [
        "#!/bin/bash",
        "# Frees the space of what was deleted from a registry. To be run by bash on the registry's machine, as the user",
        "# that the registry runs as or as root, with the registry's own REGISTRY_* variables.",
        "# If this script is killed with kill -9, end the collector and start the registry by hand.",
        "set -euo pipefail",
        "",
        "# 1. Fill in how your registry is started and stopped. Stopping has to wait until its process has ended.",
        "stop_registry() { systemctl stop docker-registry; }",
        "start_registry() { systemctl start docker-registry; }",
        *_reader_lines(strategy),
        "",
        "# 2. See whether this is right.",
        "REGISTRY=(registry) # its program; its name may be docker-registry",
        f"CONFIG={shlex.quote(config)}",
        f"URL={shlex.quote(settings.url)}",
        f"OTHERS=({_words(settings.others)}) # addresses of other registries on the same store",
        f"STORE={shlex.quote(str(settings.store or ''))} # its root directory; empty for S3 and the like",
        f"GENERATION={shlex.quote(settings.generation if settings.generation.isdigit() else '')}",
        *_redis_lines(settings),
        *(["# curl takes the user's name and password from ~/.netrc."] if settings.username else []),
        f"CURL=({_words(curl)})",
        "WAIT_S=60",
        "",
        "# 3. The rest stays as it is.",
        f"MANIFEST={shlex.quote(f'{probed}/{PROBED_TAG}')}",
        f"NO_MANIFEST={shlex.quote(f'{probed}/{NO_SUCH_DIGEST}')}",
    ]
    return "\n".join(head) + "\n" + HOLD[strategy.value] + BODY


def _reader_lines(strategy: Strategy) -> list[str]:
    if strategy is Strategy.STOP:
        return []
    return [
        "# The read-only registry is a process of this script, on the same address. The variable has to have this form:",
        "# the registry ignores REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED, or does not start with it.",
        "start_registry_read_only() {",
        f"    {READ_ONLY_VARIABLES} \\",
        '        "${REGISTRY[@]}" serve "$CONFIG" > /dev/null 2>&1 &',
        "    reader=$!",
        "}",
        'stop_registry_read_only() { kill "$reader" && wait "$reader"; }',
    ]


def _redis_lines(settings: HandSettings) -> list[str]:
    if settings.redis is not None:
        where = settings.redis
        cli = ["redis-cli", "-h", where.host, "-p", str(where.port), "-n", str(where.database)]
        return ["# redis-cli takes the password from the variable REDISCLI_AUTH.", f"REDIS=({_words(cli)})"]
    if settings.may_use_redis:
        return [
            "# Where `storage.cache.blobdescriptor` of the registry is redis: REDIS=(redis-cli -h HOST -p PORT -n DB).",
            "# Without it, what is pushed afterwards would be lost.",
            "REDIS=()",
        ]
    return ["REDIS=()"]


def _redis(config: Path | None, variables: Collection[str]) -> Redis:
    """`redis.addr` of 2.8, or the first of `redis.options.addrs` or `redis.addrs` of 3.x."""
    file = read_registry_file(config)
    address: object = setting(file, variables, "redis", "addr").value
    for path in (("redis", "addrs"), ("redis", "options", "addrs")):
        addresses = setting(file, variables, *path).value
        if isinstance(addresses, list) and addresses:
            address = address or addresses[0]
    host, _, port = str(address or "").rpartition(":")
    database = setting(file, variables, "redis", "db").value
    return Redis(
        host.strip("[]") or "127.0.0.1",
        int(port) if port.isdigit() else 6379,
        database if isinstance(database, int) else 0,
    )


def _words(words: Collection[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)
