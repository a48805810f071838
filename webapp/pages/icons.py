"""Icons in the line of a text: one file of drawings, each named where it is used."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from flask import Flask
from markupsafe import Markup


def register(app: Flask) -> None:
    """Give templates `icon`."""
    static_url: Callable[[str], str] = app.jinja_env.globals["static_url"]  # type: ignore[assignment]

    def icon(name: str, label: str = "", size: int = 16) -> Markup:
        """A drawing that says nothing to those who listen, unless it has a label."""
        return _draw(f"{static_url('icons.svg')}#{name}", label, size)

    app.add_template_global(icon)


@lru_cache(maxsize=256)  # a list has the same one a hundred times
def _draw(address: str, label: str, size: int) -> Markup:
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    drawing = '<svg class="icon" width="{0}" height="{0}" {1}><use href="{2}"></use></svg>'
    return Markup(drawing).format(size, told, address)  # noqa: S704 its parts are escaped
