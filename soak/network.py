"""The network between the dashboard and the registry: a relay that can be cut in the two ways in which networks are."""

from __future__ import annotations

import contextlib
import socket
import threading
from enum import StrEnum

CONNECT_S = 10.0


class Cut(StrEnum):
    """A refused connection is told at once; of a silent one nothing is heard, and nothing arrives."""

    REFUSED = "refused"
    SILENT = "silent"


class Network:
    """The way to one port of this machine. `url` is its other end."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._cut: Cut | None = None
        self._carries = threading.Event()
        self._carries.set()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, how: Cut) -> None:
        """From now on nothing gets through."""
        self._cut = how
        if how is Cut.SILENT:
            self._carries.clear()
        else:
            self._break_off()

    def mend(self) -> None:
        """From now on it is a network again."""
        self._cut = None
        self._carries.set()

    def close(self) -> None:
        """End it, with every connection."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.mend()
        self._break_off()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener is closed
            while True:
                client, _ = self._listener.accept()
                if self._cut is Cut.REFUSED:
                    client.close()
                else:
                    threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        self._carries.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self._to_port), timeout=CONNECT_S)
            server.settimeout(None)
        except OSError:
            client.close()
            return
        with self._lock:
            self._open |= {client, server}
        back = threading.Thread(target=self._carry, args=(server, client), daemon=True)
        back.start()
        self._carry(client, server)
        back.join()
        with self._lock:
            self._open -= {client, server}
        client.close()
        server.close()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._carries.wait()
                target.sendall(data)
        for end, direction in ((target, socket.SHUT_WR), (source, socket.SHUT_RD)):
            with contextlib.suppress(OSError):
                end.shutdown(direction)

    def _break_off(self) -> None:
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
