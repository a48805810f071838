"""The real transport, with an eye on it: what was asked, and a hand that can interfere before a request is sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from webapp.registry.transport import Answer, Transport

Asked = tuple[str, str]
"""Method and path of one request."""


class WatchedTransport(Transport):
    """Keeps what was `asked`; `interfere` is called before each request, and what it raises or returns is the answer."""

    def __init__(self, url: str, read_timeout_s: float = 10) -> None:
        super().__init__(url, connect_timeout_s=2, read_timeout_s=read_timeout_s, pauses_s=())
        self.asked: list[Asked] = []
        self.interfere: Callable[[Asked], Answer | None] = lambda _asked: None

    def request(self, method: str, path: str, **more: Any) -> Answer:
        self.asked.append((method, path))
        return self.interfere((method, path)) or super().request(method, path, **more)
