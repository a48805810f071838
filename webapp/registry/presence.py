"""Whether somebody is at a registry's address at all, asked once, without the patience of a client."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

from webapp.registry.errors import RegistryError
from webapp.registry.wire import Wire

_PORTS = {"http": 80, "https": 443}


def refuses_connections(url: str, timeout_s: float = 1.0) -> bool:
    """Whether the machine says that nobody listens there. Silence is no answer, and so no 'yes'."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname or "", parts.port or _PORTS[parts.scheme]), timeout_s).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def answers(url: str, ca_file: Path | None, timeout_s: float = 1.0) -> bool:
    """Whether a registry answers a new connection, be it with a question for a password. A proxy's 502 is no answer."""
    try:
        return Wire(url, ca_file, timeout_s, timeout_s).send("HEAD", f"{url}/v2/", {}, cap_bytes=0).status < 500
    except RegistryError:
        return False
