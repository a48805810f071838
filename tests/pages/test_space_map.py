"""The map of /space: never more rectangles than can be pressed, and each says and leads to what it stands for."""

from __future__ import annotations

import pytest

from webapp.pages.space_map import HEAD, NARROW, WIDE, Branch, Frame, Others, Part, SpaceMap, space_map

NO_OTHERS = Others(0, 0, "/to/all")


def part(label: str, size_bytes: int, exclusive_bytes: int = 0) -> Part:
    return Part(label, size_bytes, exclusive_bytes, f"{size_bytes} B", f"{label} in words", f"/to/{label}")


def branch(name: str, *sizes: int, others: int = 0, others_bytes: int = 0) -> Branch:
    parts = [part(f"{name}-{number}", size) for number, size in enumerate(sizes)]
    return Branch(part(name, sum(sizes) + others_bytes), parts, others, others_bytes)


def drawn_of(*branches: Branch, frame: Frame = WIDE, others: Others = NO_OTHERS) -> SpaceMap:
    return space_map(branches, others, frame)


def labels(drawn: SpaceMap) -> list[list[str]]:
    return [[tile.part.label for tile in group.tiles] for group in drawn.groups]


@pytest.mark.parametrize("frame", [WIDE, NARROW])
def test_every_namespace_has_its_repositories_within(frame: Frame) -> None:
    drawn = drawn_of(branch("small", 10, 10), branch("large", 70, 30), frame=frame)
    assert labels(drawn) == [["large-0", "large-1"], ["small-0", "small-1"]]
    assert [group.whole.label for group in drawn.groups] == ["large", "small"]


def test_a_namespace_alone_has_no_head() -> None:
    (group,) = drawn_of(branch("team", 70, 30)).groups
    assert (group.label, group.head) == ("", 0.0)
    first, second = drawn_of(branch("team", 70, 30), branch("other", 50)).groups
    assert first.label == "team · 100 B"
    assert first.head == pytest.approx(100 * HEAD / WIDE.height, abs=0.01)
    assert second.label


def test_what_is_too_small_to_press_stands_together() -> None:
    (group,) = drawn_of(branch("team", 100_000, 1, 1, others=5, others_bytes=5_000)).groups
    assert [tile.part.label for tile in group.tiles] == ["team-0", "7 others"]
    assert group.tiles[1].part.words == "7 other repositories of team: 5.00 kB"
    assert group.tiles[1].part.address == "/to/team"


def test_a_namespace_of_small_ones_only_is_one_rectangle() -> None:
    drawn = drawn_of(branch("large", 100_000), branch("small", *[10] * 200))
    assert labels(drawn)[1] == ["small"]


def test_small_namespaces_stand_with_those_that_are_not_named() -> None:
    drawn = drawn_of(branch("large", 100_000), branch("small", 10), others=Others(30, 9_000, "/to/all"))
    assert labels(drawn) == [["large-0"], ["31 other namespaces"]]
    assert drawn.groups[1].tiles[0].part.address == "/to/all"
    assert labels(drawn_of(branch("large", 100_000), branch("small", 10))) == [["large-0"]]


def test_beside_a_size_that_nobody_can_believe_everything_is_still_drawn() -> None:
    for frame in (WIDE, NARROW):
        drawn = drawn_of(branch("lie", 9 * 10**18), branch("team", 1, 1), frame=frame, others=Others(3, 5, "/to/all"))
        assert labels(drawn) == [["lie-0"]]


def test_of_ten_thousand_equal_ones_there_is_one_rectangle_for_each_namespace() -> None:
    drawn = drawn_of(*(branch(f"team-{number}", *[7] * 500) for number in range(20)))
    assert sum(len(group.tiles) for group in drawn.groups) == 20


def test_the_stronger_part_is_what_is_needed_nowhere_else() -> None:
    drawn = drawn_of(Branch(part("team", 400), [part("a", 300, 75), part("b", 100, 100)]))
    assert [tile.own for tile in drawn.groups[0].tiles] == [25.0, 100.0]


def test_a_text_that_does_not_fit_is_cut_or_left_out() -> None:
    long = "a-name-that-is-longer-than-its-rectangle-is-wide"
    drawn = drawn_of(Branch(part("team", 1_000), [part("wide", 950), part(long, 45), part("t", 5)]))
    wide, cut, tiny = drawn.groups[0].tiles
    assert (wide.label, wide.size_words) == ("wide", "950 B")
    assert cut.label == f"{long[: len(cut.label) - 1]}…"
    assert (tiny.label, tiny.size_words) in (("", ""), ("t", ""))


def test_nothing_takes_no_room() -> None:
    assert drawn_of().groups == ()
    assert drawn_of(branch("empty")).groups == ()
    assert space_map([], None, WIDE).groups == ()
