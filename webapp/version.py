"""Which Holystone this is."""

VERSION = "0.1.0"
"""The same as in pyproject.toml, which is not there in every installation."""
