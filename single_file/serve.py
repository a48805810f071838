"""`holystone serve`: the records brought up to date, then gunicorn in this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def serve(arguments: list[str]) -> int:
    """Serve the pages, with the scheduler, until TERM; returns the exit code."""
    if arguments:
        print(f"serve takes no {arguments[0]}: everything is a setting.", file=sys.stderr)  # noqa: T201
        return 2
    if code := upgrade_in_a_child():
        return code
    from gunicorn.app.wsgiapp import WSGIApplication

    sys.argv = ["holystone serve", "--config", str(ROOT / "deploy" / "gunicorn.conf.py"), "wsgi:app"]
    WSGIApplication("%(prog)s").run()
    return 0


def upgrade_in_a_child() -> int:
    """Bring the records up to date. In a process of its own: what this one imports it keeps in memory for good."""
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = 1
    try:
        upgrade()
        code = 0
    except SystemExit as refusal:
        print(refusal, file=sys.stderr, flush=True)  # noqa: T201
    finally:
        os._exit(code)


def upgrade() -> None:
    """Bring the records to the newest version, after a backup of them; the first time, make them."""
    from webapp import settings_or_exit
    from webapp.backups.before_upgrade import UpgradeRefused
    from webapp.backups.before_upgrade import upgrade as bring_to_this_version

    try:
        said = bring_to_this_version(settings_or_exit())
    except UpgradeRefused as refusal:
        sys.exit(f"Holystone does not start. {refusal}")
    if said:
        print(said, file=sys.stderr, flush=True)  # noqa: T201
