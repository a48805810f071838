"""Backups of the records: made while everything runs, proved by restoring them once, restored, and one every night."""
