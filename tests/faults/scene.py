"""What a row of the matrix happens in: a house with a small fleet, of which one image has been deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field

from demo.build import Built, image, index, layer
from demo.push import Pusher
from tests.maintenance.house import House

REPOSITORY = "team/api"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A manifest whose push was answered with 201, by one of the names that it pulls under."""

    repository: str
    reference: str
    built: Built


@dataclass
class Scene:
    """What a fault is injected into.

    Attributes:
        gone: deleted, so that a collection has something to take.
        fleet: everything that the registry has acknowledged and nobody has deleted.
        mend: what ends the fault, so that a run in peace can follow.
        undo: what is taken away when all is over.
    """

    house: House
    mend: ExitStack
    undo: ExitStack
    fleet: list[Acknowledged] = field(default_factory=list)
    gone: Built = field(init=False)

    def __post_init__(self) -> None:
        shared = layer("shared by all")
        self.push(image([shared, layer("kept")]), ["kept", "also"])
        self.push(image([layer("untagged")]))
        children = [image([layer(platform)], platform=platform) for platform in ("linux/amd64", "linux/arm64")]
        for child in children:
            self.push(child)
        self.push(index(children), ["index"])
        self.gone = self.push_and_delete("gone")

    def push(self, built: Built, tags: Iterable[str] = (), repository: str = REPOSITORY) -> None:
        """Push, and remember that it was acknowledged, by its digest and by its tags."""
        tags = list(tags)
        Pusher(self.house.keeper.url).push(repository, built, tags)
        self.fleet += [Acknowledged(repository, name, built) for name in (built.digest, *tags)]

    def push_and_delete(self, name: str, size_bytes: int = 200) -> Built:
        """An image that nobody acknowledges any more, with a layer that others use and one of that size."""
        built = image([layer("shared by all"), layer(name, size_bytes)])
        Pusher(self.house.keeper.url).push(REPOSITORY, built, [name])
        self.house.delete(built, REPOSITORY)
        return built


Fault = Callable[[Scene], None]
