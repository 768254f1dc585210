"""Writes entries as one HTML page that is read and searched without a network: nothing a note holds can run or load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import IO, TYPE_CHECKING

from rekall.entry.fields import Entry, Place
from rekall.entry.times import local_day
from rekall.entry.types import Link, Status
from rekall.entry.view import EntryView, LinkLine, Section
from rekall.exchange.html_page import head, tail
from rekall.exchange.outgoing import Outgoing, Written
from rekall.unseen import MARK
from rekall.wording import printable

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

_DEEPEST = 6


def write_html(file: IO[bytes], outgoing: Outgoing) -> Written:
    """One page with every entry, written as the entries come."""
    titles, inside = outgoing.titles(), frozenset(outgoing.ids())
    page = Articles(titles, inside)
    noun = "entry" if outgoing.count == 1 else "entries"
    file.write(head(f"Rekall: {outgoing.count:,} {noun}").encode())
    count = 0
    for count, (entry, links) in enumerate(outgoing.entries, 1):
        file.write("".join(page.article(entry, links)).encode())
        outgoing.progress(count)
    file.write(tail().encode())
    return Written(count)


class Articles:
    """Makes the HTML of entries that name each other."""

    def __init__(self, titles: Mapping[str, str], inside: frozenset[str]) -> None:
        """Know what is named.

        Args:
            titles: Titles of the base's entries, by id.
            inside: The ids of those that are on the page.
        """
        self._titles = titles
        self._inside = inside
        self._markdown = _parser()

    def article(self, entry: Entry, links: Sequence[Link]) -> Iterator[str]:
        """An entry as HTML, in parts; nothing that it holds can run or load."""
        view = EntryView.of(entry, tuple(links), self._titles)
        is_obsolete = entry.status is Status.OBSOLETE
        project = f' data-project="{_text(entry.project)}"' if entry.project else ""
        yield f'<article id="{entry.id}" data-type="{entry.type.value}"{project}{" class=obsolete" * is_obsolete}>\n'
        yield f'<h2 dir="auto">{_text(entry.title)}</h2>\n'
        labels = (entry.type.value, entry.project or "", *(f"#{tag}" for tag in entry.tags))
        about = [f"<bdi>{_text(label)}</bdi>" for label in labels if label]
        about += [
            f"confidence {entry.confidence}/5",
            local_day(entry.created_at),
            f"changed {local_day(entry.updated_at)}",
        ]
        yield f'<p class="about">{" · ".join(about)}</p>\n'
        if is_obsolete:
            instead = f", see {self._anchor(view.successor.id)}" if view.successor else ""
            yield f'<p class="warn">obsolete{instead}</p>\n'
        yield from map(_section, view.sections(Place.BEFORE))
        if entry.content:
            yield f'<div dir="auto">\n{_safe(self._markdown.render(printable(entry.content)))}</div>\n'
        yield from map(_section, view.sections(Place.AFTER))
        if view.links:
            yield f"<h3>Links</h3>\n<ul>\n{''.join(map(self._link, view.links))}</ul>\n"
        yield "</article>\n"

    def _link(self, line: LinkLine) -> str:
        reason = f": <bdi>{_text(line.link.reason)}</bdi>" if line.link.reason else ""
        return f"<li>{line.phrase} {self._anchor(line.other.id)}{reason}</li>\n"

    def _anchor(self, entry_id: str) -> str:
        title = f"<bdi>{_text(self._titles.get(entry_id, entry_id))}</bdi>"
        return f'<a href="#{entry_id}">{title}</a>' if entry_id in self._inside else title


def _section(section: Section) -> str:
    if section.is_list:
        items = "".join(f'<li class="said" dir="auto">{_text(item)}</li>\n' for item in section.items)
        said = f"<ul>\n{items}</ul>\n"
    else:
        said = "".join(f'<div class="said" dir="auto">{_text(item)}</div>\n' for item in section.items)
    return f"<h3>{_text(section.label)}</h3>\n{said}"


def _text(text: str) -> str:
    return escape(printable(text))


def _safe(rendered: str) -> str:
    """Rendered Markdown, where a note may have named a character by its number."""
    return rendered if rendered.isascii() else MARK.sub(lambda mark: escape(mark[0]), printable(rendered))


def _parser() -> MarkdownIt:
    """Markdown whose HTML stays text; `javascript:` and the like are no links to it."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    for name, rule in (
        ("image", _image),
        ("link_open", _link_open),
        ("heading_open", _heading),
        ("heading_close", _heading),
    ):
        parser.add_render_rule(name, rule)
    return parser


def _heading(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    """A heading of a note stands below the title of its entry."""
    level = min(int(tokens[index].tag[1:]) + 2, _DEEPEST)
    return f"<h{level}>" if tokens[index].nesting == 1 else f"</h{level}>\n"


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    return f'<a href="{escape(str(tokens[index].attrGet("href") or ""))}" rel="noopener noreferrer nofollow">'


def _image(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    """An image is a link to it: a page that loads nothing tells nobody that it is read."""
    token = tokens[index]
    source, name = str(token.attrGet("src") or ""), token.content or "image"
    opened = sum(token.nesting for token in tokens[:index] if token.type in ("link_open", "link_close"))
    if opened or not source or source.startswith("data:"):  # no link in a link
        return escape(f"[{name}]")
    return f'<a href="{escape(source)}" rel="noopener noreferrer nofollow">[{escape(name)}]</a>'
