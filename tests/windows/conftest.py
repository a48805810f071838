"""Records, a clock, a house with a registry behind its keeper, and a window every day at 03:00 in Berlin."""

from __future__ import annotations

from tests.maintenance.conftest import empty_records, gone, house, kept
from tests.records import clock, records, records_template

__all__ = ["clock", "empty_records", "gone", "house", "kept", "records", "records_template"]
