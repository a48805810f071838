"""What `registry garbage-collect` prints, of 2.8 and of 3.x; the lines stand in `registry/storage/garbagecollect.go`.

Everything here streams: the output of a large registry has millions of lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

SUMMARY = re.compile(r"(\d+) blobs marked, (\d+) blobs and (\d+) manifests eligible for deletion")
BLOB = re.compile(r"blob eligible for deletion: (\S+)")
MARKED = re.compile(r"(\S+): marking manifest (\S+) ?")
FAILURE = re.compile(r"failed to |configuration error|unable to configure|Error: |panic: ")


@dataclass(frozen=True, slots=True)
class Summary:
    """The one line between marking and sweeping. `blobs_marked` counts digests that do not exist, too."""

    blobs_marked: int
    blobs_eligible: int
    manifests_eligible: int


@dataclass(frozen=True, slots=True)
class MarkedManifest:
    """A manifest that the collector found, and so keeps."""

    repository: str
    digest: str


@dataclass(frozen=True, slots=True)
class Collected:
    """What one run of the collector says about itself: no summary means that it ended before the sweep.

    `blobs_listed` counts those printed for deletion, right before it; `failure` is the collector's last complaint.
    """

    summary: Summary | None
    blobs_listed: int
    failure: str


def marking_manifest(lines: Iterable[str]) -> Iterator[MarkedManifest]:
    """The manifests marked, as they are found; an index of 3.x has its children among the marked *blobs*."""
    for line in lines:
        if found := MARKED.fullmatch(line):
            yield MarkedManifest(found[1], found[2])


def deleted_blobs(lines: Iterable[str]) -> Iterator[str]:
    """The digests deleted (by a dry run: that would be), each once."""
    for line in lines:
        if found := BLOB.fullmatch(line):
            yield found[1]


def summary_in(line: str) -> Summary | None:
    """The summary, if this line is it."""
    found = SUMMARY.fullmatch(line)
    return None if found is None else Summary(int(found[1]), int(found[2]), int(found[3]))


def collected(lines: Iterable[str]) -> Collected:
    """Read the whole output once."""
    summary, blobs_listed, failure = None, 0, ""
    for line in lines:
        if BLOB.fullmatch(line):
            blobs_listed += 1
        elif FAILURE.match(line):
            failure = line.strip()
        else:
            summary = summary_in(line) or summary
    return Collected(summary, blobs_listed, failure)


def why_not_succeeded(exit_code: int | None, found: Collected) -> str:
    """A sentence where the collector did not do its work; empty where it did.

    Exit code 0 alone proves nothing: the registry's program ends with 0 for a flag that it does not know
    (`cmd/registry/main.go` ignores cobra's error). So the summary and every blob that it promised must be there.
    """
    if exit_code is None:
        return "The collector was ended before it was done."
    if exit_code != 0:
        return f"The collector ended with exit code {exit_code}. {found.failure}".strip()
    if found.summary is None:
        return f"The collector ended without having printed its summary. {found.failure}".strip()
    if found.blobs_listed != found.summary.blobs_eligible:
        return f"The collector announced {found.summary.blobs_eligible} blobs, and listed {found.blobs_listed}."
    return ""
