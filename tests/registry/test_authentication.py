"""Tokens: the dance with the token server, once per scope, renewed in time, and to nobody else."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.registry.odd_registry import Asked, Reply, odd_registry
from tests.registry.token_server import TokenHouse, Tokens, challenge, token_house, wanted_scope
from webapp.registry.authentication import MOST_TOKENS, TOKEN_CAP_BYTES, Challenge, SignIn, read_challenge, scope_of
from webapp.registry.client import RegistryClient
from webapp.registry.errors import (
    Denied,
    NoToken,
    RealmRefused,
    RegistryError,
    Throttled,
    Unauthorised,
)
from webapp.registry.transport import Transport
from webapp.registry.wire import Answer

DIGEST = "sha256:" + "a" * 64
CREDENTIALS = ("alice", "soft stone")
BASIC = "Basic " + base64.b64encode(b"alice:soft stone").decode()


@dataclass
class Hand:
    """A clock in seconds that a test moves by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def client_of(house: TokenHouse, credentials: tuple[str, str] | None = None, **more: object) -> RegistryClient:
    given = {"connect_timeout_s": 2.0, "read_timeout_s": 5.0, "pauses_s": (), "sleep": lambda _s: None, **more}
    return RegistryClient(Transport(house.registry.url, credentials, **given))  # type: ignore[arg-type]


def queries(house: TokenHouse) -> list[dict[str, list[str]]]:
    return [parse_qs(urlsplit(each.path).query) for each in house.server.asked]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Bearer realm="https://a/t",service="s",scope="x"', Challenge("https://a/t", "s", "x")),
        ('bearer  realm=https://a/t , service="s"', Challenge("https://a/t", "s")),
        ('Basic realm="b", Bearer realm="https://a/t",error="invalid_token"', Challenge("https://a/t", error="invalid_token")),
        ('Bearer realm="https://a/t",scope="repository:x:pull,push"', Challenge("https://a/t", scope="repository:x:pull,push")),
        (r'Bearer realm="https://a/\"t",REALM="other"', Challenge('https://a/"t')),
        ('Bearer service="s"', None),
        ('Basic realm="b"', None),
        ("Bearer", None),
        ("", None),
        ("Bearer " + 'a="' * 50_000, None),
    ],
)  # fmt: skip
def test_a_challenge_is_read_as_it_is_written(header: str, expected: Challenge | None) -> None:
    assert read_challenge(header) == expected


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/v2/", ""),
        ("GET", "/v2/_catalog?n=1000", "registry:catalog:*"),
        ("GET", "/v2/team/api/tags/list?last=a", "repository:team/api:pull"),
        ("HEAD", f"/v2/team/api/blobs/{DIGEST}", "repository:team/api:pull"),
        ("PUT", "/v2/team/api/manifests/1.4", "repository:team/api:pull,push"),
        ("POST", "/v2/a/blobs/blobs/uploads/", "repository:a/blobs:pull,push"),
        ("PUT", "/v2/a/blobs/uploads/77-1?digest=x/y", "repository:a:pull,push"),
        ("DELETE", f"/v2/a/manifests/b/manifests/{DIGEST}", "repository:a/manifests/b:delete"),
        ("GET", f"/v2/a/referrers/{DIGEST}", "repository:a:pull"),
        ("OPTIONS", "/v2/team/api/manifests/1.4", ""),
    ],
)
def test_each_request_needs_the_scope_that_distribution_asks_for(method: str, path: str, scope: str) -> None:
    assert scope_of(method, path) == scope


def test_a_token_is_fetched_for_nobody_and_used_until_it_ends() -> None:
    with token_house() as house:
        client = client_of(house)
        assert client.tags("team/api") == ["1.4"]
        assert client.tags("team/api") == ["1.4"]
        assert queries(house) == [
            {"of": ["us"], "service": ["registry.example"], "scope": ["repository:team/api:pull"]}
        ]
        assert "Authorization" not in house.server.asked[0].headers
        assert [each.headers.get("Authorization") for each in house.registry.asked] == [
            None,
            "Bearer token-0",
            "Bearer token-0",
        ]


def test_user_and_password_go_to_the_token_server() -> None:
    with token_house() as house:
        client = client_of(house, CREDENTIALS)
        assert client.tags("team/api") == ["1.4"]
        assert list(client.catalogue()) == []
        client.delete_manifest("team/api", DIGEST)
        assert [each.get("scope") for each in queries(house)] == [
            ["repository:team/api:pull"],
            ["registry:catalog:*"],
            ["repository:team/api:delete"],
        ]
        assert {each.headers["Authorization"] for each in house.server.asked} == {BASIC}
        assert {each["account"][0] for each in queries(house)} == {"alice"}
        # only the first question brings the challenge: after it the scope of each question is known beforehand
        assert len(house.registry.asked) == 4


def test_what_the_registry_names_as_scope_goes_before_our_own_guess() -> None:
    """Registries before 2.7 want `*` for a DELETE."""

    def old(asked: Asked) -> str:
        return "repository:team/api:*" if asked.method == "DELETE" else wanted_scope(asked)

    clock = Hand()
    with token_house(old) as house:
        client = client_of(house, monotonic=clock)
        client.tags("team/api")
        client.delete_manifest("team/api", DIGEST)
        client.delete_manifest("team/api", DIGEST)
        clock.now += 100
        client.delete_manifest("team/api", DIGEST)
        asked_for = [each["scope"][0].rpartition(":")[2] for each in queries(house)]
        assert asked_for == ["pull", "delete", "*", "*"]  # and the renewal asks at once for what was good before


@pytest.mark.parametrize(
    ("life", "good_s", "bad_s"),
    [(None, 49, 51), (60, 49, 51), (300, 249, 251), ("many", 49, 51), (-1, 49, 51), (True, 49, 51), (6, 4, 6)],
)
def test_a_token_is_renewed_before_it_ends(life: object, good_s: float, bad_s: float) -> None:
    clock = Hand()
    with token_house() as house:
        house.tokens.life = life
        client = client_of(house, monotonic=clock)
        client.tags("team/api")
        clock.now += good_s
        client.tags("team/api")
        assert len(house.server.asked) == 1
        clock.now += bad_s - good_s
        client.tags("team/api")
        assert len(house.server.asked) == 2
        assert [each.headers.get("Authorization") for each in house.registry.asked][-1] == "Bearer token-1"


@pytest.mark.parametrize("life", [float("inf"), 10**400])
def test_no_token_is_believed_to_live_for_ever(life: float) -> None:
    clock = Hand()
    with token_house() as house:
        house.tokens.life = life
        client = client_of(house, monotonic=clock)
        client.tags("team/api")
        clock.now += 100_000
        client.tags("team/api")
        assert len(house.server.asked) == 2


@pytest.mark.parametrize("write", [False, True])
def test_a_token_that_is_refused_is_replaced_once_and_the_request_repeated(write: bool) -> None:
    with token_house() as house:
        client = client_of(house)
        client.delete_manifest("team/api", DIGEST)
        client.tags("team/api")
        house.tokens.granted.clear()
        before = len(house.server.asked)
        if write:
            client.delete_manifest("team/api", DIGEST)
        else:
            client.tags("team/api")
        assert len(house.server.asked) == before + 1
        house.tokens.granted.clear()
        house.tokens.allows = lambda *_: False  # type: ignore[method-assign]
        seen = len(house.registry.asked)
        with pytest.raises(Unauthorised, match="does not take the token"):
            client.tags("team/api")
        assert len(house.registry.asked) == seen + 2


def test_a_token_without_the_right_is_a_denial_and_no_wrong_password() -> None:
    with odd_registry(Tokens().answer) as server:
        lacking = challenge(f"{server.url}/token", "registry:catalog:*", "insufficient_scope")
        with (
            odd_registry(lambda _asked: Reply(401, b"", lacking)) as registry,
            pytest.raises(Denied, match="lacks the right"),
        ):
            list(RegistryClient(Transport(registry.url)).catalogue())


def test_a_refresh_token_takes_the_passwords_place() -> None:
    with token_house() as house:
        numbers = itertools.count()
        house.tokens.more = {"refresh_token": "kept"}
        client = client_of(house, CREDENTIALS)
        client.tags("team/api")
        house.tokens.more = {"refresh_token": f"kept-{next(numbers)}"}
        list(client.catalogue())
        client.delete_manifest("team/api", DIGEST)
        assert [each.method for each in house.server.asked] == ["GET", "POST", "POST"]
        first, second = (parse_qs(each.body.decode()) for each in house.server.asked[1:])
        assert first == {
            "grant_type": ["refresh_token"],
            "service": ["registry.example"],
            "client_id": ["holystone"],
            "scope": ["registry:catalog:*"],
            "refresh_token": ["kept"],
        }
        assert second["refresh_token"] == ["kept-0"]
        assert "Authorization" not in house.server.asked[1].headers


def test_a_refresh_token_that_is_not_taken_any_more_gives_way_to_the_password() -> None:
    with token_house() as house:
        house.tokens.more = {"refresh_token": "old"}
        house.tokens.reply = lambda asked: Reply(401) if asked.method == "POST" else None
        client = client_of(house, CREDENTIALS)
        client.tags("team/api")
        assert list(client.catalogue()) == []
        assert [each.method for each in house.server.asked] == ["GET", "POST", "GET"]


def test_a_refresh_token_may_be_all_that_one_has() -> None:
    """As docker's credential stores have it: the user is `<token>`, the password is the refresh token."""
    with token_house() as house:
        client_of(house, ("<token>", "handed out")).tags("team/api")
        assert [each.method for each in house.server.asked] == ["POST"]
        assert parse_qs(house.server.asked[0].body.decode())["refresh_token"] == ["handed out"]
        assert not any("Basic" in each.headers.get("Authorization", "") for each in house.registry.asked)


THREADS = 32


def test_many_threads_fetch_one_token_per_scope() -> None:
    clock = Hand()
    with token_house() as house, ThreadPoolExecutor(THREADS) as executor:
        client, together = client_of(house, monotonic=clock), Barrier(THREADS)

        def ask(number: int) -> object:
            together.wait(10)
            return client.tags("team/api") if number % 2 else list(client.catalogue())

        for fetches in (2, 4):
            assert len(list(executor.map(ask, range(THREADS)))) == THREADS
            assert len(house.server.asked) == fetches
            clock.now += 1000  # and both have ended
        list(executor.map(ask, range(THREADS)))
        house.tokens.granted.clear()  # or are not good any more, of a sudden
        list(executor.map(ask, range(THREADS)))
        assert len(house.server.asked) == 8


def test_many_threads_that_wait_for_one_token_all_hear_that_there_is_none() -> None:
    with token_house() as house, ThreadPoolExecutor(THREADS) as executor:
        house.tokens.reply = lambda _asked: Reply(500)
        client, together = client_of(house), Barrier(THREADS)

        def ask(_number: int) -> str:
            together.wait(10)
            with pytest.raises(NoToken) as error:
                client.tags("team/api")
            return error.value.sentence

        assert len(set(executor.map(ask, range(THREADS)))) == 1


def test_what_kept_us_from_a_token_is_forgotten_with_the_next_question() -> None:
    with token_house() as house:
        house.tokens.reply = lambda _asked: Reply(503)
        client = client_of(house)
        with pytest.raises(NoToken):
            client.tags("team/api")
        house.tokens.reply = lambda _asked: None
        assert client.tags("team/api") == ["1.4"]


def test_a_bounded_number_of_tokens_is_kept() -> None:
    asked: list[str] = []

    def ask(_method: str, url: str, *_: object) -> Answer:
        asked.append(url)
        return Answer(200, {}, b'{"token":"x","expires_in":3600}', url)

    sign_in = SignIn("https://registry.example", None, (), ask, Hand())
    header = challenge("https://registry.example/token")["WWW-Authenticate"]
    for number in range(MOST_TOKENS + 5):
        sign_in.after_refusal(f"repository:x{number}:pull", header, "")
    for number in (MOST_TOKENS, 0):
        sign_in.authorization(f"repository:x{number}:pull")
    assert len(asked) == MOST_TOKENS + 5 + 1


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply(401, b'{"errors":[{"code":"UNAUTHORIZED","message":"who?"}]}'), Unauthorised, "refuses them: who?"),
        (Reply(400), Unauthorised, "refuses them"),
        (Reply(403), Denied, "gives no token for repository:team/api:pull"),
        (Reply(429), Throttled, "so does its token server"),
        (Reply(500), NoToken, "status 500"),
        (Reply(404), NoToken, "status 404"),
        (Reply(302, b"", {"Location": "http://127.0.0.1:9/"}), NoToken, "status 302"),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), NoToken, "not JSON"),
        (Reply(200, b"[]"), NoToken, "not a JSON object"),
        (Reply(200, b"[" * 100_000), NoToken, "not JSON"),
        (Reply(200, b"{}"), NoToken, "has none"),
        (Reply(200, b'{"token": 5}'), NoToken, "has none"),
        (Reply(200, b'{"token": "a\\r\\nX-Evil: 1"}'), NoToken, "has none"),
        (Reply(200, b'{"token": "' + b"x" * 20_000 + b'"}'), NoToken, "has none"),
        (Reply(200, b" " * (TOKEN_CAP_BYTES + 1)), NoToken, f"more than {TOKEN_CAP_BYTES} bytes"),
        (Reply(200, b"{", breaks_off=True), NoToken, "did not answer in time"),
        (Reply(200, b"{}", stalls=True), NoToken, "did not answer in time"),
        (Reply(status=0), NoToken, "did not answer in time"),
    ],
)
def test_whatever_is_wrong_with_the_token_server_has_a_name_and_nothing_was_carried_out(
    reply: Reply, kind: type[RegistryError], words: str
) -> None:
    patience_s = 0.3 if "in time" in words else 10.0
    with token_house() as house:
        house.tokens.reply = lambda _asked: reply
        with pytest.raises(kind, match=words) as error:
            client_of(house, CREDENTIALS, read_timeout_s=patience_s).tags("team/api")
        assert type(error.value) is kind
        with pytest.raises(kind) as error:
            client_of(house, CREDENTIALS, read_timeout_s=patience_s).delete_manifest("team/api", DIGEST)
        assert not error.value.outcome_is_unknown
        assert {each.method for each in house.registry.asked} <= {"GET", "DELETE"}


def test_a_token_server_that_nobody_listens_at_is_told() -> None:
    with (
        token_house(realm=lambda _url: "http://127.0.0.1:9/token") as house,
        pytest.raises(NoToken, match="cannot be reached"),
    ):
        client_of(house).ping()


def test_a_token_server_that_is_restarted_is_asked_again() -> None:
    with token_house() as house:
        turn = itertools.count()
        house.tokens.reply = lambda _asked: Reply(503) if next(turn) < 2 else None
        assert client_of(house, pauses_s=(0.0, 0.0, 0.0)).tags("team/api") == ["1.4"]


@pytest.mark.parametrize(
    "realm",
    [
        "http://other.example/token",  # neither https nor the registry's host
        "http://127.0.0.2/token",
        "http://127.0.0.1@other.example/token",
        "http://alice:x@127.0.0.1/token",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "//127.0.0.1/token",
        "token",
        "http://[::1",
    ],
)
def test_the_password_goes_to_no_realm_that_is_not_trusted(realm: str) -> None:
    asked: list[str] = []
    with odd_registry(lambda _asked: Reply(401, b"", challenge(realm))) as odd:
        transport = Transport(odd.url, CREDENTIALS, pauses_s=())
        transport._wire.send = _watched(transport._wire.send, asked)  # type: ignore[method-assign]
        with pytest.raises(RealmRefused, match="HOLYSTONE_TOKEN_REALMS") as error:
            RegistryClient(transport).ping()
        assert error.value.sentence.isprintable()
    assert asked == [f"{odd.url}/v2/"]


def _watched(send: Callable[..., object], asked: list[str]) -> Callable[..., object]:
    def watched(method: str, url: str, *args: object, **more: object) -> object:
        asked.append(url)
        return send(method, url, *args, **more)

    return watched


def test_a_realm_by_http_is_trusted_where_a_setting_names_its_host() -> None:
    """`localhost` is another host than the registry's 127.0.0.1, as far as names go."""

    def elsewhere(url: str) -> str:
        return url.replace("127.0.0.1", "localhost") + "/token"

    with token_house(realm=elsewhere) as house:
        place = urlsplit(house.server.url.replace("127.0.0.1", "LocalHost")).netloc
        with pytest.raises(RealmRefused):
            client_of(house, token_realms=("other.example",)).tags("team/api")
        assert house.server.asked == []
        for trusted in ("localhost", place):
            assert client_of(house, CREDENTIALS, token_realms=(trusted,)).tags("team/api") == ["1.4"]


def test_a_registry_by_https_is_not_led_to_a_realm_by_http_on_its_own_host() -> None:
    sign_in = Transport("https://registry.example", CREDENTIALS)._sign_in
    with pytest.raises(RealmRefused):
        sign_in.after_refusal("", challenge("http://registry.example/token")["WWW-Authenticate"], "")


def test_a_registry_that_goes_back_to_passwords_gets_the_password() -> None:
    with token_house() as house:
        client = client_of(house, CREDENTIALS)
        client.tags("team/api")

        def by_password(asked: Asked) -> Reply:
            if asked.headers.get("Authorization") != BASIC:
                return Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
            return Reply(200, json.dumps({"tags": ["2.0"]}).encode())

        with odd_registry(by_password) as registry:
            client._transport.url = registry.url
            assert client.tags("team/api") == ["2.0"]
            assert len(registry.asked) == 2
            assert client.tags("team/api") == ["2.0"]
            assert len(registry.asked) == 3


def test_a_blob_in_object_storage_gets_no_token() -> None:
    with (
        odd_registry(lambda _asked: Reply(200, b"{}")) as storage,
        odd_registry(Tokens().answer) as server,
    ):

        def reply(asked: Asked) -> Reply:
            if "Authorization" not in asked.headers:
                return Reply(401, b"", challenge(f"{server.url}/token"))
            return Reply(307, b"", {"Location": f"{storage.url}/bucket"})

        with odd_registry(reply) as registry:
            client = RegistryClient(Transport(registry.url))
            assert client.head_blob("team/api", DIGEST) == 2
        assert [each.headers.get("Authorization") for each in storage.asked] == [None]
