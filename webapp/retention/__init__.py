"""Retention: rules that say which tags stay, what they would take, and runs that take it."""
