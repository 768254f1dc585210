"""Writes entries and what links them as one HTML page to wander in: a map, and the notes to read; no network is needed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from typing import IO

from rekall.entry.fields import Entry
from rekall.entry.types import Link, LinkType, Status
from rekall.exchange.html_page import STYLE, digest
from rekall.exchange.html_writing import Articles
from rekall.exchange.outgoing import Outgoing, Written
from rekall.wording import printable

NEAR = "near"
"""The kind of a line between two entries that are near in meaning and not linked."""

_KINDS = (
    (LinkType.SUPERSEDES.value, "supersedes"),
    (LinkType.DERIVED_FROM.value, "derived from"),
    (LinkType.CONTRADICTS.value, "contradicts"),
    (LinkType.RELATED.value, "related"),
    (NEAR, "near in meaning"),
)
_LONGEST_TITLE = 300
"""Characters of a title on the map; the note has all of it."""

_IN_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}
"""What could end a script, or a line of one, where JSON stands in it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two entries that are near in meaning, by their ids."""

    one: str
    other: str


def write_graph(file: IO[bytes], outgoing: Outgoing, near: Iterable[Pair]) -> Written:
    """Write one page with every entry, and a map of them.

    Args:
        file: Where to.
        outgoing: The entries, each with the links that start at it.
        near: Which of them are near in meaning.
    """
    titles, inside = outgoing.titles(), frozenset(outgoing.ids())
    noun = "entry" if outgoing.count == 1 else "entries"
    articles, places = Articles(titles, inside), _Places()
    file.write(_head(f"Rekall: {outgoing.count:,} {noun}").encode())
    count = 0
    for count, (entry, links) in enumerate(outgoing.entries, 1):
        file.write("".join(articles.article(entry, links)).encode())
        places.put(entry, [link for link in links if link.target in inside])
        outgoing.progress(count)
    file.write(_tail(places.data(near)).encode())
    return Written(count)


class _Places:
    """Gathers what the map shows, while the notes are written."""

    def __init__(self) -> None:
        self._nodes: list[tuple[str, str, str, str, tuple[str, ...], bool]] = []
        self._links: list[Link] = []

    def put(self, entry: Entry, links: Sequence[Link]) -> None:
        title = printable(" ".join(entry.title[:_LONGEST_TITLE].split()))
        is_obsolete = entry.status is Status.OBSOLETE
        project = printable(entry.project or "")
        tags = tuple(map(printable, entry.tags))
        self._nodes.append((entry.id, title, entry.type.value, project, tags, is_obsolete))
        self._links += links

    def data(self, near: Iterable[Pair]) -> Mapping[str, object]:
        """What the script of the page reads."""
        place = {node[0]: number for number, node in enumerate(self._nodes)}
        links = [
            (place[link.source], place[link.target], link.type.value)
            for link in self._links
            if link.source in place and link.target in place
        ]
        linked = {frozenset(link[:2]) for link in links}
        for pair in near:
            ends = (place.get(pair.one, -1), place.get(pair.other, -1))
            if min(ends) >= 0 and frozenset(ends) not in linked:
                links.append((*ends, NEAR))
        projects = Counter(node[3] for node in self._nodes)
        return {
            "nodes": [
                (entry_id, title, kind, project, group, int(is_obsolete))
                for (entry_id, title, kind, project, _, is_obsolete), group in zip(self._nodes, self._groups(projects))
            ],
            "links": links,
            "kinds": _KINDS,
            "colour": "type" if len(projects) < 2 else "project",
        }

    def _groups(self, projects: Mapping[str, int]) -> Iterator[str]:
        """Where each entry is drawn to: its project; where all have one, its commonest tag, else its type."""
        tags = Counter(tag for node in self._nodes for tag in node[4])
        for _, _, kind, project, own, _ in self._nodes:
            if len(projects) > 1:
                yield project
            else:
                yield max(own, key=lambda tag: (tags[tag], tag), default=kind)


def _asset(name: str) -> str:
    """A file of the page, with the line ends that a browser sees: the policy names what it holds."""
    return (files("rekall.exchange") / "graph" / name).read_text("utf-8").replace("\r\n", "\n")


def _scripts() -> tuple[str, str]:
    return _asset("d3-force.js"), _asset("graph.js")


def _head(title: str) -> str:
    style = STYLE + _asset("graph.css")
    scripts = " ".join(f"'{digest(script)}'" for script in _scripts())
    policy = (
        f"default-src 'none'; style-src '{digest(style)}'; script-src {scripts}; base-uri 'none'; form-action 'none'"
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<div class="bar" role="search">
<div class="search"><input type="search" aria-label="Search" placeholder="Search titles, tags and texts" autocomplete="off">
<div class="found" hidden></div></div>
<output aria-live="polite"></output>
<label>colour by <select aria-label="Colour by">
<option value="project">project</option><option value="type">type</option><option value="group">place</option></select></label>
<button type="button" class="all">show all</button>
</div>
<div class="map"><canvas tabindex="0" role="application" aria-label="Map of the entries; the search field lists them"></canvas></div>
<aside class="panel" aria-label="Entry" hidden><button type="button" aria-label="Close">✕</button><div class="note"></div></aside>
<div class="legend" role="toolbar" aria-label="What is shown"></div>
<main>
"""


def _tail(data: Mapping[str, object]) -> str:
    said = json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_IN_SCRIPT)
    library, own = _scripts()
    return (
        f'</main>\n<script type="application/json" id="data">{said}</script>\n'
        f"<script>{library}</script>\n<script>{own}</script>\n</body>\n</html>\n"
    )
