"""Measurements, outside of the test run: `python -m benchmarks`, or `make bench`.

A machine is fast today and busy tomorrow, so each figure is shown beside something plain that ran in turns with it.
"""
