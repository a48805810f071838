"""`users …`: what a script relies on: one JSON document, an exit code, a sentence."""

from __future__ import annotations

import json

import pytest

from tests.accounts.conftest import House
from tests.commands import Run, runner
from webapp.cli.users import users


@pytest.fixture
def run(house: House) -> Run:
    """`users` with the cast signed up."""
    return runner(users, house.records, house.clock)


def test_a_user_is_created_with_the_password_of_standard_input(house: House, run: Run) -> None:
    done = run("create", "carol", "--role", "user", "--password-stdin", "--json", input="a decent password\n")
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert (document["outcome"], document["name"], document["role"]) == ("done", "carol", "user")
    assert house.sign_in("carol", "a decent password")


def test_a_password_is_changed_with_that_of_standard_input(house: House, run: Run) -> None:
    token = house.sign_in("bob")
    done = run("password", "bob", "--password-stdin", input="another password\r\n")
    assert (done.exit_code, done.stdout) == (0, "Changed the password of bob and ended all sessions.\n")
    assert house.who(token) is None
    assert house.sign_in("bob", "another password")


def test_without_standard_input_the_password_is_asked_for_twice(house: House, run: Run) -> None:
    done = run("password", "bob", "--json", input="another password\nanother password\n")
    assert json.loads(done.stdout)["outcome"] == "done"
    assert "another password" not in done.output
    assert house.sign_in("bob", "another password")


def test_users_are_listed_by_name_without_their_hashes(run: Run) -> None:
    run("disable", "bob")
    document = json.loads(run("list", "--json").stdout)
    assert [(user["name"], user["role"], user["disabled_at"]) for user in document["users"]] == [
        ("alice", "admin", None),
        ("bob", "user", "2026-03-12T09:00:00+00:00"),
        ("dave", "user", None),
    ]
    assert "argon2" not in json.dumps(document)
    assert [line.split() for line in run("list").stdout.splitlines()] == [
        ["alice", "admin"],
        ["bob", "user", "disabled"],
        ["dave", "user"],
    ]


def test_a_disabled_user_is_out_until_enabled(house: House, run: Run) -> None:
    token = house.sign_in("bob")
    assert run("disable", "bob").exit_code == 0
    assert house.who(token) is None
    assert run("enable", "bob").exit_code == 0
    assert house.sign_in("bob")


@pytest.mark.parametrize(
    ("arguments", "input"),
    [
        (["create", "alice", "--role", "user", "--password-stdin"], "a decent password\n"),
        (["create", "a b", "--role", "user", "--password-stdin"], "a decent password\n"),
        (["create", "carol", "--role", "user", "--password-stdin"], "short\n"),
        (["password", "nobody", "--password-stdin"], "a decent password\n"),
        (["disable", "alice"], ""),
        (["enable", "nobody"], ""),
    ],
)
def test_what_is_refused_ends_with_1_and_a_sentence(run: Run, arguments: list[str], input: str) -> None:
    failed = run(*arguments, input=input)
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr.endswith(".\n")
    document = json.loads(run(*arguments, "--json", input=input).stdout)
    assert document == {"outcome": "failed", "reason": failed.stderr.rstrip("\n")}


@pytest.mark.parametrize(
    "arguments",
    [["create", "carol"], ["create", "carol", "--role", "owner"], ["password", "bob", "--password-stdin"], ["remove"]],
)
def test_what_is_not_understood_ends_with_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
