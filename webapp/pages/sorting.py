"""How lists are sorted: what an address asks for, and where the heads of the columns lead."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from flask import request

Order = TypeVar("Order", bound=StrEnum)
TURNED = "-"


@dataclass(frozen=True, slots=True)
class Sorting(Generic[Order]):
    """An order, or, `turned`, the same the other way round. In an address that is `name` and `-name`."""

    order: Order
    turned: bool = False

    @property
    def words(self) -> str:
        """As addresses have it."""
        return f"{TURNED if self.turned else ''}{self.order.value}"


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a column: where a press leads, and for a reader how the list is sorted by it ('' for not at all)."""

    address: str
    sorted: str


def asked_sorting(orders: type[Order], usual: Order) -> Sorting[Order]:
    """The order that an address asks for; the usual one where it asks for none that there is."""
    asked = request.args.get("sort", "")
    word = asked.removeprefix(TURNED)
    if word not in {each.value for each in orders}:
        return Sorting(usual)
    return Sorting(orders(word), asked.startswith(TURNED))


def heads(
    orders: Iterable[Order], now: Sorting[Order], address: Callable[[str], str], ascending: Collection[Order]
) -> dict[str, Head]:
    """The head of each order's column. `ascending` are those that usually go up; the one pressed again turns."""
    return {
        each.value: Head(
            address(Sorting(each, each == now.order and not now.turned).words),
            _direction((each in ascending) != now.turned) if each == now.order else "",
        )
        for each in orders
    }


def options(labels: Mapping[Order, str], now: Sorting[Order]) -> list[tuple[str, str]]:
    """What the list of orders offers; the other way round only where that is how it is sorted."""
    usual = [(each.value, label) for each, label in labels.items()]
    return [*usual, (now.words, f"{labels[now.order]}, reversed")] if now.turned else usual


def _direction(goes_up: bool) -> str:
    return "ascending" if goes_up else "descending"
