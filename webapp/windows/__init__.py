"""Maintenance windows: planned once, they run by themselves."""
