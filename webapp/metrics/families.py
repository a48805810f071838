"""Kinds of figures, in the words of Prometheus: a value, a moment, one state of several."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

Samples = Iterable[tuple[tuple[str, ...], float]]
"""The values of some labels, and the number that stands with them."""


def value(name: str, says: str, number: float | None) -> Metric:
    """One number; without a sample where it is not known, instead of a made-up 0."""
    family = GaugeMetricFamily(name, says)
    if number is not None:
        family.add_metric([], number)
    return family


def moment(name: str, says: str, at: datetime | None) -> Metric:
    """A moment in seconds since 1970, so that its age grows also while nobody changes it."""
    return value(name, says, at.timestamp() if at else None)


def one_of(name: str, says: str, label: str, states: Iterable[StrEnum], now: StrEnum | None) -> Metric:
    """1 for the state that is and 0 for all others; without a sample where there is none."""
    family = GaugeMetricFamily(name, says, labels=[label])
    for each in states if now is not None else ():
        family.add_metric([each.value], each == now)
    return family


def numbers(name: str, says: str, labels: list[str], of: Samples) -> Metric:
    """One number for each combination of the labels' values."""
    family = GaugeMetricFamily(name, says, labels=labels)
    for key, number in of:
        family.add_metric(key, number)
    return family


def counts(name: str, says: str, labels: list[str], of: Samples) -> Metric:
    """The same for what only grows."""
    family = CounterMetricFamily(name, says, labels=labels)
    for key, number in of:
        family.add_metric(key, number)
    return family
