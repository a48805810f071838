"""What keeps Holystone from starting is said in a sentence, once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from webapp.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
FLASK = [sys.executable, "-m", "flask", "--app", "wsgi", "users", "list"]
GUNICORN = [sys.executable, "-m", "gunicorn", "--config", "deploy/gunicorn.conf.py", "wsgi:app"]


@pytest.mark.parametrize("command", [FLASK, GUNICORN], ids=["flask", "gunicorn"])
@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "HOLYSTONE_SECRET_KEY is not set."),
        ({"SECRET_KEY": "short"}, "HOLYSTONE_SECRET_KEY cannot be read: write at least 32 random characters"),
        ({"SECRET_KEY": "k" * 64, "REGISTRY_ULR": "x"}, "Did you mean HOLYSTONE_REGISTRY_URL?"),
        ({"SECRET_KEY": "k" * 64, "SYNC_INTERVAL": "soon"}, "HOLYSTONE_SYNC_INTERVAL cannot be read:"),
    ],
)
def test_a_start_that_is_refused_says_why_once(command: list[str], settings: dict[str, str], sentence: str) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HOLYSTONE_")}
    environment.update({f"HOLYSTONE_{name}": value for name, value in settings.items()})

    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("Holystone does not start.") == 1
    assert "Traceback" not in done.stderr


def test_the_version_is_said_in_one_place_and_the_changelog_has_it() -> None:
    assert "version" not in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (newest,) = re.findall(r"^## (\S+?),? ", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)[:1]
    assert newest == VERSION
