"""Headers that every answer carries, and the addresses of static files, which may be kept for a year.

Sources: reference/reliability.md section 2 (ASVS 5.0.0: 3.4.1 to 3.4.6, 14.3.2).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from flask import Flask, Response, g, request, url_for
from flask.sessions import SecureCookieSessionInterface

from webapp.pages.addresses import sub_path

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "object-src 'none'",
    )
)
ONE_YEAR_S = 365 * 24 * 3600

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class FormSessions(SecureCookieSessionInterface):
    """Flask's own session, which holds tokens of forms and toasts: its cookie is secure wherever TLS is, and ours only."""

    def get_cookie_path(self, app: Flask) -> str:  # noqa: ARG002
        """The path below which the cookie is sent."""
        return sub_path()

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Whether the cookie is for TLS only."""
        return request.is_secure


def register(app: Flask) -> None:
    """Set the headers of all answers, and give templates `static_url`."""
    app.session_interface = FormSessions()
    versions = _versions(Path(app.static_folder or ""))

    def static_url(path: str) -> str:
        """The address of a static file, with its content's hash: another content is another address."""
        known: dict[str, str] = g.setdefault("static_addresses", {})  # a list names the same icon a hundred times
        if path not in known:
            known[path] = url_for("static", filename=path, v=versions[path])
        return known[path]

    def add_headers(response: Response) -> Response:
        response.headers.update(HEADERS)
        if request.is_secure:
            response.headers["Strict-Transport-Security"] = f"max-age={ONE_YEAR_S}"
        response.headers["Cache-Control"] = _cache_control(versions, response)
        response.vary.add("HX-Request")
        return response

    app.add_template_global(static_url)
    app.after_request(add_headers)


def _versions(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in files}


def _cache_control(versions: dict[str, str], response: Response) -> str:
    if request.endpoint != "static" or response.status_code >= 400:
        return "no-store"
    path = (request.view_args or {}).get("filename", "")
    if request.args.get("v") == versions.get(path):
        return f"public, max-age={ONE_YEAR_S}, immutable"
    return "no-cache"
