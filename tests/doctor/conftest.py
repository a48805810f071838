"""Records with rows in every table."""

from tests.backups.conftest import (
    cheap_passwords,
    clock,
    records,
    records_of_0012,
    settings,
    template,
    template_of_0012,
)

__all__ = ["cheap_passwords", "clock", "records", "records_of_0012", "settings", "template", "template_of_0012"]
