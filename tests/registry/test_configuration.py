"""Configurations of images: whatever somebody wrote into one becomes bounded, visible text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.registry.configuration import MOST_PAIRS, MOST_STEPS, read_annotations, read_configuration
from webapp.registry.errors import Nonsense
from webapp.registry.visible import visible

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("Entrypoint", "Cmd", "Env", "Labels", "ExposedPorts", "Volumes", "User", "WorkingDir", "Healthcheck", "history")


def packed(document: object) -> bytes:
    return json.dumps(document).encode()


def test_what_a_configuration_says_is_read() -> None:
    found = read_configuration(
        packed(
            {
                "config": {
                    "Entrypoint": ["/run", "a b"],
                    "Cmd": "one text",
                    "Env": ["A=1=2", "B"],
                    "ExposedPorts": {"443/tcp": {}, "80/tcp": {}},
                    "Healthcheck": {"Test": ["CMD", "true"]},
                },
                "history": [{"created_by": "RUN x"}, {"created_by": "ENV y", "empty_layer": True, "comment": "c"}],
            }
        )
    )
    assert found.entry_point.items == ("/run", "a b")
    assert found.command.items == ("one text",)
    assert found.environment.items == (("A", "1=2"), ("B", ""))
    assert found.ports.items == ("80/tcp", "443/tcp")
    assert found.health_check.items == ("CMD", "true")
    assert [(step.words, step.comment, step.adds_layer) for step in found.steps.items] == [
        ("RUN x", "", True),
        ("ENV y", "c", False),
    ]


def test_numbers_and_lengths_are_bounded_and_what_is_left_out_is_counted() -> None:
    labels = {f"label {number:04}": "x" * 5_000 for number in range(1_000)}
    found = read_configuration(packed({"config": {"Labels": labels}, "history": [{}] * 1_000}))
    assert (len(found.labels.items), found.labels.more) == (MOST_PAIRS, 1_000 - MOST_PAIRS)
    assert (len(found.steps.items), found.steps.more) == (MOST_STEPS, 1_000 - MOST_STEPS)
    assert found.labels.items[0][1] == "x" * 999 + "…"


@given(st.fixed_dictionaries({"config": st.dictionaries(st.sampled_from(KEYS), JSON) | JSON, "history": JSON}))
def test_parts_of_other_types_than_they_should_have_count_as_missing(document: object) -> None:
    read_configuration(packed(document))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_not_an_object_is_no_configuration(raw: bytes) -> None:
    with pytest.raises(Nonsense):
        read_configuration(raw)
    assert not read_annotations(raw)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain ⚓", "plain ⚓"),
        ("\x1b[31m", r"\x1b[31m"),
        ("a\r\n\tb", r"a\r\n\tb"),
        ("\x00\x7f\x9f", r"\x00\x7f\x9f"),
        ("\u202egnp", r"\u202egnp"),
        ("\ud800", r"\ud800"),
        ("\U000e0041", r"\U000e0041"),
        ("x" * 11, "x" * 9 + "…"),
    ],
)
def test_what_a_screen_obeys_is_written_as_in_a_program(written: str, shown: str) -> None:
    assert visible(written, 10) == shown


@given(st.text())
def test_nothing_that_is_shown_is_unprintable(written: str) -> None:
    assert visible(written, 1_000).isprintable()
