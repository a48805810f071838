"""/maintenance/runs/<id>: a run, its steps as they happen, what came of it, and Stop."""

from __future__ import annotations

from flask import Response, abort, make_response, url_for

from webapp.maintenance import listing
from webapp.maintenance.records import ask_to_stop, output_of
from webapp.maintenance.run import cancel
from webapp.pages.answers import go_to, page_or_fragment
from webapp.pages.current import is_administrator, parts, person
from webapp.pages.maintenance import bp
from webapp.pages.run_words import run_details
from webapp.pages.window_words import planned_for
from webapp.windows.listing import window_of_run

__all__ = ["bp"]


@bp.get("/runs/<row:run_id>")
def run(run_id: int) -> Response:
    """Show a run: its steps as they happen, and what came of it."""
    with parts().reading() as session:
        found = listing.find_run(session, run_id) or abort(404, "There is no such run.")
        lines, is_cut = listing.log_of(session, run_id)
        planned = window_of_run(session, run_id)
    return page_or_fragment(
        "maintenance/run.html",
        "maintenance/_run.html",
        run=run_details(found, is_administrator()),
        of_window=planned_for(*planned, parts().now()) if planned else None,
        steps=listing.step_lines(found),
        log_lines=lines,
        log_is_cut=is_cut,
    )


@bp.post("/runs/<row:run_id>/stop")
def stop_run(run_id: int) -> Response:
    """Ask a run that is under way to end, and the keeper to end its order."""
    user = person()
    with parts().reading() as session:
        found = listing.find_run(session, run_id) or abort(404, "There is no such run.")
    with parts().writing() as session:
        is_under_way = ask_to_stop(session, run_id, user.name if user else "Somebody")
    folder = parts().settings.KEEPER_FOLDER
    if is_under_way and folder is not None:
        cancel(folder, found.token)
    return go_to(url_for(".run", run_id=run_id))


@bp.get("/runs/<row:run_id>/log")
def log_file(run_id: int) -> Response:
    """Everything that the collector printed in a run, as a download."""
    with parts().reading() as session:
        if listing.find_run(session, run_id) is None:
            abort(404, "There is no such run.")
        text = output_of(session, run_id)
    response = make_response(text)
    response.mimetype = "text/plain"
    response.headers["Content-Disposition"] = f'attachment; filename="run-{run_id}.log"'
    return response
