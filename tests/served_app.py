"""An application of this process behind a real address, for a browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """Prints no line for each request."""

    def log(self, kind: str, message: str, *args: object) -> None:
        """Do nothing."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve `app` on a port of the kernel's choice for as long as the block lasts; its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, name="served", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
