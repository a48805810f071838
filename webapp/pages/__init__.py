"""The pages: everything that knows HTTP, one module per page, mirrored by templates/."""

from __future__ import annotations

from flask import Flask
from jinja2 import StrictUndefined

from webapp.extensions import login_manager
from webapp.metrics.figures import Figures
from webapp.pages import (
    activities,
    addresses,
    as_of,
    banner,
    by_hand,  # noqa: F401  its views are maintenance's
    current,
    errors,
    filters,
    health,
    holds,  # noqa: F401  its views are maintenance's
    icons,
    keys,
    maintenance,
    manifests,
    metrics,
    names,
    notices,
    permits,
    removals,
    repositories,
    request_line,
    retention,
    retention_preview,  # noqa: F401  its views are retention's
    retention_runs,  # noqa: F401  its views are retention's
    runs,  # noqa: F401  its views are maintenance's
    search,
    security,
    sign_in,
    space,
    status,
    tags,
    theme,
    trash,
    trash_delete,  # noqa: F401  its view is the trash's
    trash_restore,  # noqa: F401  its view is the trash's
    windows,
)
from webapp.pages.background import Background


def register(app: Flask) -> None:
    """Add the pages, and what stands around all of them."""
    app.extensions["holystone-background"] = Background(app.extensions["holystone"])
    app.extensions["holystone-figures"] = Figures(app.extensions["holystone"])
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.undefined = StrictUndefined
    login_manager.session_protection = None  # it would mark Flask's session; ours are rows
    login_manager.request_loader(current.load_person)

    request_line.register(app)
    addresses.register(app)
    filters.register(app)
    security.register(app)
    icons.register(app)
    errors.register(app)
    permits.register(app)
    banner.register(app)
    as_of.register(app)

    app.register_blueprint(health.bp)
    app.register_blueprint(metrics.bp)
    app.register_blueprint(sign_in.bp)
    app.register_blueprint(repositories.bp)
    app.register_blueprint(search.bp)
    app.register_blueprint(tags.bp)
    app.register_blueprint(manifests.bp)
    app.register_blueprint(names.bp)
    app.register_blueprint(removals.bp)
    app.register_blueprint(space.bp)
    app.register_blueprint(trash.bp)
    app.register_blueprint(activities.bp)
    app.register_blueprint(maintenance.bp)
    app.register_blueprint(windows.bp)
    app.register_blueprint(retention.bp)
    app.register_blueprint(status.bp)
    app.register_blueprint(notices.bp)
    app.register_blueprint(theme.bp)
    app.register_blueprint(keys.bp)
