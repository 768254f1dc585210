"""Every dialect, in the order in which a file is offered to them: the particular ones first, the general ones last."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from rekall.exchange.dialect import Dialect

MODULES = (
    *("vault", "own", "original", "own_records"),
    *(
        "keep",
        "chats",
        "roam",
        "tiddlywiki",
        "simplenote",
        "day_one",
        "jrnl",
        "mem0",
        "mcp_memory_service",
        "memory_graph",
        "pinboard",
    ),
    *("standard_notes", "enex", "opml", "notebook", "web_page", "records"),
    *("gemini", "joplin", "notion", "dendron", "cheats", "basic_memory", "zk", "logseq", "obsidian", "hugo"),
    *("markdown", "org", "rules_file", "kindle", "plain_text"),
)
"""Modules of `exchange.dialects`, each with its `DIALECT`, or `DIALECTS` where a tool has several."""


@cache
def dialects() -> tuple[Dialect, ...]:
    """Every dialect, in order."""
    found: list[Dialect] = []
    for name in MODULES:
        module = import_module(f"rekall.exchange.dialects.{name}")
        found += module.DIALECTS if hasattr(module, "DIALECTS") else [module.DIALECT]
    return tuple(found)


@cache
def dialects_for(suffix: str) -> tuple[Dialect, ...]:
    """Those that are asked about files of a suffix; for one that nobody knows, those of plain text."""
    asked = tuple(dialect for dialect in dialects() if suffix in dialect.suffixes)
    return asked or tuple(dialect for dialect in dialects() if ".txt" in dialect.suffixes)


def suffixes() -> frozenset[str]:
    """The suffixes of all files that some dialect reads."""
    return frozenset(suffix for dialect in dialects() for suffix in dialect.suffixes)
