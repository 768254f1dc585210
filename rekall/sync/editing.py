"""Writes what changed of an entry into its file, and leaves every other byte of it as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rekall.entry.record import CONTENT, means
from rekall.entry.rules import is_ulid
from rekall.exchange import front_matter
from rekall.exchange.markdown_note import KEYS
from rekall.exchange.markdown_text import headings, masked
from rekall.exchange.markdown_title import plain
from rekall.sync import lines
from rekall.sync.files import ID, ORDER, Root, Says, link_records, read, whole
from rekall.sync.heads import CannotWrite, Head, with_head
from rekall.sync.states import CREATED, LINKS, State, different, is_list

_BOM = "\ufeff"


def edited(root: Root, says: Says, to: State, entry_id: str) -> bytes:
    """The bytes of a file that says something else.

    Args:
        root: The folder.
        says: What the file says.
        to: What it is to say.
        entry_id: The id that it is to name.

    Raises:
        CannotWrite: Title or text have no place in the way in which it is written.
    """
    names = [name for name in different(says.state, to) if says.is_own or name != CREATED]
    if not names and says.entry_id == entry_id:
        return says.data
    for in_heading in (True, False):
        made = _made(says, to, entry_id, names, in_heading=in_heading)
        back = read(root, says.path, made)
        is_read = isinstance(back, Says) and back.entry_id == entry_id
        missed = different(back.state, to) if isinstance(back, Says) else ()
        if is_read and not {CONTENT, "title"} & {*missed} & {*names}:
            break
    else:
        if not says.is_own:
            raise CannotWrite("what was changed has no place in the way in which it is written")
    return whole(to, entry_id) if says.is_own and (not is_read or missed) else made


def _made(says: Says, to: State, entry_id: str, names: list[str], *, in_heading: bool) -> bytes:
    raw_text = says.data.decode("utf-8")
    mark = _BOM if raw_text.startswith(_BOM) else ""
    raw_text = raw_text.removeprefix(_BOM)
    text = raw_text.replace("\r\n", "\n")
    found = front_matter.split(text)
    if found.kind == "json":
        raise CannotWrite("its front matter is JSON")
    head = Head.of(found.kind or "yaml", found.raw, found.fields, _meaning, ORDER if says.is_own else ())
    if says.is_own:
        head.set("updated_at", "")  # it would stand in the way of every merge
    if says.entry_id != entry_id:
        head.set(_id_name(found.fields, says), entry_id)
    body = _changed(head, found.body if found.kind else text, says.state, to, names, in_heading=in_heading)
    made = with_head(text, found, head, body)
    if raw_text != text:
        made = "".join(lines.with_ends_of(_lines(raw_text), made.split("\n")))
    return (mark + made).encode("utf-8")


def _changed(head: Head, body: str, was: State, to: State, names: Sequence[str], *, in_heading: bool) -> str:
    """Change fields in the front matter, and those that stand in the text. Returns the text."""
    for name in names:
        if name == CONTENT:
            body = _with_content(body, was, to)
        elif name == "title":
            body = _with_title(head, body, was, to, in_heading=in_heading)
        elif name == LINKS:
            _set_links(head, to)
        elif is_list(name):
            head.set_list(name, was.get(name, ()), to.get(name, ()))
        else:
            head.set(name, to.get(name, ""))
    return body


def _lines(text: str) -> list[str]:
    """The lines of a text with their ends."""
    parts = text.split("\n")
    return [*(f"{line}\n" for line in parts[:-1]), parts[-1]]


def _meaning(name: str) -> str:
    return KEYS.get(name) or means(name)


def _id_name(fields: Any, says: Says) -> str:
    """Under which name the id stands: another tool may have one of its own."""
    given = next((str(fields[name]).strip() for name in ("id", "_id") if fields.get(name) not in (None, "")), "")
    return "id" if not given or is_ulid(given) or given == says.entry_id else ID


def _set_links(head: Head, to: State) -> None:
    given = head.fields.get(LINKS)
    is_ours = given is None or (
        isinstance(given, list) and all(isinstance(item, dict) and "target" in item for item in given)
    )
    if not is_ours:
        raise CannotWrite("its field `links` is another one")
    head.set(LINKS, link_records(to))


def _with_content(body: str, was: State, to: State) -> str:
    """The text of a file with another content; a heading that is the title stays, and so do blank lines around it."""
    said, meant = str(was[CONTENT]), str(to[CONTENT])
    core = body.strip("\n")
    first, last = body[: len(body) - len(body.lstrip("\n"))], body[len(body.rstrip("\n")) :]
    if not core:
        return f"{first or chr(10)}{meant}\n" if meant else body
    if core == said:
        new: str | None = meant
    else:
        place = core.find(said) if said else -1
        if place >= 0 and core.count(said) == 1:
            new = core[:place] + meant + core[place + len(said) :]
        elif not said:
            new = f"{core}\n\n{meant}"
        else:
            new = lines.merged(said, core, meant)
    if new is None:
        raise CannotWrite("what was changed has no place in the way in which it is written")
    return f"{first}{new.rstrip(chr(10))}{last}" if new else first


def _with_title(head: Head, body: str, was: State, to: State, *, in_heading: bool) -> str:
    """The title where it stands: in the front matter, else in the heading that says it; else in a field of its own."""
    if in_heading and not head.meant("title"):
        for found in headings(body, masked(body)):
            whole_heading = body[found.start : found.end]
            if plain(found.text) == was["title"] and found.text in whole_heading:
                return body[: found.start] + whole_heading.replace(found.text, str(to["title"]), 1) + body[found.end :]
    head.set("title", to["title"])
    return body
