"""How requests were answered, counted in this process since its start."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
UNKNOWN_ROUTE = "unknown"
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Pages are meant to answer within 0.1 s; a dialog waits for the registry for 5 s, a deletion for 20 s."""

# Else each series has a second one that says since when, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]


class RequestFigures:
    """Counts and durations by route. A route is the pattern of an address, so that there is no more than a fixed number."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answered = Counter(
            "holystone_http_requests",
            "Requests that were answered, by the pattern of their address.",
            ["method", "route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "holystone_http_request_duration_seconds",
            "Time from a request's arrival until its answer is ready.",
            ["method", "route"],
            buckets=BUCKETS_S,
            registry=registry,
        )

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one request. `route` is None where no address matched."""
        known = method if method in METHODS else OTHER
        self._answered.labels(known, route or UNKNOWN_ROUTE, f"{status // 100}xx").inc()
        self._seconds.labels(known, route or UNKNOWN_ROUTE).observe(seconds)
