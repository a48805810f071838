"""Alembic's entry: bring the records to the newest version, in one transaction.

Which records: those of the application, or of the engine that the caller gives (webapp/backups/schema.py).
"""

from alembic import context
from flask import current_app

from webapp.database import Base, is_of_a_model


def run() -> None:
    """Run the migrations that are missing."""
    engine = context.config.attributes.get("engine") or current_app.extensions["migrate"].db.engine
    with engine.execution_options(immediate=True).connect() as connection:
        # Batch mode makes a table anew and drops the old one, which with foreign keys deletes the rows that name it.
        # The pragma is a no-op within a transaction, and this connection must not serve anybody afterwards.
        connection.detach()
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=is_of_a_model,
            render_as_batch=True,
            transactional_ddl=True,  # BEGIN is sent by us, so SQLite takes back a migration that fails
        )
        with context.begin_transaction():
            context.run_migrations()


run()
