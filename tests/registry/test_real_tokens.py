"""The real registry with `auth: token`: it verifies every token that a small token server signs for it."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from demo.build import image, layer
from tests.registry.odd_registry import Asked, OddRegistry, Reply, odd_registry
from tests.registry.signing_key import SigningKey
from tests.registry_process import RegistryProcess
from webapp.registry.capabilities import Mode, probe
from webapp.registry.client import RegistryClient, open_registry
from webapp.registry.errors import Denied, NotFound, Unauthorised

pytestmark = pytest.mark.skipif(not shutil.which("openssl"), reason="openssl is missing")

SERVICE = "registry.example"
PASSWORDS = {"alice": "soft stone", "carol": "quiet deck"}
RIGHTS = {"alice": {"pull", "push", "delete", "*"}, "carol": {"pull", "*"}, "": {"pull"}}
BUILT = image([layer("x")])


@dataclass
class Issuer:
    """Signs for whom it knows, and for nobody in particular; to each the actions that are theirs."""

    key: SigningKey
    life_s: int = 60
    issued: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        user, _, password = _credentials(asked).partition(":")
        if user and PASSWORDS.get(user) != password:
            return Reply(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"wrong password"}]}')
        query = parse_qs(urlsplit(asked.path).query)
        self.issued += query.get("scope", [""])
        access = [_access(scope, user) for scope in query.get("scope", [])]
        token = self.key.token(query["service"][0], user, access, self.life_s)
        return Reply(200, json.dumps({"token": token, "expires_in": 60}).encode())


def _credentials(asked: Asked) -> str:
    kind, _, packed = asked.headers.get("Authorization", "").partition(" ")
    return base64.b64decode(packed).decode() if kind == "Basic" else ""


def _access(scope: str, user: str) -> dict[str, Any]:
    kind, name, actions = scope.split(":")
    if kind == "registry" and user != "alice":
        return {"type": kind, "name": name, "actions": []}
    return {"type": kind, "name": name, "actions": sorted(RIGHTS[user].intersection(actions.split(",")))}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey(tmp_path_factory.mktemp("key"))


@pytest.fixture
def issuer(key: SigningKey) -> Issuer:
    return Issuer(key)


@pytest.fixture
def server(issuer: Issuer) -> Iterator[OddRegistry]:
    with odd_registry(issuer.answer) as server:
        yield server


@pytest.fixture
def registry(tmp_path: Path, key: SigningKey, server: OddRegistry) -> Iterator[RegistryProcess]:
    auth = {
        "realm": f"{server.url}/token",
        "service": SERVICE,
        "issuer": "tests",
        "rootcertbundle": str(key.certificate),
    }
    with RegistryProcess(tmp_path / "registry", further={"auth": {"token": auth}}) as process:
        yield process


def client_for(registry: RegistryProcess, user: str = "", password: str = "") -> RegistryClient:
    return open_registry(registry.url, user, password or PASSWORDS.get(user, ""), read_timeout_s=10)


def push(client: RegistryClient) -> str:
    for blob in BUILT.blobs:
        client.put_blob("team/api", blob.raw)
    return client.put_manifest("team/api", "1.4", BUILT.media_type, BUILT.raw)


def test_everything_that_holystone_asks_of_a_registry_goes_by_token(registry: RegistryProcess, issuer: Issuer) -> None:
    client = client_for(registry, "alice")
    assert push(client) == BUILT.digest
    assert list(client.catalogue()) == ["team/api"]
    assert client.tags("team/api") == ["1.4"]
    assert client.get_manifest("team/api", "1.4").raw == BUILT.raw
    assert client.get_blob("team/api", BUILT.blobs[0].digest, 10_000) == BUILT.blobs[0].raw
    assert "DELETE" in client.allowed_methods("team/api", "1.4")
    client.delete_manifest("team/api", BUILT.digest)
    with pytest.raises(NotFound):
        client.head_manifest("team/api", "1.4")
    in_either_order = {scope.replace("push,pull", "pull,push") for scope in issuer.issued}
    assert sorted(in_either_order) == [
        "",
        "registry:catalog:*",
        "repository:team/api:delete",
        "repository:team/api:pull",
        "repository:team/api:pull,push",
    ]
    assert len(issuer.issued) == 5


def test_what_a_registry_with_tokens_allows_is_found_out(registry: RegistryProcess) -> None:
    push(client_for(registry, "alice"))
    all_rights = probe(client_for(registry, "alice"))
    assert (all_rights.may_list, all_rights.may_delete, all_rights.mode) == (True, True, Mode.READ_WRITE)
    some = probe(client_for(registry, "carol"))
    assert (some.reachable, some.may_list, some.may_delete) == (True, False, None)
    assert "The registry does not allow this" in " ".join(some.sentences)


def test_nobody_in_particular_may_pull_and_no_more(registry: RegistryProcess) -> None:
    push(client_for(registry, "alice"))
    nobody = client_for(registry)
    assert nobody.tags("team/api") == ["1.4"]
    for refused in (lambda: list(nobody.catalogue()), lambda: nobody.delete_manifest("team/api", BUILT.digest)):
        with pytest.raises(Denied):
            refused()
    assert nobody.tags("team/api") == ["1.4"]


def test_a_wrong_password_is_told_with_the_token_servers_words(registry: RegistryProcess) -> None:
    with pytest.raises(Unauthorised, match="wrong password"):
        client_for(registry, "alice", "guessed").ping()


def test_a_token_that_the_registry_finds_ended_is_replaced(registry: RegistryProcess, issuer: Issuer) -> None:
    client = client_for(registry, "alice")
    issuer.life_s = -3600  # whatever the token server says of it
    with pytest.raises(Unauthorised, match="does not take the token"):
        client.tags("team/api")
    issuer.life_s = 60
    push(client)
    assert client.tags("team/api") == ["1.4"]
