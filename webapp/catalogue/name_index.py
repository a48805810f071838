"""The index that finds tags by a part of their name: all three letters in a row of all names, kept by triggers.

SQLite's FTS5 with its trigram tokenizer (https://sqlite.org/fts5.html, "The Trigram Tokenizer"). The names stay in the
table of tags, the index has only their rows. A trigger goes with its table: a migration that makes `tags` anew has to
make the triggers again, too.
"""

from __future__ import annotations

from sqlalchemy import DDL, ColumnElement, Table, column, event, literal_column, table

SHORTEST = 3
"""So many letters a needle needs."""

INDEX = """CREATE VIRTUAL TABLE tag_names USING fts5(name, content='tags', content_rowid='id', tokenize='trigram')"""
TRIGGERS = (
    """CREATE TRIGGER tag_names_after_insert AFTER INSERT ON tags BEGIN
INSERT INTO tag_names (rowid, name) VALUES (new.id, new.name);
END""",
    """CREATE TRIGGER tag_names_after_delete AFTER DELETE ON tags BEGIN
INSERT INTO tag_names (tag_names, rowid, name) VALUES ('delete', old.id, old.name);
END""",
    """CREATE TRIGGER tag_names_after_update AFTER UPDATE OF id, name ON tags BEGIN
INSERT INTO tag_names (tag_names, rowid, name) VALUES ('delete', old.id, old.name);
INSERT INTO tag_names (rowid, name) VALUES (new.id, new.name);
END""",
)

tag_names = table("tag_names", column("rowid"))
"""A row for each tag; its `rowid` is the tag's `id`."""


def keep_index(tags: Table) -> None:
    """Have the index and its triggers made with the table of tags."""
    for statement in (INDEX, *TRIGGERS):
        event.listen(tags, "after_create", DDL(statement))  # type: ignore[no-untyped-call]


def name_contains(part: str) -> ColumnElement[bool]:
    """The condition on `tag_names` for names that have `part` in them, whatever the case; it has at least three letters."""
    quoted = part.replace('"', '""')
    return literal_column("tag_names").op("MATCH", is_comparison=True)(f'"{quoted}"')
