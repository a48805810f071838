"""What is wrong with a page's HTML: by the parser of the standard, and by what we promise besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import html5lib
from werkzeug.exceptions import MethodNotAllowed, NotFound
from werkzeug.routing import MapAdapter, RequestRedirect

ADDRESSES = {"a": "href", "link": "href", "script": "src", "img": "src", "form": "action", "use": "href"}
FROM_HTMX = ("hx-get", "hx-post")
FIELDS = frozenset({"input", "select", "textarea"})
NEED_NO_LABEL = frozenset({"hidden", "submit", "button", "reset", "image"})
INLINE = "an inline style or script"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A page, or a fragment of one, and what the parser complained of."""

    root: Element
    complaints: tuple[str, ...]

    @property
    def elements(self) -> Iterator[Element]:
        """All elements, in their order."""
        return (each for each in self.root.iter() if isinstance(each.tag, str))


def parse(html: str, is_fragment: bool = False) -> Parsed:
    """Parse as a browser does, and remember what it would have had to mend."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    container = _container_of(html)
    root = parser.parseFragment(html, container=container) if is_fragment else parser.parse(html)
    complaints = (f"{html5lib.constants.E[code] % data} at {place}" for place, code, data in parser.errors)
    return Parsed(root, tuple(complaints))


def _container_of(fragment: str) -> str:
    """Rows stand in a table's body, or a browser leaves their tags out."""
    return "tbody" if fragment.lstrip().startswith("<tr") else "body"


def faults(parsed: Parsed) -> list[str]:
    """Everything that is wrong within one page. What stands in a `<template>` is no part of it, but of its own."""
    found = [*parsed.complaints, *_names(parsed)]
    for each in (parsed, *_templates_of(parsed)):
        found += [*_ids(each), *_references(each), *_labels(each), *_inline(each)]
    return found


def _templates_of(parsed: Parsed) -> list[Parsed]:
    """Take the templates out, each as a page of its own."""
    holders = [(parent, each) for parent in parsed.root.iter() for each in parent if each.tag == "template"]
    for parent, each in holders:
        parent.remove(each)
    return [Parsed(each, ()) for _, each in holders]


def links(parsed: Parsed) -> list[tuple[str, str]]:
    """Method and address of all that leads elsewhere within Holystone."""
    found = []
    for each in parsed.elements:
        method = each.get("method", "get").upper() if each.tag == "form" else "GET"
        if (address := each.get(ADDRESSES.get(each.tag, ""), "")) or each.tag == "form":
            found.append((method, address))
        found += [(name.removeprefix("hx-").upper(), address) for name in FROM_HTMX if (address := each.get(name))]
    return [(method, address) for method, address in found if _is_ours(address)]


def unanswered(parsed: Parsed, routes: MapAdapter) -> list[str]:
    """Addresses that no route answers."""
    return [f"{method} {address}" for method, address in links(parsed) if not _is_answered(routes, method, address)]


def _is_ours(address: str) -> bool:
    return bool(address) and not address.startswith(("#", "http:", "https:", "mailto:", "data:"))


def _is_answered(routes: MapAdapter, method: str, address: str) -> bool:
    path = address.partition("#")[0].partition("?")[0]
    try:
        routes.match(path, method=method) if path else None
    except (NotFound, MethodNotAllowed, RequestRedirect):
        return False
    return True


def _names(parsed: Parsed) -> list[str]:
    """A page says where one is, in its title and in one heading."""
    if parsed.root.tag != "html":
        return []
    titles = ["".join(each.itertext()).strip() for each in parsed.elements if each.tag == "title"]
    headings = [each for each in parsed.elements if each.tag == "h1"]
    found = [f"the title {title!r}" for title in titles[:1] if not title.removesuffix("· Holystone").strip()]
    return [*found, *([f"{len(headings)} headings of the first rank"] if len(headings) != 1 else [])]


def _ids(parsed: Parsed) -> list[str]:
    counted = Counter(each.get("id") for each in parsed.elements if each.get("id") is not None)
    return [f"the id {name!r} {times} times" for name, times in counted.items() if times > 1 or not name]


def _references(parsed: Parsed) -> list[str]:
    ids = {each.get("id") for each in parsed.elements}
    asked = {
        (name, wanted)
        for each in parsed.elements
        if each.tag != "dialog"  # what names it comes with what it shows
        for name in ("for", "aria-labelledby", "aria-describedby", "aria-controls", "list")
        for wanted in each.get(name, "").split()
    }
    return [f"{name}={wanted} names nothing" for name, wanted in sorted(asked) if wanted not in ids]


def _labels(parsed: Parsed) -> list[str]:
    labelled = {each.get("for") for each in parsed.elements if each.tag == "label"}
    within = {id(field) for each in parsed.elements if each.tag == "label" for field in each.iter()}
    return [
        f"a field without a label: {each.tag} {each.get('name', '')}"
        for each in parsed.elements
        if each.tag in FIELDS and each.get("type", "text") not in NEED_NO_LABEL
        if not (
            each.get("aria-label") or each.get("aria-labelledby") or each.get("id") in labelled or id(each) in within
        )
    ]


def _inline(parsed: Parsed) -> list[str]:
    found = []
    for each in parsed.elements:
        if each.tag == "style" or (each.tag == "script" and not each.get("src")):
            found.append(f"{INLINE}: <{each.tag}>")
        found += [f"{INLINE}: {name}" for name in each.keys() if name == "style" or name.startswith("on")]  # noqa: SIM118
    return found
