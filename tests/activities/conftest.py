"""Fixtures of the tests of activities."""

from tests.records import clock, records, records_template

__all__ = ["clock", "records", "records_template"]
