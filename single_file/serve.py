"""`holystone serve`: the records brought up to date, then gunicorn in this process."""

from __future__ import annotations

import sys
from pathlib import Path

from single_file.apart import in_a_child

ROOT = Path(__file__).resolve().parent.parent


def serve(arguments: list[str]) -> int:
    """Serve the pages, with the scheduler, until TERM; returns the exit code."""
    if arguments:
        print(f"serve takes no {arguments[0]}: everything is a setting.", file=sys.stderr)  # noqa: T201
        return 2
    if code := in_a_child(upgrade):
        return code
    from gunicorn.app.wsgiapp import WSGIApplication

    sys.argv = ["holystone serve", "--config", str(ROOT / "deploy" / "gunicorn.conf.py"), "wsgi:app"]
    application = WSGIApplication("%(prog)s")
    application.cfg.set("on_starting", lambda _server: None)  # the upgrade has looked at the settings
    application.run()
    return 0


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
