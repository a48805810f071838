"""The pages that are asked for, whatever the size of the registry."""

from __future__ import annotations

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from benchmarks.synthetic import LARGEST, MIDDLE, repository_name
from webapp.catalogue.models import Manifest, Repository, RepositoryManifest, Tag
from webapp.registry.manifests import ManifestKind

_LARGEST = f"/repositories/{LARGEST}"
_TAGS = f"{_LARGEST}?"
_ALL = "/repositories?view=all"
_SPACE = "/space?view=repositories"

PAGES = {
    "repositories in folders": "/repositories?view=folders",
    "folders by size": "/repositories?view=folders&sort=size",
    "folders by change": "/repositories?view=folders&sort=changed",
    "folders by tags": "/repositories?view=folders&sort=tags",
    "repositories": _ALL,
    "repositories, turned": f"{_ALL}&sort=-name",
    "repositories by tags": f"{_ALL}&sort=tags",
    "repositories by size": f"{_ALL}&sort=size",
    "repositories by size, turned": f"{_ALL}&sort=-size",
    "repositories by change": f"{_ALL}&sort=changed",
    "repositories, part of a name": "/repositories?q=service-1",
    "repositories, no such name": "/repositories?q=zzzz",
    "a namespace": f"/repositories?under={repository_name(7).partition('/')[0]}",
    "a namespace by size": f"/repositories?under={repository_name(7).partition('/')[0]}&sort=size",
    "tags of a middle repository": f"/repositories/{MIDDLE}",
    "tags": f"{_TAGS}sort=newest",
    "tags, oldest": f"{_TAGS}sort=-newest",
    "tags by name": f"{_TAGS}sort=name",
    "tags by name, turned": f"{_TAGS}sort=-name",
    "tags by size": f"{_TAGS}sort=size",
    "tags by size, turned": f"{_TAGS}sort=-size",
    "tags by age": f"{_TAGS}sort=created",
    "tags by age, turned": f"{_TAGS}sort=-created",
    "tags by image": f"{_TAGS}sort=image",
    "tags by image, turned": f"{_TAGS}sort=-image",
    "tags, part of a name": f"{_TAGS}q=0.",
    "tags, part of a name, by size": f"{_TAGS}q=0.0&sort=size",
    "tags, two letters, by image": f"{_TAGS}q=.1&sort=image",
    "tags, a rare name": f"{_TAGS}q=latest",
    "tags, no such name": f"{_TAGS}q=zzzz",
    "tags, a pattern": f"{_TAGS}q=0.*",
    "tags, a pattern, by age": f"{_TAGS}q=*.1*&sort=created",
    "tags, a digest": f"{_TAGS}q=sha256:a",
    "tags, older": f"{_TAGS}older=100",
    "tags, older, by name": f"{_TAGS}older=600&sort=name",
    "tags, bigger": f"{_TAGS}bigger=100",
    "tags, bigger, by name": f"{_TAGS}bigger=900&sort=name",
    "tags of a platform": f"{_TAGS}platform=amd64",
    "tags of a platform, by size": f"{_TAGS}platform=linux/arm64&sort=size",
    "tags of no platform": f"{_TAGS}platform=s390x",
    "tags, all but the newest": f"{_TAGS}but=10",
    "tags, all but the newest 100": f"{_TAGS}but=100&older=30",
    "tags by three filters": f"{_TAGS}older=30&bigger=50&platform=amd64&sort=size",
    "untagged manifests": f"{_TAGS}untagged=1",
    "untagged, older": f"{_TAGS}untagged=1&older=1",
    "search, part of a name": "/search?q=main",
    "search, two letters": "/search?q=0.",
    "search, a repository": "/search?q=service-7",
    "search, a reference": f"/search?q={LARGEST}:main",
    "search, all tags": "/search?q=main&kind=tags",
    "search, a digest": "/search?q=sha256:a",
    "search, all manifests": "/search?q=sha256:a&kind=manifests",
    "search, nothing found": "/search?q=zzzzzz",
    "space": "/space",
    "space by what is exclusive": "/space?view=namespaces&sort=exclusive",
    "space of repositories": _SPACE,
    "space of repositories, turned": f"{_SPACE}&sort=-size",
    "space of repositories by name": f"{_SPACE}&sort=name",
    "space of a namespace": f"/space?namespace={repository_name(7).partition('/')[0]}",
    "activities": "/activities",
    "activities of a repository": f"/activities?repository={LARGEST}",
    "activities of no repository": "/activities?repository=none",
    "activities of a person": "/activities?person=bob",
    "activities of a kind": "/activities?kind=signed_in",
    "activities of no such kind": "/activities?kind=hold_ended",
    "activities, person and kind": "/activities?person=bob&kind=signed_in",
    "activities, until": "/activities?until=2020-01-01",
    "a removal": "/removals/1",
    "notices": "/notices",
    "maintenance": "/maintenance",
    "a window": "/maintenance/windows/1",
    "a run": "/maintenance/runs/1",
    "status": "/status",
}

LATE_PAGES = {
    "repositories, second": ("repositories", 1),
    "repositories by size, late": ("repositories by size", 20),
    "tags, second": ("tags", 1),
    "tags, late": ("tags", 100),
    "tags by name, late": ("tags by name", 100),
    "tags by size, late": ("tags by size", 100),
    "tags by image, late": ("tags by image", 100),
    "tags, a pattern, late": ("tags, a pattern", 50),
    "tags, bigger, late": ("tags, bigger", 50),
    "search, all tags, late": ("search, all tags", 20),
    "space of repositories, late": ("space of repositories", 20),
    "activities, late": ("activities", 100),
    "activities of a person, late": ("activities of a person", 20),
    "notices, late": ("notices", 5),
    "maintenance, late": ("maintenance", 5),
    "a window, late": ("a window", 5),
}
"""Pages so many on from another, or the last full one."""

AS_LONG_AS = {
    "repositories in folders": "repositories",
    "folders by size": "repositories by size",
    "folders by change": "repositories by change",
    "folders by tags": "repositories by tags",
    "a namespace": "repositories",
    "a namespace by size": "repositories by size",
    "repositories, part of a name": "repositories",
    "repositories by size, late": "repositories by size",
    "tags, part of a name, by size": "tags by size",
    "tags, two letters, by image": "tags by image",
    "tags, a pattern, by age": "tags by age",
    "tags, a digest": "tags",
    "tags, older, by name": "tags by name",
    "tags, bigger, by name": "tags by name",
    "tags of a platform, by size": "tags by size",
    "tags, all but the newest 100": "tags",
    "tags by three filters": "tags by size",
    "untagged manifests": "tags",
    "untagged, older": "tags",
    "search, all tags": "tags",
    "search, all tags, late": "tags",
    "search, all manifests": "tags",
    "space": "space of repositories",
    "space of a namespace": "space of repositories",
    "activities of a repository": "activities",
}
"""With 1,000 tags these lists are not full. They are compared with one that is: what counts is the registry, not the rows."""


def pages_of_tags(session: Session) -> dict[str, str]:
    """The pages of single tags and manifests in the largest repository."""
    image, image_digest = _tag(session, Manifest.kind == ManifestKind.IMAGE, Tag.name.like("main-%"))
    index, index_digest = _tag(session, Manifest.kind == ManifestKind.INDEX, Tag.name.like("main-%"))
    signature, _digest = _tag(session, Tag.name.like("sha256-%"))
    untagged = select(Manifest.digest).join(RepositoryManifest).join(Repository)
    untagged_digest = session.scalars(
        untagged.where(RepositoryManifest.is_untagged, Repository.name == LARGEST)
    ).first()
    return {
        "a tag": f"{_LARGEST}/-/tags/{image}",
        "a tag of an index": f"{_LARGEST}/-/tags/{index}",
        "a tag of a signature": f"{_LARGEST}/-/tags/{signature}",
        "a manifest": f"{_LARGEST}/-/manifests/{image_digest}",
        "a manifest of an index": f"{_LARGEST}/-/manifests/{index_digest}",
        "an untagged manifest": f"{_LARGEST}/-/manifests/{untagged_digest}",
    }


def _tag(session: Session, *conditions: ColumnElement[bool]) -> tuple[str, str | None]:
    """Name and digest of some tag."""
    of_it = select(Tag.name, Tag.digest).join(Repository).join(Manifest, Manifest.id == Tag.manifest_id)
    name, digest = session.execute(of_it.where(Repository.name == LARGEST, *conditions).limit(1)).one()
    return name, digest
