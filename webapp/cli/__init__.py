"""The terminal: one module per group of commands; the same functions that the pages call."""
