"""Writes entries as JSON: one a line, or all in one object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rekall.exchange.outgoing import Outgoing, Written, deleted_record, whole_record

SCHEMA_VERSION = 2
"""The version of the object, that of every JSON answer: a record has the names that an answer has."""


def write_json_lines(file: IO[bytes], outgoing: Outgoing) -> Written:
    """One record a line, entries first."""
    exported = deleted = 0
    for entry, links in outgoing.entries:
        file.write(json_line(whole_record(entry, links)))
        exported += 1
        outgoing.progress(exported)
    for each in outgoing.deleted:
        file.write(json_line(deleted_record(each)))
        deleted += 1
    return Written(exported, deleted)


def write_json(file: IO[bytes], outgoing: Outgoing) -> Written:
    """One object with `entries` and `deleted`, a record a line."""
    exported = deleted = 0
    file.write(b'{"schema_version": %d,\n"entries": [' % SCHEMA_VERSION)
    for exported, (entry, links) in enumerate(outgoing.entries, 1):
        file.write((b",\n" if exported > 1 else b"\n") + json_line(whole_record(entry, links))[:-1])
        outgoing.progress(exported)
    file.write(b'],\n"deleted": [')
    for deleted, each in enumerate(outgoing.deleted, 1):
        file.write((b",\n" if deleted > 1 else b"\n") + json_line(deleted_record(each))[:-1])
    file.write(b"]}\n")
    return Written(exported, deleted)


def json_line(record: Mapping[str, Any]) -> bytes:
    """A record as a line of UTF-8."""
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"
