"""gunicorn's configuration: one process with threads, because the scheduler lives in it."""
# ruff: noqa: N999  gunicorn looks for a file of this name

import os
import subprocess
import sys
from typing import Any

bind = os.environ.get("HOLYSTONE_BIND") or "127.0.0.1:8000"
workers = 1
worker_class = "gthread"
threads = 16
graceful_timeout = 20  # seconds that a request under way gets at the end
control_socket_disable = True  # nobody asks it anything
loglevel = "warning"


def on_starting(_server: Any) -> None:
    """What keeps Holystone from starting is said once, instead of by one worker after the other.

    In a process of its own: whatever this one imports it keeps in memory for good.
    """
    look = subprocess.run([sys.executable, "-c", "import webapp; webapp.settings_or_exit()"], check=False)
    if look.returncode:
        sys.exit(look.returncode)


def post_worker_init(worker: Any) -> None:
    """Start the scheduler in the process that answers the pages."""
    from webapp import scheduler

    worker.scheduler = scheduler.start(worker.wsgi.extensions["holystone"])


def worker_exit(_server: Any, worker: Any) -> None:
    """Let the scheduler's jobs end before the process does."""
    if hasattr(worker, "scheduler"):  # it has none where the application could not be loaded
        worker.scheduler.shutdown()
