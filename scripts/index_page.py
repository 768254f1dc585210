"""What README.md is on the page of a package index, where relative links and pictures lead nowhere."""

from __future__ import annotations

import re

_PICTURE = re.compile(r"^!\[(?P<text>[^\]]*)\]\((?P<path>(?!\w+:)[^)\s]+)\)\n*", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<path>(?!\w+:|#)[^)\s]+)\)")
_COMMENT = re.compile(r"^<!--.*?-->\n", re.MULTILINE)


def page(text: str, url: str, tag: str) -> str:
    """README.md as the page of a package index.

    Args:
        text: The file.
        url: The repository of the release. Empty where none is known: links become their text, and pictures are left out.
        tag: The name of the release in it.
    """
    picture, link = (rf"![\g<text>]({url}/raw/{tag}/\g<path>)\n\n", rf"[\g<text>]({url}/blob/{tag}/\g<path>)")
    if not url:
        picture, link = "", r"\g<text>"
    return _LINK.sub(link, _PICTURE.sub(picture, _COMMENT.sub("", text)))


def urls(url: str) -> dict[str, str]:
    """The links beside the page."""
    if not url:
        return {}
    pages = {"Documentation": "docs", "Changelog": "CHANGELOG.md", "Security": "SECURITY.md"}
    return {
        "Source": url,
        "Issues": f"{url}/issues",
        **{name: f"{url}/blob/HEAD/{path}" for name, path in pages.items()},
    }
