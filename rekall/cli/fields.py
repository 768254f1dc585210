"""The fields of an entry as options of `add` and `edit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rekall.cli.options import read_stdin
from rekall.entry.changes import Changes
from rekall.entry.fields import CONTEXT

WRITTEN = ("content", "tags", "project", "confidence", *(field.name for field in CONTEXT))
"""The fields that both `add` and `edit` take as options."""


def changes_of(given: Mapping[str, Any], remove_tags: tuple[str, ...] = ()) -> Changes:
    """The changes given on the command line; fields not given stay as they are."""
    values = {name: value for name, value in given.items() if value is not None and value != ()}
    add_tags = values.pop("tags", ())
    if values.get("content") == "-":
        values["content"] = read_stdin()
    return Changes.of(add_tags=add_tags, remove_tags=remove_tags, **values)
