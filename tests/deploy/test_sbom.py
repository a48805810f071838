"""The bill of materials is valid, names everything that is pinned with a licence, and is the same when made again."""

from __future__ import annotations

import json
import platform
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing
from pysqlite3 import dbapi2

from deploy.local import sbom
from deploy.local.sbom import Unclear, bill, pinned
from webapp.version import VERSION


def test_it_is_valid_cyclonedx() -> None:
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(json.dumps(bill())) is None
    broken = {**bill(), "components": [{"name": "without a type"}]}
    assert validator.validate_str(json.dumps(broken)) is not None


def test_it_names_all_that_is_inside_with_versions_and_licences() -> None:
    components = {each["name"]: each for each in bill()["components"]}
    assert {each.name for each in pinned()} | {"python", "sqlite", "htmx.org", "pyinstaller"} == set(components)
    assert components["python"]["version"] == platform.python_version()
    assert components["sqlite"]["version"] == dbapi2.sqlite_version
    vendored = (Path(sbom.VENDORED) / "README.md").read_text()
    assert components["htmx.org"]["hashes"][0]["content"] in vendored
    assert components["htmx.org"]["version"] in vendored
    spdx = get_spdx_licensing()
    for each in components.values():
        (licence,) = each["licenses"]
        assert spdx.validate(licence["expression"]).errors == [], each
    assert bill()["metadata"]["component"]["version"] == VERSION


def test_everything_is_reached_from_holystone() -> None:
    document = bill()
    leads_to = {each["ref"]: each["dependsOn"] for each in document["dependencies"]}
    reached, ahead = set[str](), ["holystone"]
    while ahead:
        ref = ahead.pop()
        reached.add(ref)
        ahead += [each for each in leads_to.get(ref, []) if each not in reached]
    assert {each["bom-ref"] for each in document["components"]} <= reached


def test_made_again_it_is_the_same() -> None:
    assert bill() == bill()


def test_what_is_installed_in_another_version_than_pinned_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "requirements.txt").write_text("flask==1.0 \\\n    --hash=sha256:00\n")
    monkeypatch.setattr(sbom, "ROOT", tmp_path)
    with pytest.raises(Unclear, match=r"flask .* is installed, and flask==1.0 is pinned: type `make setup`"):
        bill()
    (tmp_path / "requirements.txt").write_text("no-such-thing==1.0\n")
    with pytest.raises(Unclear, match="no-such-thing is pinned and not installed"):
        bill()
