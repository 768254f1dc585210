"""Writes an entry as Markdown with YAML front matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rekall.entry.fields import Entry
from rekall.entry.record import to_record
from rekall.entry.types import Link


def to_markdown(entry: Entry, links: Sequence[Link] = (), *, full: bool = False) -> str:
    """An entry as Markdown; `from_markdown` reads it back the same.

    Args:
        entry: The entry.
        links: Its links.
        full: Also the fields that are empty.
    """
    record = to_record(entry, links, full=full)
    if "links" in record:  # they start here, so their source says nothing
        record["links"] = [
            {name: value for name, value in link.items() if name != "source"} for link in record["links"]
        ]
    return dump_front_matter(record, entry.content)


def dump_front_matter(fields: Mapping[str, Any], content: str) -> str:
    """Fields between `---` lines, then the content."""
    import yaml  # comes with python-frontmatter

    head = yaml.safe_dump(dict(fields), sort_keys=False, allow_unicode=True, width=100)
    return f"---\n{head}---\n\n{content}\n" if content else f"---\n{head}---\n"
