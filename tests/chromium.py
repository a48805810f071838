"""The Chromium that is on this machine, without a window, for the browser tests and for `make look`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium_program() -> str | None:
    """Its path: what CHROMIUM names, else what is installed."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@contextmanager
def open_chromium() -> Iterator[Browser]:
    """Start it, and end it with the block."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=FLAGS)
        yield browser
        browser.close()
