"""`sync`, beside another sync."""

from __future__ import annotations

import threading
from pathlib import Path

from flask import Flask

from tests.pages.conftest import MakeApp, cast_template, make_app  # noqa: F401
from tests.records import cheap_passwords, records_template  # noqa: F401
from tests.registry_process import RegistryProcess
from webapp.catalogue import sync as syncing
from webapp.leases import release, take


def test_a_sync_that_is_asked_for_beside_another_one_comes_after_it(
    make_app: MakeApp,  # noqa: F811
    cast_template: Path,  # noqa: F811
    fleet_registry: RegistryProcess,
) -> None:
    app: Flask = make_app(fleet_registry.url, cast_template)
    writing = app.extensions["holystone"].writing
    with writing() as session:
        other = take(session, syncing.LEASE, "another process")

    def end() -> None:
        with writing() as session:
            release(session, other)

    ends = threading.Timer(0.5, end)
    ends.start()
    done = app.test_cli_runner().invoke(args=["sync"])
    ends.join()
    assert done.exit_code == 0, done.output
    assert "repositories." in done.output
