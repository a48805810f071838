"""One image, or artifact, in full: its configuration in terms, its labels, and its layers beside the steps of its history."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from webapp.catalogue.details import ManifestDetails
from webapp.catalogue.sizes import SCHEMA_1_SAYS_NO_SIZE
from webapp.registry.configuration import MOST_PAIRS, MOST_STEPS, Configuration, Step, read_configuration
from webapp.registry.errors import Nonsense
from webapp.registry.manifests import Descriptor, ManifestKind
from webapp.registry.visible import Some, first

NOT_JSON = "Its configuration cannot be read: it is not a JSON object. The text shows what it is."
NO_MATCH = "Its history does not tell of as many layers as it has, so the two are not shown side by side."

A_LAYER = Step("", "", adds_layer=True)


@dataclass(frozen=True, slots=True)
class Term:
    """One thing that a configuration says, as code where `is_code`; `more` is what of it is not shown."""

    name: str
    text: str
    more: int = 0
    is_code: bool = True


@dataclass(frozen=True, slots=True)
class LayerLine:
    """A layer, the step that made it, or both.

    Attributes:
        digest: empty for a step that adds no layer.
        total_bytes: of all layers up to this one, each blob once.
    """

    words: str
    comment: str
    digest: str = ""
    media_type: str = ""
    size_bytes: int | None = None
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ImageView:
    """An image or artifact.

    Attributes:
        is_unread: its configuration is not in the records, and can be read from the registry.
        trouble: why its configuration is not shown; '' where it is, or there is none.
    """

    repository: str
    digest: str
    words: str
    is_image: bool
    has_configuration: bool
    is_unread: bool
    trouble: str
    created_at: datetime | None
    terms: list[Term]
    environment: Some[tuple[str, str]]
    labels: Some[tuple[str, str]]
    lines: Some[LayerLine]
    note: str
    size_reason: str


def image_view(
    repository: str, details: ManifestDetails, raw: bytes | None, words: str, trouble: str = ""
) -> ImageView:
    """All that is shown of one image.

    Args:
        raw: its configuration; None where it is not known.
        words: the platform.
        trouble: why it could not be read just now.
    """
    is_image = details.kind == ManifestKind.IMAGE
    configuration, unreadable = _read(raw)
    lines, note = _lines(details, configuration)
    return ImageView(
        repository=repository,
        digest=details.digest,
        words=words,
        is_image=is_image,
        has_configuration=details.content.config is not None,
        is_unread=is_image and raw is None and not trouble,
        trouble=trouble or unreadable,
        created_at=details.created_at,
        terms=list(_terms(configuration)) if configuration else [],
        environment=configuration.environment if configuration else Some(),
        labels=configuration.labels if configuration else first(details.labels, MOST_PAIRS),
        lines=lines,
        note=note,
        size_reason=SCHEMA_1_SAYS_NO_SIZE if details.kind == ManifestKind.SCHEMA1 else "",
    )


def _read(raw: bytes | None) -> tuple[Configuration | None, str]:
    if raw is None:
        return None, ""
    try:
        return read_configuration(raw), ""
    except Nonsense:
        return None, NOT_JSON


def _terms(said: Configuration) -> Iterable[Term]:
    """What the image runs and with what; what it does not say is left out, but for what it runs."""
    yield _command("Entry point", said.entry_point)
    yield _command("Command", said.command)
    for name, some in (("Ports", said.ports), ("Volumes", said.volumes)):
        if some:
            yield Term(name, ", ".join(some.items), some.more)
    for name, text in (
        ("User", said.user),
        ("Working folder", said.working_folder),
        ("Stop signal", said.stop_signal),
        ("Author", said.author),
    ):
        if text:
            yield Term(name, text)
    if said.health_check:
        yield _command("Health check", said.health_check)


def _command(name: str, words: Some[str]) -> Term:
    return Term(name, shlex.join(words.items), words.more) if words else Term(name, "none", is_code=False)


def _lines(details: ManifestDetails, configuration: Configuration | None) -> tuple[Some[LayerLine], str]:
    """Layers and steps side by side where they match, else one after the other; and why they are not."""
    layers = details.content.layers
    steps: Some[Step] = configuration.steps if configuration else Some()
    is_sized = details.kind != ManifestKind.SCHEMA1
    if steps and not steps.more and len([step for step in steps.items if step.adds_layer]) == len(layers):
        return first(_side_by_side(steps.items, layers, is_sized), MOST_STEPS), ""
    alone = [LayerLine(step.words, step.comment) for step in steps.items]
    shown = first([*_side_by_side([A_LAYER] * len(layers), layers, is_sized), *alone], MOST_STEPS)
    return Some(shown.items, shown.more + steps.more), NO_MATCH if steps else ""


def _side_by_side(steps: Sequence[Step], layers: Iterable[Descriptor], is_sized: bool) -> Iterable[LayerLine]:
    """Each step, with the layer that it made where it made one."""
    total, counted, left = 0, set[str](), iter(layers)
    for step in steps:
        if not step.adds_layer:
            yield LayerLine(step.words, step.comment)
            continue
        layer = next(left)
        total += 0 if layer.digest in counted else layer.size_bytes
        counted.add(layer.digest)
        sizes = (layer.size_bytes, total) if is_sized else (None, None)
        yield LayerLine(step.words, step.comment, layer.digest, layer.media_type, *sizes)
