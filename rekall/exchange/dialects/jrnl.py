"""jrnl: its journal, a text file in which every entry begins with a date, and its JSON export."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source
from rekall.exchange.json_shapes import as_name, as_names, as_text, document_of, file_words, objects_in, when, without
from rekall.exchange.leftovers import head_of, says_something, whole

_BEGINNING = re.compile(
    r"^(?:\[(?P<boxed>\d{4}[-/.]\d\d?[-/.]\d\d?[^\]\n]{0,20}|\d\d?[-/.]\d\d?[-/.]\d{4}[^\]\n]{0,20})\]"
    r"|(?P<plain>\d{4}-\d\d-\d\d \d\d:\d\d(?: [AP]M)?))(?:[ \t]+(?P<title>[^\n]*)|$)",
    re.MULTILINE,
)
_OF_A_PROGRAM = re.compile(r"\W*(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL)\b")
_TAG = re.compile(r"(?<!\S)@([^\s@.,:;!?()]+)")
_LOOKED_AT = 20_000


class Jrnl:
    """A journal of jrnl."""

    name = "jrnl"
    title = "jrnl"
    suffixes: tuple[str, ...] = (".txt", ".json", ".jrnl")
    keys: Mapping[str, str] = {}
    hint = "`jrnl --format json --file journal.json`, or the journal itself: `jrnl --list` names it."

    def fits(self, source: Source) -> bool:
        """Whether a file is a journal of jrnl, or an export of one; the log of a program is none."""
        if source.suffix == ".json":
            document = document_of(source)
            entries = objects_in(document, "entries") if isinstance(document, dict) else []
            return bool(entries) and all({"title", "body", "date"} <= entry.keys() for entry in entries[:5])
        try:
            text = source.text.lstrip("\n")[:_LOOKED_AT]
        except (InvalidInput, OSError):
            return False
        found = list(_BEGINNING.finditer(text))
        if not found or found[0].start() or any(_OF_A_PROGRAM.match(item["title"] or "") for item in found):
            return False
        apart = sum(text[item.start() - 2 : item.start()] == "\n\n" for item in found[1:])
        return apart * 2 >= len(found) - 1 and when(_date(found[0])) is not None

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """Every entry of the journal."""
        if source.suffix == ".json":
            yield from _exported(source)
            return
        text = source.text
        found = [item for item in _BEGINNING.finditer(text) if when(_date(item)) is not None]
        for number, item in enumerate(found):
            end = found[number + 1].start() if number + 1 < len(found) else len(text)
            body, title = text[item.end() : end].strip("\n"), (item["title"] or "").strip()
            starred = title.endswith("*") and not title.endswith("**")
            yield Note(
                fields={"date": _date(item), **({"starred": True} if starred else {})},
                content=body,
                title=title.removesuffix("*").strip() if starred else title,
                name=f"{file_words(source)} {_date(item)}",
                part=f"entry {number + 1}",
                tags=tuple(dict.fromkeys(_TAG.findall(f"{title}\n{body}"))),
            )


def _exported(source: Source) -> Iterator[Note]:
    document = source.document
    for number, item in enumerate(document["entries"], 1):
        record: dict[str, Any] = item if isinstance(item, dict) else {"body": item}
        fields = without(record, "body", "tags") if as_text(record.get("body")) else without(record, "tags")
        tags = as_names(record.get("tags"))
        if record.get("tags") and not tags:
            fields["tags"] = record["tags"]
        day, time = as_name(record.get("date")), as_name(record.get("time"))
        if when(day) is not None and when(f"{day} {time}") is not None:
            fields["date"] = f"{day} {time}"
            fields.pop("time", None)
        if says_something(record, (), ("date", "time")):
            yield whole(
                Note(
                    fields=fields,
                    content=as_text(record.get("body")),
                    name=f"{file_words(source)} {day}".strip(),
                    part=f"record {number}",
                    tags=tuple(tag.removeprefix("@") for tag in tags),
                ),
                record,
            )
    yield from head_of(source, document, "entries", *(["tags"] if isinstance(document.get("tags"), dict) else []))


def _date(found: re.Match[str]) -> str:
    return str(found["boxed"] or found["plain"]).strip()


DIALECT = Jrnl()
