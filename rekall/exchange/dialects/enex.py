"""Evernote's ENEX: notes in XML, their text in XHTML. Read note by note; hostile XML is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rekall.errors import InvalidInput
from rekall.exchange.bounds import clipped, opened
from rekall.exchange.dialect import NamedLink, Note, Refused, Source
from rekall.exchange.json_shapes import Ids, as_name, file_words, first_line, listed, when
from rekall.exchange.notes_in_xml import notes_in
from rekall.exchange.page import markdown_of, soup_of

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from bs4 import BeautifulSoup

_READ = ("title", "content", "tag", "created", "updated", "resource", "note-attributes", "task", "guid")
_OWN_NAMES = {"source": "evernote-source"}
"""What is no source of ours: the program that made a note, as `web.clip`."""

_DONE = re.compile(r"--en-checked:\s*true", re.IGNORECASE)


class Enex:
    """Notebooks of Evernote."""

    name = "evernote"
    title = "Evernote"
    suffixes: tuple[str, ...] = (".enex",)
    keys: Mapping[str, str] = {"source-url": "sources"}
    hint = "Right-click a notebook → Export → ENEX format. Pictures and other attachments are named, not stored."

    def fits(self, source: Source) -> bool:
        """Whether a file is an export of Evernote; one that is empty says nothing."""
        try:
            with source.path.open("rb") as file:
                return bool(file.read(4096).strip())
        except OSError:
            return True

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every note; after broken XML the rest cannot be read, and what was before it is."""
        from xml.etree.ElementTree import ParseError  # the error alone: defusedxml reads

        from defusedxml import DefusedXmlException

        ids, number = Ids(), 0
        with opened(source.path) as file:
            try:
                for element in notes_in(file):
                    number += 1
                    if not isinstance(element, InvalidInput):
                        note = _note(element, f"note {number}", source, ids)
                        element.clear()
                        if note is not None:
                            yield note
                    else:
                        yield Refused(f"{source.path}, note {number}", element)
            except DefusedXmlException as error:
                raise InvalidInput(
                    "its XML defines entities, which no export of Evernote does", "export the notebook again"
                ) from error
            except (ParseError, RecursionError, ValueError) as error:
                yield Refused(
                    f"{source.path}, after note {number}" if number else str(source.path),
                    InvalidInput(
                        f"not valid XML: {clipped(str(error))}",
                        "export the notebook again; the notes before this were read",
                    ),
                )


def _note(element: Element, part: str, source: Source, ids: Ids) -> Note | None:
    attachments, names = _resources(element)
    soup = soup_of(_text(element, "content"))
    links = _prepare(soup, names)
    content = markdown_of(soup)
    tasks = [child for child in element if _tag(child) == "task"]
    if tasks:
        done = [_text(task, "taskStatus").lower() == "completed" for task in tasks]
        content = f"{content}\n\n{listed([_text(task, 'title') for task in tasks], lambda at: '[x] ' if done[at] else '[ ] ')}".strip()
    fields: dict[str, Any] = {}
    for child in [*element, *(item for own in element if _tag(own) == "note-attributes" for item in own)]:
        value = " ".join("".join(child.itertext()).split())
        if _tag(child) not in _READ and value:
            name = child.get("key") or _OWN_NAMES.get(_tag(child), _tag(child))
            fields[name] = [*_listed(fields[name]), value] if name in fields else value
    if attachments:
        fields["attachments"] = attachments
    details = [more for more in map(_task_details, tasks) if more]
    if details:
        fields["tasks"] = details
    title = as_name(" ".join(_text(element, "title").split()))
    if not (title or content or fields):
        return None
    return Note(
        fields=fields,
        content=content,
        title=title or first_line(content),
        name=file_words(source),
        record_id=ids.once(_text(element, "guid").strip()),
        part=part,
        created_at=when(_text(element, "created").strip().replace("Z", "+00:00")),
        updated_at=when(_text(element, "updated").strip().replace("Z", "+00:00")),
        tags=tuple(filter(None, ("".join(child.itertext()).strip() for child in element if _tag(child) == "tag"))),
        links=links,
    )


def _resources(element: Element) -> tuple[list[dict[str, str]], dict[str, str]]:
    """What is attached; and the name of each by the hash that the text knows it by, which `notes_in` put into its place."""
    found: list[dict[str, str]] = []
    names: dict[str, str] = {}
    for resource in (child for child in element if _tag(child) == "resource"):
        said = {
            _tag(item): " ".join("".join(item.itertext()).split())
            for item in resource.iter()
            if len(item) == 0 and item.text
        }
        digest = said.pop("data", "")
        said.pop("recognition", None)
        said.pop("alternate-data", None)
        found.append(said)
        if digest:
            names[digest] = said.get("file-name") or said.get("mime") or "attachment"
    return [item for item in found if item], names


def _prepare(soup: BeautifulSoup, names: Mapping[str, str]) -> tuple[NamedLink, ...]:
    """Write what is Evernote's own as text, and gather the links to other notes."""
    from bs4 import Tag

    _prepare_code(soup)
    for mark in soup.find_all("en-todo"):
        box = "[x] " if str(mark.get("checked", "")).lower() == "true" else "[ ] "
        mark.insert_before(box if mark.find_parent("li") else f"- {box}")
        mark.unwrap()
    for item in soup.find_all("li"):
        first = next((part for part in item.contents if str(part).strip()), None)
        if isinstance(first, Tag) and first.name == "div":  # else every item is a paragraph
            first.unwrap()
    for item in soup.find_all("li", style=True):
        if "--en-checked" in str(item["style"]):
            item.insert(0, "[x] " if _DONE.search(str(item["style"])) else "[ ] ")
    for media in soup.find_all("en-media"):
        digest = str(media.get("hash", ""))
        media.insert_before(f"[{names.get(digest) or media.get('type') or 'attachment'}]")
        media.unwrap()
    for secret in soup.find_all("en-crypt"):
        secret.insert_before(f"[encrypted{': ' + str(secret['hint']) if secret.get('hint') else ''}] ")
        secret.unwrap()
    return tuple(
        NamedLink(link.get_text(" ", strip=True))
        for link in soup.find_all("a", href=True)
        if str(link["href"]).startswith("evernote:") and link.get_text(strip=True)
    )


def _prepare_code(soup: BeautifulSoup) -> None:
    """Make blocks of code what they look like: their lines, indented as they are."""
    for block in soup.find_all("div", style=True):
        if "en-codeblock" in str(block["style"]):
            for end in block.find_all("br"):
                end.replace_with("\n")
            lines = [line.get_text() for line in block.find_all("div", recursive=False)] or [block.get_text()]
            code = soup.new_tag("pre")
            code.string = "\n".join(line.rstrip("\n") for line in lines)
            block.replace_with(code)


def _task_details(task: Element) -> dict[str, str]:
    said = {
        _tag(item): (item.text or "").strip() for item in task.iter() if len(item) == 0 and (item.text or "").strip()
    }
    return {"title": said["title"], **said} if set(said) - {"title", "taskStatus"} and "title" in said else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _tag(element: Element) -> str:
    """Its name, without a namespace."""
    return str(element.tag).rpartition("}")[2]


def _text(element: Element, name: str) -> str:
    return next(("".join(child.itertext()) for child in element if _tag(child) == name), "")


DIALECT = Enex()
