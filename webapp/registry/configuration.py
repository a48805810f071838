"""An image's configuration for people to read: what it runs, with what around it, and the steps that made it.

Nothing in it is trusted: what has another type than it should counts as missing, numbers and lengths are bounded.
Source: OCI image specification, config.md; Docker's configuration has the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from webapp.registry.documents import json_object
from webapp.registry.errors import Nonsense
from webapp.registry.visible import Some, first, mapped, visible, visible_pairs

MOST_WORDS = 100
MOST_PAIRS = 60
MOST_NAMES = 40
MOST_STEPS = 200
LONGEST_NAME = 256
LONGEST_VALUE = 1_000
LONGEST_STEP = 1_000

Pairs = Some[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an image's history. `adds_layer` is false for one that changed nothing but the configuration."""

    words: str
    comment: str
    adds_layer: bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a configuration says. Texts are empty where it does not."""

    entry_point: Some[str]
    command: Some[str]
    environment: Pairs
    labels: Pairs
    ports: Some[str]
    volumes: Some[str]
    user: str
    working_folder: str
    stop_signal: str
    health_check: Some[str]
    author: str
    steps: Some[Step]


def read_configuration(raw: bytes) -> Configuration:
    """Read an image's configuration.

    Raises:
        Nonsense: it is not a JSON object.
    """
    document = json_object(raw)
    config = _object(document.get("config"))
    return Configuration(
        entry_point=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        environment=_environment(config.get("Env")),
        labels=visible_pairs(config.get("Labels"), MOST_PAIRS, LONGEST_NAME, LONGEST_VALUE),
        ports=_names(config.get("ExposedPorts"), _by_number),
        volumes=_names(config.get("Volumes")),
        user=_text(config.get("User")),
        working_folder=_text(config.get("WorkingDir")),
        stop_signal=_text(config.get("StopSignal")),
        health_check=_words(_object(config.get("Healthcheck")).get("Test")),
        author=_text(document.get("author")),
        steps=_steps(document.get("history")),
    )


def read_annotations(raw: bytes) -> Pairs:
    """A manifest's annotations; none where it has none, or is not JSON."""
    try:
        annotations = json_object(raw).get("annotations")
    except Nonsense:
        return Some()
    return visible_pairs(annotations, MOST_PAIRS, LONGEST_NAME, LONGEST_VALUE)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, longest: int = LONGEST_NAME) -> str:
    return visible(value, longest) if isinstance(value, str) else ""


def _texts(value: Any) -> Iterable[str]:
    return (item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _words(value: Any) -> Some[str]:
    """The words of a command; a single text, as Docker once wrote it, is one."""
    texts = [value] if isinstance(value, str) else _texts(value)
    return mapped(first(texts, MOST_WORDS), lambda word: visible(word, LONGEST_VALUE))


def _names(value: Any, key: Callable[[str], Any] | None = None) -> Some[str]:
    """The keys of an object whose values mean nothing: how ports and volumes are written."""
    return mapped(first(sorted(_object(value), key=key), MOST_NAMES), lambda name: visible(name, LONGEST_NAME))


def _by_number(port: str) -> tuple[int, str]:
    """80/tcp before 443/tcp."""
    return len(port.partition("/")[0]), port


def _environment(value: Any) -> Pairs:
    some = first(_texts(value), MOST_PAIRS)
    return mapped(some, lambda text: _variable(*text.partition("=")))


def _variable(name: str, _equals: str, value: str) -> tuple[str, str]:
    return visible(name, LONGEST_NAME), visible(value, LONGEST_VALUE)


def _steps(value: Any) -> Some[Step]:
    steps = (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    return mapped(first(steps, MOST_STEPS), _step)


def _step(step: dict[str, Any]) -> Step:
    return Step(
        words=_text(step.get("created_by"), LONGEST_STEP),
        comment=_text(step.get("comment")),
        adds_layer=step.get("empty_layer") is not True,
    )
