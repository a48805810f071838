"""The demo fleet: six repositories that show every kind of thing that Holystone knows.

`python -m demo.fleet URL` pushes it; pushing it again changes nothing.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from demo.build import Blob, Built, image, index, layer
from demo.push import Pusher

API = "team/api"
WEB = "team/web"
SHOP = "team/shop"
BUILDER = "tools/builder"
BASE = "alpine-base"
ETL = "data/etl/nightly-import-of-customer-orders-and-returns-from-the-warehouse-management-system-of-northern-europe"
FLEET = (BASE, ETL, API, SHOP, WEB, BUILDER)

BUILDS = 120
LONG_TAG = "2026-10-30t03-15-00z-feature-orders-4711-retry-the-import-when-the-warehouse-answers-with-a-deadlock-error-third-attempt-x86-64"

SOURCE = "org.opencontainers.image.source"
REVISION = "org.opencontainers.image.revision"
MARKUP_LABELS = {
    "org.opencontainers.image.title": "<script>document.title='taken over'</script>",
    "org.opencontainers.image.description": '"><img src=x onerror="document.title=\'taken over\'">',
    "org.opencontainers.image.url": "javascript:document.title='taken over'",
    "<b onclick=alert(1)>bold</b>": "{{ 7 * 7 }} ${7*7} <%= 7*7 %>",
    "upside\u202edown": "a mark that turns the direction of writing round: \u202egnp.exe",
}

MARKUP_CONFIG = {
    "Entrypoint": ["<script>document.title='taken over'</script>", "\u001b[2J\u001b[31mred"],
    "Env": ["PATH=/bin", "LINK=https://good.example/<b>", "JS=javascript:alert(1)", "LINES=one\ntwo", "\u202e=\u0000"],
    "ExposedPorts": {"<img src=x onerror=alert(1)>/tcp": {}, "80/tcp": {}},
    "Volumes": {"/<b>data</b>": {}},
    "User": "<i>root</i>",
}
MARKUP_HISTORY: list[dict[str, Any]] = [
    {"created_by": "RUN <script>document.title='taken over'</script>"},
    {"created_by": "ENV X={{ 7 * 7 }}", "empty_layer": True},
    {"created_by": "RUN <<EOF\necho \u001b]0;taken over\u0007\nEOF", "comment": "<b>buildkit</b>"},
    {"created_by": "RUN " + "a very long line " * 200},
]
WEB_RUNS = {
    "Entrypoint": ["/docker-entrypoint.sh"],
    "Cmd": ["nginx", "-g", "daemon off;"],
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NGINX_VERSION=1.27.2", "TZ=UTC"],
    "ExposedPorts": {"80/tcp": {}, "443/tcp": {}},
    "Volumes": {"/var/cache/nginx": {}},
    "User": "101:101",
    "WorkingDir": "/usr/share/nginx",
    "StopSignal": "SIGQUIT",
}


def push_fleet(url: str, username: str | None = None, password: str | None = None) -> None:
    """Push the whole fleet to the registry at `url`; some five megabytes, in a few seconds."""
    pusher = Pusher(url, username, password)
    base = layer("alpine 3.20", 900_000)
    runtime = layer("python 3.13 on alpine 3.20", 700_000)
    _push_base(pusher, base)
    _push_api(pusher, [base, runtime])
    _push_web(pusher)
    _push_shop(pusher, [base, runtime])
    _push_etl(pusher, [base, runtime])
    _push_builder(pusher, base)


def _push_base(pusher: Pusher, base: Blob) -> None:
    """A nested index, an older image with Docker's media types, one that says that it was made in 1970."""
    slim = [image([layer(f"alpine slim {each}", 40_000)], platform=each) for each in ("linux/amd64", "linux/arm64")]
    whole = image([base], created="2026-06-18T06:00:00Z")
    for each in [*slim, whole]:
        pusher.push(BASE, each)
    inner = pusher.push(BASE, index(slim, annotations={"org.opencontainers.image.ref.name": "slim"}))
    pusher.push(BASE, index([inner, whole]), ["3.20", "latest"])
    old = image([layer("alpine 3.19", 300_000)], created="2025-12-08T06:00:00Z", docker=True)
    pusher.push(BASE, old, ["3.19"])
    pusher.push(BASE, image([base], created="1970-01-01T00:00:00Z"), ["reproducible"])


def _push_api(pusher: Pusher, below: Sequence[Blob]) -> None:
    """Siblings of one digest (1.4, 1.4.2, latest), and a signature by tag."""
    releases = {
        "2026-02-03T08:12:44Z": ["1.3.0"],
        "2026-04-21T14:02:10Z": ["1.3.1", "1.3"],
        "2026-07-09T10:47:31Z": ["1.4.0"],
        "2026-09-15T16:20:05Z": ["1.4.1"],
        "2026-10-27T09:05:58Z": ["1.4", "1.4.2", "latest"],
    }
    for created, tags in releases.items():
        labels = {SOURCE: "https://git.example/team/api", REVISION: f"v{tags[0]}"}
        built = image([*below, layer(f"api {created}", 60_000)], created=created, labels=labels)
        pusher.push(API, built, tags)
    pusher.sign(API, built)


def _push_web(pusher: Pusher) -> None:
    """Multi-platform images, one with the provenance that BuildKit adds, one with Docker's media types."""
    platforms = ("linux/amd64", "linux/arm64", "linux/arm/v7")
    for version, created, tags in (
        ("2.0", "2026-05-05T11:00:00Z", ["2.0"]),
        ("2.1", "2026-10-12T13:37:20Z", ["2.1", "latest"]),
    ):
        children = [_web_image(version, each, created) for each in platforms]
        provenance = image([layer(f"provenance {version}", 500)], platform="unknown/unknown", created=created)
        pusher.push_index(WEB, [*children, provenance], tags)
    old = [_web_image("1.9", each, "2025-11-30T09:00:00Z", docker=True) for each in platforms[:2]]
    pusher.push_index(WEB, old, ["1.9"], docker=True)


def _web_image(version: str, platform: str, created: str, *, docker: bool = False) -> Built:
    layers = [layer(f"nginx on {platform}", 250_000), layer(f"web {version}", 80_000)]
    history: list[dict[str, Any]] = [
        {"created": created, "created_by": "/bin/sh -c #(nop) ADD file:9c4e1a0f2b in / "},
        {"created": created, "created_by": f"ENV NGINX_VERSION=1.27.2 WEB_VERSION={version}", "empty_layer": True},
        {
            "created": created,
            "created_by": "COPY dist /usr/share/nginx/html # buildkit",
            "comment": "buildkit.dockerfile.v0",
        },
        {"created": created, "created_by": 'CMD ["nginx" "-g" "daemon off;"]', "empty_layer": True},
    ]
    labels = {REVISION: f"v{version}", SOURCE: "https://git.example/team/web"}
    return image(
        layers, platform=platform, created=created, labels=labels, docker=docker, runs=WEB_RUNS, history=history
    )


def _push_shop(pusher: Pusher, below: Sequence[Blob]) -> None:
    """An attestation by `subject` with its fallback tag, and an image whose labels try to be markup."""
    good = image([*below, layer("shop 7", 90_000)], created="2026-09-01T12:00:00Z", labels={SOURCE: "git.example/shop"})
    pusher.push(SHOP, good, ["7.0.0"])
    pusher.attest(SHOP, good)
    evil = image(
        [*below, layer("shop 8", 90_000)],
        created="2026-10-01T12:00:00Z",
        labels=MARKUP_LABELS,
        annotations=MARKUP_LABELS,
        runs=MARKUP_CONFIG,
        history=MARKUP_HISTORY,
    )
    pusher.push(SHOP, evil, ["8.0.0-rc.1", "__proto__"])


def _push_etl(pusher: Pusher, below: Sequence[Blob]) -> None:
    """The longest name that a person would still give, with tags to match."""
    first = image([*below, layer("etl, first", 120_000)], created="2026-10-29T03:15:00Z")
    pusher.push(ETL, first, ["2026-10-29", "stable"])
    pusher.push(ETL, image([*below, layer("etl, third", 120_000)], created="2026-10-30T03:15:00Z"), [LONG_TAG])


def _push_builder(pusher: Pusher, base: Blob) -> None:
    """Some hundred tags: every build under its number and its revision."""
    tools = [base, layer("compilers", 400_000)]
    pusher.push(BUILDER, image(tools), ["toolchain"])
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda number: _push_build(pusher, tools, number), range(1041, 1041 + BUILDS)))


def _push_build(pusher: Pusher, tools: Sequence[Blob], number: int) -> None:
    top = layer(f"build {number}", 1_500)
    month, day, hour = 1 + number % 10, 1 + number % 28, number % 24
    built = image([*tools, top], created=f"2026-{month:02}-{day:02}T{hour:02}:00:00Z")
    pusher.push(BUILDER, built, [f"build-{number}", f"git-{top.digest[7:14]}"])


def main() -> None:
    """Push the fleet to the registry named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m demo.fleet", description="Push the demo fleet to a registry.")
    parser.add_argument("url", help="address of the registry, such as http://127.0.0.1:5000")
    parser.add_argument(
        "--username", help="for basic authentication; its password is read from HOLYSTONE_REGISTRY_PASSWORD"
    )
    given = parser.parse_args()
    push_fleet(given.url, given.username, os.environ.get("HOLYSTONE_REGISTRY_PASSWORD"))
    print(f"Pushed {len(FLEET)} repositories to {given.url}.")


if __name__ == "__main__":
    main()
