"""gunicorn's configuration: one process with threads, because the scheduler lives in it."""
# ruff: noqa: N999  gunicorn looks for a file of this name

import ctypes
import gc
import logging
import os
import signal
import sys
from typing import Any

from gunicorn.glogging import Logger

import logs
from single_file.apart import in_a_child

log = logging.getLogger("holystone")
PR_SET_PDEATHSIG = 1


class Lines(Logger):
    """gunicorn's own messages, as lines of our log. It writes no line for a request: the application does."""

    def setup(self, cfg: Any) -> None:
        """Leave the messages to the handler of the whole process."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


# What a proxy says of the visitor is believed as HOLYSTONE_TRUSTED_PROXIES has it, and that in one place: the application.
# gunicorn would believe whoever is on this machine.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

umask = 0o007  # of a Unix socket: its group is nginx's, and whoever reaches it is believed
bind = os.environ.get("HOLYSTONE_BIND") or "127.0.0.1:8000"
workers = 1
worker_class = "gthread"
threads = 16
graceful_timeout = 20  # seconds that a request under way gets at the end
control_socket_disable = True  # nobody asks it anything
loglevel = "warning"
logger_class = Lines

logs.write_lines(logging.INFO)
logs.write_uncaught()


def on_starting(_server: Any) -> None:
    """What keeps Holystone from starting is said once, instead of by one worker after the other."""
    if code := in_a_child(_look_at_settings):
        sys.exit(code)


def _look_at_settings() -> None:
    import webapp

    webapp.settings_or_exit()


def post_fork(_server: Any, _worker: Any) -> None:
    """End with the first process, also where that was killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def post_worker_init(worker: Any) -> None:
    """Start the scheduler in the process that answers the pages.

    What the program itself is made of never becomes garbage; to look through it again and again would hold up a page now
    and then by twice the time that it takes.
    """
    from webapp import scheduler
    from webapp.version import VERSION

    gc.collect()
    gc.freeze()
    worker.scheduler = scheduler.start(worker.wsgi.extensions["holystone"])
    log.info("Holystone serves", extra={"address": bind, "version": VERSION})


def worker_exit(_server: Any, worker: Any) -> None:
    """Let the scheduler's jobs end before the process does."""
    if hasattr(worker, "scheduler"):  # it has none where the application could not be loaded
        worker.scheduler.shutdown()
        log.info("Holystone ends")
