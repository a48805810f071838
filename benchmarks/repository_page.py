"""The page of a repository with 1,000 tags, signed in, at the server; beside that of a repository with one tag."""

from __future__ import annotations

from pathlib import Path

from flask.testing import FlaskClient
from flask_migrate import upgrade

from benchmarks.figure import Figure, percentile_95_ms
from benchmarks.ground import build, now
from config import read_settings
from demo.build import Built
from webapp import create_app
from webapp.accounts.models import Role
from webapp.accounts.sign_ins import sign_in
from webapp.accounts.users import create_user
from webapp.catalogue.rows import add_manifests, update_repository
from webapp.catalogue.seen import SeenManifest, SeenRepository, SeenTag
from webapp.database import Writing
from webapp.parts import Parts
from webapp.registry.manifests import ManifestBytes, parse_config, parse_manifest

TAGS = 1_000
REQUESTS = 200
PASSWORD = "soft stone on deck"


def measure(folder: Path) -> list[Figure]:
    """Fill the records with what a sync would have seen, and ask for the first page of each order."""
    client, parts = client_of(folder)
    _fill(parts.writing, "team/many", range(TAGS))
    _fill(parts.writing, "team/one", range(1))
    orders = ("newest", "name", "size", "image")
    many = max(_p95(client, f"/repositories/team/many?sort={order}") for order in orders)
    one = _p95(client, "/repositories/team/one")
    return [
        Figure("page of 1,000 tags, p95", many, "page of one tag, p95", one, "ms", 60, target_is_ratio=False),
    ]


def client_of(folder: Path) -> tuple[FlaskClient, Parts]:
    """Somebody who is signed in, and what the pages work with: records that are empty."""
    given = {"SECRET_KEY": "k" * 64, "DATA_DIR": str(folder)}
    app = create_app(read_settings({f"HOLYSTONE_{name}": value for name, value in given.items()}))
    parts: Parts = app.extensions["holystone"]
    with app.app_context():
        upgrade()
    client = app.test_client()
    client.set_cookie("holystone", _signed_in(parts))
    return client, parts


def _p95(client: FlaskClient, path: str) -> float:
    def run() -> None:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status)

    run()
    return percentile_95_ms(run, REQUESTS)


def _fill(writing: Writing, repository: str, numbers: range) -> None:
    """Each image under two tags, as releases are."""
    images = [build(number // 2) for number in numbers]
    tags = [SeenTag(f"build-{number}", built.digest, "", None) for number, built in zip(numbers, images, strict=True)]
    with writing() as session:
        add_manifests(session, [_seen(each) for each in images[::2]], now())
        update_repository(session, SeenRepository(repository, tuple(tags), frozenset(), ""), 0, now())


def _seen(built: Built) -> SeenManifest:
    answer = ManifestBytes(built.media_type, built.raw, built.digest)
    return SeenManifest(answer, parse_manifest(built.media_type, built.raw), parse_config(built.blobs[0].raw))


def _signed_in(parts: Parts) -> str:
    """The token of an administrator's session."""
    with parts.writing() as session:
        create_user(session, "alice", PASSWORD, Role.ADMIN, now, actor="bench", place="bench")
    token, _user = sign_in(parts.writing, "alice", PASSWORD, "127.0.0.1", "bench", now)
    return token
