"""A stretch of Markdown on one line: what stands there for looks alone takes no room from the words."""

from __future__ import annotations

import re

_MARKUP = re.compile(
    r"```\w*|\*\*|`|^\s*(?:#{1,6} |[-*>] |\|)|^---+$|(?<=… )(?:#{1,6} |[-*>] |\|)"
    r"|(?<=\s)(?:#{2,6}(?= )|[=-]{4,}(?=\s|$)|\| ?:?-{2,}:? ?\|(?: ?:?-+:? ?\|)*)",
    re.MULTILINE,
)
"""What stands in Markdown for looks alone; a snippet has its lines in one, with the marks of later ones within."""

_LINK = re.compile(r"!?\[([^\[\]]*)\]\((?=\S*[/.#:…])[^()\s]*(?:\)|$)")
"""A link or a picture, of which the text is shown; a snippet may end within its address."""


def flat(text: str) -> str:
    """A text without marks, headings and addresses, on one line."""
    return " ".join(_MARKUP.sub("", _LINK.sub(r"\1", text)).split())
