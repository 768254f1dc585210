"""What stands in a Markdown text: headings, tags, links to other notes; and what of it is code and says nothing of the kind.

Everything here takes time in proportion to the text, whatever the text is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from rekall.exchange.bounds import MOST_LINKS, MOST_TAGS

SUFFIXES = (".md", ".markdown", ".mdown", ".mkd", ".mdx", ".mdc", ".qmd", ".rmd")
"""Files that hold Markdown."""

_FENCE = re.compile(r"[ \t>]*(?:[-*+][ \t]+)?(?P<run>`{3,}|~{3,})(?P<rest>.*)\n?")
_FENCES = ("```", "~~~")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])(?:[ \t]|$)")
_INDENTED = re.compile(r" {4}| {0,3}\t")
_INDENTED_BELOW = re.compile(r"\n(?: {4}| {0,3}\t)")
_RUN = re.compile(r"`+")
_BREAK = re.compile(r"\n[ \t]*\n")
_SPAN = re.compile(r"`[^`\n]*(?:\n(?![ \t]*\n)[^`\n]*)*`")
"""Code between single backticks within a paragraph."""

_RAW = (("<!--", "-->"), ("<pre", "</pre>"), ("<code", "</code>"), ("<style", "</style>"), ("<script", "</script>"))
_LINE = re.compile(r"[^\n]*\n|[^\n]+")

_ATX = re.compile(r" {0,3}(?P<marks>#{1,6})(?P<text>[ \t].*)?$")
_UNDERLINE = re.compile(r" {0,3}(?P<mark>={2,}|-{3,})[ \t]*$")
_NO_PARAGRAPH = re.compile(r"[ \t]*(?:[-*+>|#]|\d{1,9}[.)][ \t])|(?: {4}|\t)")

_TAG = re.compile(
    r"(?<!\S)[(\[,;>*_]{0,2}#(?P<tag>[^\s!\"#$%&'()*+,.:;<=>?@\[\\\]^`{|}~§°\u2000-\u200b\u2010-\u206f\u3000-\u303f"
    r"\uff00-\uff0f\uff1a-\uff20]+)"
)
_LINKED_TAG = re.compile(r"(?<![^\s(])#\[\[(?P<tag>[^\[\]\n|]{1,100})\]\]")
_HEX = re.compile(r"[0-9a-fA-F]+\Z")
_HEX_WORDS = frozenset({"e2e", "b2b", "b2c", "c2c", "c2b", "d2c", "f2f", "a2a", "2fa"})
_DIRECTIVES = frozenset(
    [
        "include",
        "define",
        "undef",
        "ifdef",
        "ifndef",
        "endif",
        "elif",
        "else",
        "pragma",
        "import",
        "region",
        "endregion",
        "if",
        "line",
    ]
)
_WIKILINK = re.compile(r"\[\[(?P<inside>[^\[\]\n]{1,1000}?)\]\]")
_NO_NOTE = re.compile(r"_?toc_?\Z|[-\"'$!=<]|.*(?:==|&&|\$\{)|\d{1,3}\Z|[\d\s.]*,[\d\s,.]*\Z|\s*\Z", re.IGNORECASE)
_TARGET = re.compile(
    r"\]\([ \t]*"
    r"(?:<(?P<angled>[^<>\n]{1,1000})>|(?P<bare>[^\s()<>]{1,1000}(?:\([^\s()]{0,200}\)[^\s()]{0,200}){0,5}))"
)
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:[ \t]*(?:<(?P<angled>[^<>\n]+)>|(?P<bare>\S+))", re.MULTILINE)
_MOST_WORDS = 500
"""Characters of the words of a link that are looked back over for its beginning."""
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,7}\Z")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of a text.

    Attributes:
        level: 1 for the highest.
        text: What it says, as it was written.
        start: Where its first line begins.
        end: Where the line after it begins.
    """

    level: int
    text: str
    start: int
    end: int


def masked(text: str) -> str:
    """The text with everything that is code or an HTML comment as blanks; every other character keeps its place."""
    shown = text
    is_fenced, is_indented = any(fence in text for fence in _FENCES), _has_indented(text)
    if is_fenced or is_indented:
        parts = [*_apart(text)] if is_fenced else [(False, text)]
        if is_indented and any(not is_code and _has_indented(part) for is_code, part in parts):
            parts = [*_without_indented(parts)]
        shown = "".join([_blank(part) if is_code else part for is_code, part in parts])
    return _without_spans(_without_raw(shown))


def _has_indented(text: str) -> bool:
    return bool(_INDENTED.match(text) or _INDENTED_BELOW.search(text))


def _fences(text: str) -> Iterator[re.Match[str]]:
    """Lines that begin or end code, each looked for by its marks: most lines have none."""
    at, nexts = 0, [text.find(fence) for fence in _FENCES]
    while (start := min((place for place in nexts if place >= 0), default=-1)) >= 0:
        found = _FENCE.match(text, max(text.rfind("\n", 0, start) + 1, at))
        if found:
            yield found
        at = found.end() if found else text.find("\n", start) + 1 or len(text)
        nexts = [text.find(fence, at) if 0 <= place < at else place for fence, place in zip(_FENCES, nexts)]


def _apart(text: str) -> Iterator[tuple[bool, str]]:
    """Whole lines, and whether they are code between fences; a fence that is not closed goes to the end."""
    fence, at = "", 0
    for mark in _fences(text):
        if not fence and "`" not in mark["rest"]:
            yield False, text[at : mark.start()]
            fence, at = mark["run"], mark.start()
        elif fence and mark["run"].startswith(fence) and not mark["rest"].strip():
            yield True, text[at : mark.end()]
            fence, at = "", mark.end()
    yield bool(fence), text[at:]


def _without_indented(parts: Iterable[tuple[bool, str]]) -> Iterator[tuple[bool, str]]:
    """The same parts, with lines that are code because they are indented as parts of their own."""
    is_list, was_blank, was_code = False, True, False
    for is_fenced, part in parts:
        if is_fenced:
            yield True, part
            continue
        for line in _lines(part):
            bare = line.rstrip("\n")
            if not bare.strip():
                was_blank = True
                yield False, line
                continue
            was_code = bool(_INDENTED.match(bare)) and not is_list and (was_blank or was_code)
            yield was_code, line
            if not was_code and _ITEM.match(bare):
                is_list = True
            elif not was_code and not bare[0].isspace():
                is_list = False
            was_blank = False


def _lines(text: str) -> list[str]:
    """Its lines with their ends; `splitlines` would end one at a form feed, too."""
    return _LINE.findall(text)


def _blank(text: str) -> str:
    return "\n".join([" " * len(line) for line in text.split("\n")]) if "\n" in text else " " * len(text)


def _without_raw(text: str) -> str:
    """Comments and elements of code as blanks; what is not closed is text."""
    for begin, end in _RAW:
        if begin not in text:
            continue
        parts, at = [], 0
        while (start := text.find(begin, at)) >= 0 and (stop := text.find(end, start)) >= 0:
            stop += len(end)
            parts += [text[at:start], _blank(text[start:stop])]
            at = stop
        text = "".join((*parts, text[at:]))
    return text


def _without_spans(text: str) -> str:
    """Code between backticks as blanks, as far as it closes in the same paragraph."""
    if "``" not in text:
        return _SPAN.sub(_blanked, text) if "`" in text else text
    runs = [found.span() for found in _RUN.finditer(text)]
    breaks = [found.start() for found in _BREAK.finditer(text)]
    paragraph, following = [], 0
    for start, _ in runs:
        while following < len(breaks) and breaks[following] < start:
            following += 1
        paragraph.append(following)
    closing: dict[tuple[int, int], int] = {}
    next_of = [-1] * len(runs)
    for index in range(len(runs) - 1, -1, -1):
        key = (paragraph[index], runs[index][1] - runs[index][0])
        next_of[index] = closing.get(key, -1)
        closing[key] = index
    parts, at, index = [], 0, 0
    while index < len(runs):
        if next_of[index] < 0:
            index += 1
            continue
        start, stop = runs[index][0], runs[next_of[index]][1]
        parts += [text[at:start], _blank(text[start:stop])]
        at, index = stop, next_of[index] + 1
    return "".join((*parts, text[at:]))


def headings(text: str, shown: str) -> Iterator[Heading]:
    """The headings of a text, in order.

    Args:
        text: The text.
        shown: The same, `masked`.
    """
    at = before_at = 0
    above = previous = ""  # above: the line before the paragraph; prose between two rules is no heading
    is_line = is_paragraph = False  # of the line before: text, and text that goes on from another line
    for line in _lines(shown):
        end = at + len(line)
        bare = line.rstrip("\n")
        was_line, was_paragraph = is_line, is_paragraph
        is_line = is_paragraph = False
        if "#" in bare and _ATX.match(bare):
            whole = _ATX.match(text[at:end].rstrip("\n"))
            if whole and (said := _unclosed(whole["text"] or "")):
                yield Heading(len(whole["marks"]), said, at, end)
        elif was_line and not was_paragraph and (mark := _UNDERLINE.match(bare)) and above != bare:
            yield Heading(1 if mark["mark"][0] == "=" else 2, text[before_at:at].strip(), before_at, end)
        elif bare.strip() and not _NO_PARAGRAPH.match(bare):
            is_line, is_paragraph = True, was_line
            above = "" if was_line else previous
        previous = bare
        before_at, at = at, end


def _unclosed(text: str) -> str:
    """A heading without closing marks; they need a blank before them, so that `# C#` keeps its own."""
    said = text.strip()
    bare = said.rstrip("#")
    return bare.rstrip() if bare[-1:] in ("", " ", "\t") else said


def inline_tags(shown: str) -> tuple[str, ...]:
    """Tags in a masked text, without the `#`: not in headings and links, no colours, no numbers, no directives."""
    if "#" not in shown:
        return ()
    found: dict[str, None] = {}
    for line in shown.split("\n"):
        if "#" not in line or _ATX.match(line) or _DEFINITION.match(line):
            continue
        if "[[" in line:
            found |= {linked["tag"].strip(): None for linked in _LINKED_TAG.finditer(line) if linked["tag"].strip()}
            line = _WIKILINK.sub(_blanked, line)
        line = _TARGET.sub(_blanked, line) if "](" in line else line
        at, begin = 0, len(line) - len(line.lstrip())
        while len(found) < MOST_TAGS and (mark := _TAG.search(line, at)):
            tag = mark["tag"].strip("/-")
            is_first = mark.start("tag") - 1 <= begin
            if is_tag(tag) and mark["tag"][0] not in "/-" and not (is_first and tag in _DIRECTIVES):
                found[tag] = None
            at = mark.end("tag")
    return tuple(found)


def _blanked(found: re.Match[str]) -> str:
    return _blank(found[0])


def is_tag(text: str) -> bool:
    """Whether what follows a `#` is a tag: not only digits, and no colour."""
    if not text or len(text) > 100 or not any(not char.isdigit() and char not in "_-/" for char in text):
        return False
    if not _HEX.match(text) or len(text) not in (3, 4, 6, 8) or text.lower() in _HEX_WORDS:
        return True
    return not any(char.isdigit() for char in text) and len(set(text.lower())) > 1 and text.lower() != "abcdef"


def wikilinks(shown: str, *, is_alias_first: bool = False) -> Iterator[str]:
    """What the `[[links]]` and `![[embeds]]` of a masked text name: `dns`, `ops/dns#Records`.

    Args:
        shown: The text.
        is_alias_first: `[[words|name]]`, where others write `[[name|words]]`.
    """
    count = 0
    for found in _WIKILINK.finditer(shown) if "[[" in shown else ():
        if count > MOST_LINKS:
            return
        if shown[found.end() : found.end() + 1] == "(":  # [[1]](url): a footnote written as a link
            continue
        inside = found["inside"].replace("\\|", "|")
        parts = inside.split("|")
        name = (parts[-1] if is_alias_first else parts[0]).strip()
        if not name or name.startswith(("#", "^")) or inside[0].isspace() or _NO_NOTE.match(name) or is_media(name):
            continue
        count += 1
        yield name


def note_links(shown: str) -> Iterator[str]:
    """Paths of other notes that the Markdown links of a masked text lead to, with blanks as blanks."""
    count = 0
    for target in link_targets(shown, are_images_in=False):
        if count <= MOST_LINKS and leads_to_note(target):
            count += 1
            yield unquote(target)


def leads_to_note(target: str) -> bool:
    """Whether the target of a link is a file that could be a note."""
    path = target.split("#", 1)[0].split("?", 1)[0].rstrip("/")
    if not path.strip("./") or path[0] == ":" or _SCHEME.match(path):
        return False
    suffix = _SUFFIX.search(path)
    return suffix is None or suffix[0].lower() in SUFFIXES


def link_targets(shown: str, *, are_images_in: bool = True) -> Iterator[str]:
    """The targets of the Markdown links of a masked text, and of its images, as they were written."""
    for found in _TARGET.finditer(shown) if "](" in shown else ():
        if are_images_in or not _is_image(shown, found.start()):
            yield (found["angled"] or found["bare"]).strip()
    for found in _DEFINITION.finditer(shown) if "]:" in shown else ():
        yield (found["angled"] or found["bare"]).strip()


def _is_image(shown: str, end: int) -> bool:
    """Whether the words that end here are an image's, and not those of a link around an image."""
    start = shown.rfind("[", max(0, end - _MOST_WORDS), end)
    return start > 0 and shown[start - 1] == "!" and "]" not in shown[start:end]


_MEDIA = frozenset(
    [
        "png",
        "jpg",
        "jpeg",
        "gif",
        "svg",
        "webp",
        "bmp",
        "avif",
        "ico",
        "tiff",
        "heic",
        "pdf",
        "mp3",
        "m4a",
        "wav",
        "ogg",
        "flac",
        "opus",
        "mp4",
        "mov",
        "mkv",
        "webm",
        "avi",
        "zip",
        "gz",
        "csv",
        "xlsx",
        "docx",
        "pptx",
        "html",
        "excalidraw",
        "drawio",
        "base",
    ]
)


def is_media(name: str) -> bool:
    """Whether a name is a file's that holds no note: a picture, a sound, a table."""
    bare = name.split("#", 1)[0].rstrip()
    return "." in bare and bare.rpartition(".")[2].lower() in _MEDIA


def unique(names: Iterable[str]) -> tuple[str, ...]:
    """Each name once, in order."""
    return tuple(dict.fromkeys(names))
