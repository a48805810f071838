"""Removals: planned, agreed, journalled, carried out, looked up again."""
