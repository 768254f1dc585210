"""Files of rules for assistants that have no suffix: `.cursorrules` and its kin. They are Markdown without front matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from rekall.errors import InvalidInput
from rekall.exchange.dialect import Note, Refused, Source

NAMES = (".cursorrules", ".windsurfrules", ".clinerules", ".roorules", ".goosehints", ".rules")
_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>\S.*)")


class RulesFile:
    """One file of rules."""

    name = "rules-file"
    title = "Rules of Cursor, Windsurf, Cline and others"
    suffixes: tuple[str, ...] = ("",)
    keys: Mapping[str, str] = {}
    hint = "`rekall import --from cursor`, or the file itself: .cursorrules, .windsurfrules, .clinerules."

    def fits(self, source: Source) -> bool:
        """Whether a file has one of these names, and says something."""
        try:
            return source.path.name in NAMES and bool(source.text.strip())
        except (InvalidInput, OSError):
            return False

    def notes(self, source: Source) -> Iterator[Note | Refused]:
        """The rules, as one note named after the file and its folder."""
        text = source.text.strip("\n")
        heading = _HEADING.match(text)
        name = f"{source.path.name} of {source.path.absolute().parent.name}".removesuffix(" of ")
        yield Note(content=text, title=heading["title"].strip() if heading else name, name=name)


DIALECT = RulesFile()
