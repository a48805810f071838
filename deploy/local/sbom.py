"""`make sbom`: what is inside Holystone, with versions and licences, as CycloneDX JSON in dist/holystone.cdx.json.

Made of what requirements.txt pins and .venv has installed. The same inputs make the same bytes: there is no time in it.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
import uuid
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pysqlite3 import dbapi2

from webapp.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "dist" / "holystone.cdx.json"
VENDORED = ROOT / "static" / "vendor"

NOT_SAID = {
    "blinker": "MIT",
    "flask-sqlalchemy": "BSD-3-Clause",
    "flask-wtf": "BSD-3-Clause",
    "itsdangerous": "BSD-3-Clause",
    "jinja2": "BSD-3-Clause",
    "pysqlite3": "Zlib",
    "wtforms": "BSD-3-Clause",
}
"""Licences, read in the packages' own files, of those whose metadata name none by its SPDX identifier."""

Component = dict[str, Any]


class Unclear(Exception):
    """What is installed is not what is pinned, or has no licence. The text is a sentence."""


def bill() -> dict[str, Any]:
    """The whole document.

    Raises:
        Unclear: it would not say what is inside.
    """
    packages = [_package(each) for each in pinned()]
    components = [*packages, _python(), _sqlite(), _htmx(), _loader()]
    of_holystone = {
        **_component("application", "holystone", VERSION, "Apache-2.0"),
        "purl": f"pkg:generic/holystone@{VERSION}",
    }
    of_holystone["bom-ref"] = "holystone"
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": of_holystone},
        "components": components,
        "dependencies": list(_dependencies(packages)),
    }
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(document, sort_keys=True))
    return {**document, "serialNumber": f"urn:uuid:{number}"}


def pinned() -> list[Requirement]:
    """What requirements.txt pins for this machine."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lines = re.findall(r"^([A-Za-z0-9][^\\\n]*)", text, re.MULTILINE)
    requirements = [Requirement(line.strip()) for line in lines]
    return [each for each in requirements if each.marker is None or each.marker.evaluate()]


def _package(requirement: Requirement) -> Component:
    name = canonicalize_name(requirement.name)
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        raise Unclear(f"{name} is pinned and not installed: type `make setup`.") from None
    if version not in requirement.specifier:
        raise Unclear(f"{name} {version} is installed, and {requirement} is pinned: type `make setup`.")
    purl = f"pkg:pypi/{name}@{version}"
    return {**_component("library", name, version, _licence(name)), "bom-ref": purl, "purl": purl}


def _licence(name: str) -> str:
    said = metadata.metadata(name).json
    expression = said.get("license_expression") or NOT_SAID.get(name) or said.get("license") or ""
    if not isinstance(expression, str) or not re.fullmatch(
        r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*", expression
    ):
        raise Unclear(f"{name} does not name its licence; read it, and add it to deploy/local/sbom.py.")
    return expression


def _python() -> Component:
    version = platform.python_version()
    found = _component("platform", "python", version, "Python-2.0")
    return {**found, "bom-ref": "python", "purl": f"pkg:generic/python@{version}"}


def _sqlite() -> Component:
    """It is inside pysqlite3's wheel."""
    version = dbapi2.sqlite_version
    found = _component("library", "sqlite", version, "blessing")
    return {**found, "bom-ref": "sqlite", "purl": f"pkg:generic/sqlite@{version}"}


def _htmx() -> Component:
    said = (VENDORED / "README.md").read_text(encoding="utf-8")
    row = re.search(r"^\| `htmx\.min\.js` \|[^|]*\| ([\d.]+) \| (\S+)", said, re.MULTILINE)
    if row is None:
        raise Unclear("static/vendor/README.md does not name the version and the licence of htmx.")
    found = _component("library", "htmx.org", row[1], row[2])
    sha256 = hashlib.sha256((VENDORED / "htmx.min.js").read_bytes()).hexdigest()
    purl = f"pkg:npm/htmx.org@{row[1]}"
    return {**found, "bom-ref": purl, "purl": purl, "hashes": [{"alg": "SHA-256", "content": sha256}]}


def _loader() -> Component:
    """What starts the single file: it is of PyInstaller, which is not inside otherwise."""
    version = metadata.version("pyinstaller")
    licence = "GPL-2.0-or-later WITH Bootloader-exception"
    purl = f"pkg:pypi/pyinstaller@{version}"
    return {**_component("library", "pyinstaller", version, licence), "bom-ref": purl, "purl": purl}


def _component(kind: str, name: str, version: str, licence: str) -> Component:
    return {"type": kind, "name": name, "version": version, "licenses": [{"expression": licence}]}


def _dependencies(packages: list[Component]) -> Iterator[dict[str, Any]]:
    refs = {each["name"]: each["bom-ref"] for each in packages}
    direct = (ROOT / "requirements.in").read_text(encoding="utf-8").splitlines()
    named = [refs[canonicalize_name(Requirement(line).name)] for line in direct if line]
    yield {"ref": "holystone", "dependsOn": [*named, "python", _htmx()["bom-ref"], _loader()["bom-ref"]]}
    for name, ref in refs.items():
        needed = [Requirement(each) for each in metadata.requires(name) or []]
        is_needed = [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
        on = {refs[key] for each in is_needed if (key := canonicalize_name(each.name)) in refs}
        yield {"ref": ref, "dependsOn": sorted({*on, "sqlite"} if name == "pysqlite3" else on)}


def main() -> None:
    """Write the file."""
    try:
        document = bill()
    except Unclear as problem:
        sys.exit(str(problem))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{FILE.relative_to(ROOT)}: {len(document['components'])} components\n")


if __name__ == "__main__":
    main()
