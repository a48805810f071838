"""Icons in the line of a text: one file of drawings, each named where it is used."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, g
from markupsafe import Markup


def register(app: Flask) -> None:
    """Give templates `icon`."""
    static_url: Callable[[str], str] = app.jinja_env.globals["static_url"]  # type: ignore[assignment]

    def icon(name: str, label: str = "", size: int = 16) -> Markup:
        """A drawing that says nothing to those who listen, unless it has a label."""
        known: dict[tuple[str, str, int], Markup] = g.setdefault("icons", {})  # a list has the same one a hundred times
        drawn = known.get((name, label, size))
        if drawn is None:
            drawn = known[name, label, size] = _draw(f"{static_url('icons.svg')}#{name}", label, size)
        return drawn

    app.add_template_global(icon)


def _draw(address: str, label: str, size: int) -> Markup:
    told = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    drawing = '<svg class="icon" width="{0}" height="{0}" {1}><use href="{2}"></use></svg>'
    return Markup(drawing).format(size, told, address)  # noqa: S704 its parts are escaped
