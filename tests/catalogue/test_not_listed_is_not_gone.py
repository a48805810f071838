"""Law 4: an error, a time-out or an empty page from the registry never deletes a row of the catalogue."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from demo.build import image, layer
from demo.push import Pusher
from tests.catalogue.conftest import Shelf
from tests.catalogue.watched_transport import Asked
from webapp.catalogue.doubt import accept, is_doubtful
from webapp.catalogue.models import RegistryMode
from webapp.catalogue.refresh import sync_repository
from webapp.catalogue.rows import forget
from webapp.catalogue.sync import sync
from webapp.registry.errors import RegistryTimeout, RegistryUnreachable
from webapp.registry.transport import Answer

JSON = {"Content-Type": "application/json; charset=utf-8"}
EMPTY_CATALOGUE = Answer(200, JSON, b'{"repositories":[]}', "http://registry")
NO_TAGS = Answer(200, JSON, b'{"name":"x","tags":null}', "http://registry")
NO_SUCH_NAME = Answer(404, JSON, b'{"errors":[{"code":"NAME_UNKNOWN"}]}', "http://registry")
NO_SUCH_MANIFEST = Answer(404, JSON, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', "http://registry")

Failure = Callable[[], Answer]


def _fail(error: Exception) -> Failure:
    def fail() -> Answer:
        raise error

    return fail


FAILURES: dict[str, Failure] = {
    "a time-out": _fail(RegistryTimeout()),
    "a refused connection": _fail(RegistryUnreachable("no connection")),
    "401": lambda: Answer(401, JSON, b"", ""),
    "403": lambda: Answer(403, JSON, b"", ""),
    "404 of a proxy": lambda: Answer(404, {"Content-Type": "text/html"}, b"<h1>404</h1>", ""),
    "429": lambda: Answer(429, JSON, b"", ""),
    "500": lambda: Answer(500, JSON, b'{"errors":[{"code":"UNKNOWN"}]}', ""),
    "502": lambda: Answer(502, {"Content-Type": "text/html"}, b"", ""),
    "503": lambda: Answer(503, JSON, b"", ""),
    "504": lambda: Answer(504, {"Content-Type": "text/html"}, b"", ""),
}


@pytest.fixture
def stocked(shelf: Shelf, pusher: Pusher) -> Shelf:
    """Six repositories with two tags each, known to the catalogue."""
    for number in range(1, 7):
        pusher.push(f"team/{number}", image([layer(str(number))]), ["1.0", "latest"])
    sync(shelf.catalogue)
    return shelf


def _all(shelf: Shelf) -> dict[str, dict[str, str | None]]:
    return {name: {tag: row.digest for tag, row in shelf.tags(name).items()} for name in shelf.repositories()}


def _empty(shelf: Shelf, *names: str) -> None:
    """Delete all tags of some repositories outside of Holystone."""
    client = shelf.catalogue.client
    for name in names:
        client.delete_manifest(name, client.head_manifest(name, "latest").digest)


def _answering(wanted: Callable[[Asked], bool], failure: Failure) -> Callable[[Asked], Answer | None]:
    return lambda asked: failure() if wanted(asked) else None


@pytest.mark.parametrize("place", ["/v2/", "/v2/_catalog?n=1000", "/v2/team/3/tags/list", "/v2/team/3/manifests/1.0"])
def test_an_error_wherever_it_comes_deletes_nothing(stocked: Shelf, place: str) -> None:
    before = _all(stocked)
    for name, failure in FAILURES.items():
        stocked.transport.interfere = _answering(lambda asked: asked[1] == place, failure)
        report = sync(stocked.catalogue)
        assert _all(stocked) == before, name
        assert not report.is_complete, name
        assert stocked.state().sync_problem, name


def test_a_sign_in_page_instead_of_an_answer_deletes_nothing(stocked: Shelf) -> None:
    before = _all(stocked)
    page = Answer(200, {"Content-Type": "text/html"}, b"<h1>Sign in</h1>", "")
    for place in ("/v2/_catalog?n=1000", "/v2/team/3/tags/list"):
        stocked.transport.interfere = _answering(lambda asked, place=place: asked[1] == place, lambda: page)
        assert not sync(stocked.catalogue).is_complete
        assert _all(stocked) == before


def test_an_error_at_one_repository_does_not_stop_the_rest(stocked: Shelf, pusher: Pusher) -> None:
    for name, failure in FAILURES.items():
        newer = pusher.push("team/6", image([layer(name)]), ["2.0"])
        stocked.transport.interfere = _answering(lambda asked: "/team/3/" in asked[1], failure)
        assert sync(stocked.catalogue).unread == ["team/3"], name
        assert "team/3" in stocked.state().sync_problem
        assert len(stocked.tags("team/3")) == 2
        assert stocked.tags("team/6")["2.0"].digest == newer.digest, name


def test_a_repository_that_does_not_answer_in_time_is_not_asked_for_each_of_its_tags(
    shelf: Shelf, pusher: Pusher
) -> None:
    built = image([layer("x")])
    pusher.push("slow", built, [f"build-{number}" for number in range(100)])
    pusher.push("quick", built, ["1.0"])
    shelf.transport.interfere = _answering(lambda asked: "/slow/manifests/" in asked[1], FAILURES["a time-out"])
    report = sync(shelf.catalogue)
    assert report.unread == ["slow"]
    assert list(shelf.tags("quick")) == ["1.0"]
    assert len([path for _method, path in shelf.transport.asked if "/slow/manifests/" in path]) <= 32


def test_an_unknown_repository_is_not_known_to_be_empty_because_of_an_error(shelf: Shelf, pusher: Pusher) -> None:
    pusher.push("team/api", image([layer("x")]), ["1.0"])
    shelf.transport.interfere = _answering(lambda asked: "tags/list" in asked[1], FAILURES["500"])
    assert sync(shelf.catalogue).unread == ["team/api"]
    assert shelf.repositories() == []
    shelf.transport.interfere = lambda _asked: None
    assert sync(shelf.catalogue).is_complete
    assert shelf.repositories() == ["team/api"]


def test_a_look_that_failed_is_not_when_the_repository_was_last_read(stocked: Shelf) -> None:
    before = stocked.repository("team/3").synced_at
    stocked.transport.interfere = _answering(lambda asked: "tags/list" in asked[1], FAILURES["500"])
    stocked.catalogue.now.advance(hours=1)  # type: ignore[attr-defined]
    sync(stocked.catalogue)
    assert stocked.repository("team/3").synced_at == before


def test_one_repository_that_answers_404_among_many_is_believed(stocked: Shelf) -> None:
    stocked.transport.interfere = _answering(lambda asked: "/team/3/" in asked[1], lambda: NO_SUCH_NAME)
    report = sync(stocked.catalogue)
    assert (report.is_complete, report.doubt) == (True, "")
    assert stocked.repositories() == [f"team/{number}" for number in (1, 2, 4, 5, 6)]


def test_a_404_on_its_list_does_not_empty_a_repository_whose_tags_answer(stocked: Shelf) -> None:
    before = _all(stocked)
    stocked.transport.interfere = _answering(lambda asked: "tags/list" in asked[1], lambda: NO_SUCH_NAME)
    assert sync(stocked.catalogue).doubt == ""
    assert _all(stocked) == before


def test_a_tag_that_the_list_leaves_out_stays_while_it_answers(stocked: Shelf) -> None:
    before = _all(stocked)
    short = Answer(200, JSON, b'{"name":"team/3","tags":["1.0"]}', "http://registry")
    stocked.transport.interfere = _answering(lambda asked: asked[1] == "/v2/team/3/tags/list", lambda: short)
    assert sync(stocked.catalogue).is_complete
    assert _all(stocked) == before


def test_an_empty_tag_list_empties_nothing_while_the_tags_answer(stocked: Shelf) -> None:
    before = _all(stocked)
    stocked.transport.interfere = _answering(lambda asked: "tags/list" in asked[1], lambda: NO_TAGS)
    assert sync(stocked.catalogue).is_complete
    assert _all(stocked) == before


def test_a_repository_that_the_catalogue_leaves_out_is_looked_at_all_the_same(stocked: Shelf, pusher: Pusher) -> None:
    before = _all(stocked)
    newer = pusher.push("team/3", image([layer("newer")]), ["2.0"])
    few = Answer(200, JSON, b'{"repositories":["team/1"]}', "http://registry")
    stocked.transport.interfere = _answering(lambda asked: "_catalog?n=1000" in asked[1], lambda: few)
    assert sync(stocked.catalogue).is_complete
    assert _all(stocked) == before | {"team/3": before["team/3"] | {"2.0": newer.digest}}


def test_an_empty_catalogue_is_doubted_even_while_the_tags_answer(stocked: Shelf) -> None:
    before = _all(stocked)
    stocked.transport.interfere = _answering(lambda asked: "_catalog" in asked[1], lambda: EMPTY_CATALOGUE)
    report = sync(stocked.catalogue)
    assert "lists nothing" in report.doubt
    assert _all(stocked) == before
    stocked.transport.interfere = lambda _asked: None
    assert sync(stocked.catalogue).doubt == ""


def test_an_administrator_may_say_that_a_registry_lists_nothing(stocked: Shelf) -> None:
    before = _all(stocked)
    stocked.transport.interfere = _answering(lambda asked: "_catalog" in asked[1], lambda: EMPTY_CATALOGUE)
    sync(stocked.catalogue)
    with stocked.records.writing() as session:
        assert accept(session, stocked.state().doubt_digest)
    for _again in range(2):
        assert sync(stocked.catalogue).doubt == ""
    assert _all(stocked) == before


def test_a_store_that_moves_away_under_the_running_registry_empties_nothing_until_it_is_back(stocked: Shelf) -> None:
    before = _all(stocked)
    store, elsewhere = stocked.registry.store, stocked.registry.folder / "elsewhere"
    store.rename(elsewhere)
    store.mkdir()
    for _again in range(2):
        report = sync(stocked.catalogue)
        assert "6 of 6 repositories have no tags any more" in report.doubt
        assert _all(stocked) == before
    since = stocked.state().doubt_since
    store.rmdir()
    elsewhere.rename(store)
    assert sync(stocked.catalogue).doubt == ""
    state = stocked.state()
    assert (state.doubt, state.doubt_since, state.doubt_digest) == ("", None, "")
    assert since is not None
    assert _all(stocked) == before


def test_half_a_store_that_moves_away_is_doubted_too(stocked: Shelf) -> None:
    before = _all(stocked)
    repositories = stocked.registry.store / "docker/registry/v2/repositories/team"
    for number in (1, 2):
        (repositories / str(number)).rename(stocked.registry.folder / str(number))
    assert "2 of 6" in sync(stocked.catalogue).doubt
    assert _all(stocked) == before


@pytest.mark.parametrize(
    ("vanished", "had_tags", "listed", "doubtful"),
    [
        (0, 0, 0, False),  # a new registry
        (0, 6, 6, False),
        (1, 6, 6, False),  # one of six is believed
        (1, 100, 99, False),
        (1, 1, 1, True),  # all of them
        (6, 6, 6, True),
        (2, 6, 6, True),  # more than a tenth, and at least two
        (2, 20, 20, False),  # a tenth, not more
        (2, 19, 19, True),
        (3, 20, 20, True),
        (10, 100, 100, False),
        (11, 100, 100, True),
        (0, 6, 0, True),  # the catalogue is empty while ours is not
        (1, 6, 0, True),
    ],
)
def test_what_is_too_much_at_once(vanished: int, had_tags: int, listed: int, doubtful: bool) -> None:
    assert is_doubtful(vanished, had_tags, listed) is doubtful


def test_the_only_repository_that_vanishes_is_doubted(shelf: Shelf, pusher: Pusher) -> None:
    pusher.push("team/api", image([layer("x")]), ["latest"])
    sync(shelf.catalogue)
    _empty(shelf, "team/api")
    assert "1 of 1" in sync(shelf.catalogue).doubt
    assert shelf.repositories() == ["team/api"]


def test_all_that_could_be_read_vanishing_is_doubted(shelf: Shelf, pusher: Pusher) -> None:
    for name in ("a", "b"):
        pusher.push(name, image([layer(name)]), ["latest"])
    sync(shelf.catalogue)
    _empty(shelf, "a")
    shelf.transport.interfere = _answering(lambda asked: "/b/" in asked[1], FAILURES["500"])
    assert "1 of 1" in sync(shelf.catalogue).doubt
    shelf.transport.interfere = lambda _asked: None
    assert sync(shelf.catalogue).doubt == ""
    assert shelf.repositories() == ["b"]


def test_doubt_does_not_end_by_a_sync_that_could_read_nothing(stocked: Shelf) -> None:
    _empty(stocked, "team/1", "team/2")
    sync(stocked.catalogue)
    for failing in ("/tags/list", "_catalog", "/v2/"):
        stocked.transport.interfere = _answering(lambda asked, failing=failing: failing in asked[1], FAILURES["500"])
        sync(stocked.catalogue)
        assert stocked.state().doubt


def test_a_word_of_an_administrator_is_good_for_these_repositories_only(stocked: Shelf) -> None:
    _empty(stocked, "team/1", "team/2")
    sync(stocked.catalogue)
    agreed = stocked.state().doubt_digest
    with stocked.records.writing() as session:
        assert not accept(session, "something else")
        assert accept(session, agreed)
    _empty(stocked, "team/3")
    assert "3 of 6" in sync(stocked.catalogue).doubt
    assert len(stocked.repositories()) == 6
    with stocked.records.writing() as session:
        assert not accept(session, agreed)
        assert accept(session, stocked.state().doubt_digest)
    report = sync(stocked.catalogue)
    assert report.doubt == stocked.state().doubt == ""
    assert stocked.repositories() == ["team/4", "team/5", "team/6"]
    assert stocked.state().doubt_accepted == ""


def test_a_word_that_was_given_does_not_hold_after_the_doubt_has_changed(stocked: Shelf, pusher: Pusher) -> None:
    _empty(stocked, "team/1", "team/2")
    sync(stocked.catalogue)
    with stocked.records.writing() as session:
        assert accept(session, stocked.state().doubt_digest)
    _empty(stocked, "team/3")
    sync(stocked.catalogue)
    pusher.push("team/3", image([layer("3")]), ["1.0", "latest"])
    assert "2 of 6" in sync(stocked.catalogue).doubt


def test_nothing_is_accepted_where_there_is_no_doubt(stocked: Shelf) -> None:
    with stocked.records.writing() as session:
        assert not accept(session, "")


def test_repositories_that_only_ever_got_a_blob_count_for_nothing(stocked: Shelf, pusher: Pusher) -> None:
    for number in range(30):
        for blob in image([layer("x")]).blobs:
            pusher.push_blob(f"blobs/{number}", blob)
    assert sync(stocked.catalogue).is_complete
    assert len(stocked.repositories()) == 6
    _empty(stocked, "team/1", "team/2")
    assert "2 of 6" in sync(stocked.catalogue).doubt


def test_repositories_that_were_empty_before_count_for_nothing(stocked: Shelf) -> None:
    for number in (1, 2, 3, 4, 5):
        _empty(stocked, f"team/{number}")
        with stocked.records.writing() as session:
            forget(session, f"team/{number}", ["1.0", "latest"], [], stocked.catalogue.now())
    assert sync(stocked.catalogue).doubt == ""
    _empty(stocked, "team/6")
    assert "1 of 1" in sync(stocked.catalogue).doubt


@pytest.mark.parametrize("forgotten", [["1.0", "latest"], ["latest"]])
def test_what_our_own_removal_empties_during_a_sync_is_not_doubted(
    shelf: Shelf, pusher: Pusher, forgotten: list[str]
) -> None:
    built = pusher.push("team/api", image([layer("x")]), ["1.0", "latest"])
    sync(shelf.catalogue)
    removals = iter([True])

    def remove_meanwhile(asked: Asked) -> None:
        if asked[1] == "/v2/team/api/tags/list" and next(removals, False):
            shelf.catalogue.client.delete_manifest("team/api", built.digest)
            with shelf.records.writing() as session:
                forget(session, "team/api", forgotten, [built.digest], shelf.catalogue.now())

    shelf.transport.interfere = remove_meanwhile
    assert sync(shelf.catalogue).doubt == ""
    assert "latest" not in shelf.tags("team/api")


def test_a_look_at_one_repository_never_empties_it(stocked: Shelf) -> None:
    _empty(stocked, "team/1")
    sync_repository(stocked.catalogue, "team/1")
    assert len(stocked.repositories()) == 6


def test_a_registry_that_goes_away_in_the_middle_leaves_everything_and_is_noted_as_away(stocked: Shelf) -> None:
    before = _all(stocked)

    def go_away(asked: Asked) -> None:
        if asked == ("HEAD", "/v2/team/3/manifests/1.0"):
            stocked.registry.stop()

    stocked.transport.interfere = go_away
    report = sync(stocked.catalogue)
    # a request that was under way broke off, one that came later found nobody
    assert report.problem.startswith(("The registry cannot be reached", "The registry did not answer in time"))
    assert _all(stocked) == before
    assert stocked.state().mode == RegistryMode.UNREACHABLE
    stocked.transport.interfere = lambda _asked: None
    stocked.registry.start()
    assert sync(stocked.catalogue).is_complete
    assert stocked.state().mode == RegistryMode.READ_WRITE


def test_a_registry_that_is_stopped_is_noted_as_away_and_nothing_is_lost(stocked: Shelf) -> None:
    before = _all(stocked)
    stocked.registry.stop()
    report = sync(stocked.catalogue)
    assert (report.repositories, report.is_complete) == (0, False)
    assert _all(stocked) == before
    assert stocked.state().mode == RegistryMode.UNREACHABLE
    with pytest.raises(RegistryUnreachable):
        sync_repository(stocked.catalogue, "team/1")
    assert _all(stocked) == before
