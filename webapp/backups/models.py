"""The table of the nightly backup. The backups themselves are files: what is there is looked at, not remembered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from webapp.database import Base


class NightlyBackup(Base):
    """One row: how the last try to make the nightly backup went. `problem` is empty where it went well."""

    __tablename__ = "nightly_backup"

    id: Mapped[int] = mapped_column(primary_key=True)
    tried_at: Mapped[datetime]
    problem: Mapped[str] = mapped_column(default="")
