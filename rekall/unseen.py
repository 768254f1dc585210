"""Characters that a reader does not see or a terminal obeys: which of them belong where they stand, and how the others are shown.

Control characters, marks that turn the direction of text, blanks without width, tags, fillers and the like can hide words
from a person that an assistant reads, or make a line look like another. What a script or an emoji needs stays.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

LONGEST_SPELLED = 3
"""A longer run is one mark with its length: hidden text must not bury what is around it."""

_MOST_ICONS = 3
"""So many characters for private use in a row are icons of a font, as shells print them; more may be a text."""

_SUSPECT = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f"
    "\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ud800-\\udfff\\ue000-\\uf8ff\\ufdd0-\\ufdef\\ufe00-\\ufe0f\\ufeff\\uffa0"
    "\\ufff0-\\ufffb\\ufffe\\uffff\\U0001107f\\U00016fe4\\U0001bca0-\\U0001bca3\\U0001d159\\U0001d173-\\U0001d17a"
    + "".join(f"\\U{plane:04x}fffe\\U{plane:04x}ffff" for plane in range(1, 14))
    + "\\U000e0000-\\U000e0fff\\U000efffe-\\U0010ffff"
)
"""Every character that is looked at more closely. ASCII's own among them are never needed."""

_JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1800-\u18aa\u1a20-\u1aaf\u1b00-\u1bff\ua800-\ua8ff"
    "\ua930-\ua95f\ua980-\ua9df\uaa00-\uaaff\uabc0-\uabff\ufb50-\ufdfb\ufe70-\ufefc\U00010a00-\U00010aff\U00010d00-\U00010fff"
    "\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
"""Scripts that say with U+200C and U+200D how two letters join: Arabic and its kin, those of India and their kin, Mongolian."""

_UNSPACED = (
    "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u1b00-\u1bff\ua980-\uaadf\U00011700-\U0001174f"
)
"""Scripts without blanks between words, where U+200B says where a line may break."""

_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdfb\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_IDEOGRAPH = "\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00017000-\U00018dff\U0001b170-\U0001b2ff\U00020000-\U0003ffff"
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
_MONGOLIAN = "\u1820-\u18aa"
_FORMS = "\u180b\u180c\u180d\u180f\ufe0e\ufe0f"
"""Selectors of a letter's or a picture's form: what comes after one stands beside that letter or picture."""

_FLAG = "\U0001f3f4"
_FIRST = "\u115f"
"""The one that belongs to what comes after it: an old Korean syllable may begin a text with it."""

_TURNED = "\u2139\u3030\u303d\u203c\u2049"
"""Characters beside symbols that have two looks, as a letter and as a picture."""

_NEAR_CHARS = 200
"""How far off a letter written from right to left may stand to be what a direction mark is for."""

_BESIDE = 16
"""Characters beside a mark by which its place is known again."""

MARK = re.compile(r"<U\+[0-9A-F]{4,6}(?:…?×[0-9]+)?>")
"""What `marked` writes."""


@cache
def _suspects() -> re.Pattern[str]:
    return re.compile(f"[{_SUSPECT}]+")


@cache
def _hidden_after_hidden() -> re.Pattern[str]:
    return re.compile(f"[^{_FIRST}\r{_PRIVATE}]+")


@cache
def _one_of(characters: str) -> re.Pattern[str]:
    return re.compile(f"[{characters}]")


def marked(text: str) -> str:
    """A text in which every unseen character that nothing needs is spelled out: `<U+202E>`, `<U+E0041…×40>`."""
    return _suspects().sub(
        lambda run: "".join(_mark(part) if is_hidden else part for part, is_hidden in _parts(run)), text
    )


def escaped(json_text: str) -> str:
    """JSON in which the same characters are written as escapes: it says what it said, and moves no cursor."""

    def spelled(part: str) -> str:
        units = part.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))

    def replaced(run: re.Match[str]) -> str:
        return "".join(spelled(part) if is_hidden else part for part, is_hidden in _parts(run))

    return _suspects().sub(replaced, json_text)


def whole(text: str) -> str:
    """A text that UTF-8 can carry: each half of a character that somebody cut becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _has_halves(text) else text


def _has_halves(text: str) -> bool:
    return not text.isascii() and _one_of("\\ud800-\\udfff").search(text) is not None


def restored(text: str, original: str, elsewhere: str = "") -> str:
    """An edited text with the characters again that `marked(original)` had spelled out.

    A mark that stands for several things, one of which may be itself, is each time what it was in that place: between the
    same texts, or else in the same order.

    Args:
        text: What was edited.
        original: What it was.
        elsewhere: Other texts that a part may have been moved from.
    """
    if "<U+" not in text or all(each.isascii() and each.isprintable() for each in (original, elsewhere)):
        return text
    known = _meanings(original)
    other = {mark: meant for mark, meant in _meanings(elsewhere).items() if mark not in known}
    found: dict[str, list[re.Match[str]]] = {}
    for mark in MARK.finditer(text):
        found.setdefault(mark[0], []).append(mark)
    pieces: dict[int, str] = {}
    for mark_text, places in found.items():
        meant = known.get(mark_text) or other.get(mark_text) or []
        different = {each.piece for each in meant}
        if len(different) == 1:
            pieces |= dict.fromkeys((place.start() for place in places), meant[0].piece)
        elif mark_text in known:
            pieces |= _by_place(text, places, meant)
    return MARK.sub(lambda mark: pieces.get(mark.start(), mark[0]), text)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a mark stands for in one place, and what is shown around it."""

    piece: str
    before: str
    after: str


def _meanings(original: str) -> dict[str, list[_Meaning]]:
    """Every mark of a text as it is shown, with what it stands for in each of its places, in order."""
    hidden = [(literal.start(), literal[0], literal[0]) for literal in MARK.finditer(original)]
    for run in _suspects().finditer(original):
        at = run.start()
        for part, is_hidden in _parts(run):
            if is_hidden:
                step = len(part) if len(part) > LONGEST_SPELLED else 1
                for each in range(0, len(part), step):
                    piece = part[each : each + step]
                    hidden.append((at + each, piece, _mark(piece)))
            at += len(part)
    hidden.sort()
    shown, places, end, length = [], [], 0, 0
    for start, piece, mark in hidden:
        shown += [original[end:start], mark]
        length += start - end
        places.append(length)
        length += len(mark)
        end = start + len(piece)
    whole_text = "".join([*shown, original[end:]])
    meanings: dict[str, list[_Meaning]] = {}
    for place, (_, piece, mark) in zip(places, hidden, strict=True):
        meanings.setdefault(mark, []).append(_Meaning(piece, *_around(whole_text, place, place + len(mark))))
    return meanings


def _around(text: str, start: int, end: int) -> tuple[str, str]:
    return text[max(start - _BESIDE, 0) : start], text[end : end + _BESIDE]


def _by_place(text: str, places: list[re.Match[str]], meant: list[_Meaning]) -> dict[int, str]:
    """What a mark stands for in each place of an edited text: as between the same texts, as beside one of them, in order."""
    pieces: dict[int, str] = {}
    keys: tuple[Callable[[str, str], object], ...] = (
        lambda before, after: (before, after),
        lambda before, after: before,
        lambda before, after: after,
        lambda before, after: None,
    )
    for key in keys:
        left: dict[object, deque[_Meaning]] = {}
        for each in meant:
            left.setdefault(key(each.before, each.after), deque()).append(each)
        used = set()
        for place in places:
            same = left.get(key(*_around(text, *place.span())))
            if place.start() not in pieces and same:
                taken = same.popleft()
                used.add(id(taken))
                pieces[place.start()] = taken.piece
        meant = [each for each in meant if id(each) not in used]
    return pieces


def _mark(part: str) -> str:
    """What stands for a run of hidden characters."""
    if len(part) <= LONGEST_SPELLED:
        return "".join(f"<U+{ord(character):04X}>" for character in part)
    return f"<U+{ord(part[0]):04X}{'' if len(set(part)) == 1 else '…'}×{len(part)}>"


def _parts(run: re.Match[str]) -> Iterator[tuple[str, bool]]:
    """A run of suspects as stretches, each with whether it is to be spelled out."""
    text, (start, end) = run.string, run.span()
    begun = start  # of the hidden stretch
    at = start
    while at < end:
        kept = _needed(text, at, begun == at)
        if not kept:  # what comes after it is hidden too, but for what needs nothing before it
            further = _hidden_after_hidden().match(text, at + 1, end)
            at = further.end() if further else at + 1
            continue
        if begun < at:
            yield text[begun:at], True
        yield text[at : at + kept], False
        at += kept
        begun = at
    if begun < end:
        yield text[begun:end], True


def _needed(text: str, at: int, is_seen_before: bool) -> int:
    """How many characters from here on belong where they stand; 0 where this one is to be spelled out.

    Args:
        text: The whole text.
        at: The place of a suspect.
        is_seen_before: Whether the character before it is shown as it is.
    """
    character = text[at]
    if character == "\r":
        return int(text[at + 1 : at + 2] == "\n")
    if "\ue000" <= character <= "\uf8ff" or character >= "\U000f0000":
        return _icons(text, at)
    before = text[at - 1 : at] if is_seen_before and at else ""
    after = text[at + 1 : at + 2]
    rule = _rule_of(character)
    return int((before != "" or character == _FIRST) and rule(character, before, after, text, at)) if rule else 0


_Rule = Callable[[str, str, str, str, int], int]


def _rule_of(character: str) -> _Rule | None:
    """What a character needs around it to be left alone; None for one that is always spelled out."""
    if character in "\u200c\u200d":
        return _joins
    if character in "\u200e\u200f\u061c":
        return _turns
    if character in "\ufe0e\ufe0f":
        return _varies_picture
    if "\ufe00" <= character <= "\ufe0d":
        return _varies_sign
    if "\U000e0100" <= character <= "\U000e01ef":
        return _varies_ideograph
    if character in "\u180b\u180c\u180d\u180f":
        return _varies_mongolian
    if "\U000e0020" <= character <= "\U000e007f":
        return _flies
    return _RULES.get(character)


def _joins(character: str, before: str, after: str, text: str, at: int) -> int:
    """Between pictures that make one, or beside a letter of a script that joins."""
    if character == "\u200d" and _is_picture(before) and (_is_picture(after) or after in "↔↕") and after:
        return 1
    return _is_beside(_JOINING + _FORMS[:4], before, after)


def _turns(character: str, before: str, after: str, text: str, at: int) -> int:
    """In a line that is in part written from right to left."""
    begin = max(at - _NEAR_CHARS, 0)
    line = text[max(text.rfind("\n", begin, at) + 1, begin) : at + _NEAR_CHARS].split("\n", 1)[0]
    return int(_is_alone(before, after) and _one_of(_RIGHT_TO_LEFT).search(line.replace("\u061c", "")) is not None)


def _breaks(character: str, before: str, after: str, text: str, at: int) -> int:
    """Where a line may break: at a word of a script without blanks, be the other one in that script or not."""
    return _is_beside(_UNSPACED, before, after)


def _parts_vowel(character: str, before: str, after: str, text: str, at: int) -> int:
    """Before the last vowel of a Mongolian word, and before what is put to a word."""
    return _is_beside(_MONGOLIAN + _FORMS[:4], before, after)


def _is_beside(letters: str, before: str, after: str) -> int:
    """Whether one of these letters stands before or after, and nothing else that is unseen."""
    letter = _one_of(letters)
    return int(_is_alone(before, after) and bool(letter.match(before) or letter.match(after)))


def _is_alone(before: str, after: str) -> bool:
    """Whether no other character that is unseen stands beside it, but for forms and line ends."""
    suspect = _suspects()
    return (before in _FORMS or not suspect.match(before)) and (after == "\r" or not suspect.match(after))


def _varies_picture(character: str, before: str, after: str, text: str, at: int) -> int:
    """After a symbol, or in the picture of a key."""
    import unicodedata  # a shared library, for few texts

    return int(before in "#*0123456789" or before in _TURNED or unicodedata.category(before) in ("So", "Sm", "Sk"))


def _varies_sign(character: str, before: str, after: str, text: str, at: int) -> int:
    """After an ideograph, a sign of mathematics, a mark of punctuation, or a letter of the few scripts that have such forms."""
    import unicodedata

    signs = _one_of(
        _IDEOGRAPH
        + "\u1000-\u109f\ua840-\ua877\u2018-\u201f\U00010ac0-\U00010aff\U00013000-\U0001345f\uff01-\uff1f\u3001\u3002"
    )
    return int(bool(signs.match(before)) or (not before.isascii() and unicodedata.category(before) == "Sm"))


def _varies_ideograph(character: str, before: str, after: str, text: str, at: int) -> int:
    return int(bool(_one_of(_IDEOGRAPH).match(before)))


def _varies_mongolian(character: str, before: str, after: str, text: str, at: int) -> int:
    return int(bool(_one_of(_MONGOLIAN).match(before)))


def _fills(character: str, before: str, after: str, text: str, at: int) -> int:
    """In place of one half of an old Korean syllable whose other half is there."""
    if character == "\u115f":
        return int("\u1161" <= after <= "\u11a7")
    return int("\u1100" <= before <= "\u115e" or "\ua960" <= before <= "\ua97c")


def _holds_apart(character: str, before: str, after: str, text: str, at: int) -> int:
    """Between the points of one Hebrew letter."""
    return int("\u0591" <= before <= "\u05c7")


def _flies(character: str, before: str, after: str, text: str, at: int) -> int:
    """The flag of a part of a country: a black flag, its code in tags, and the tag that ends it."""
    if before != _FLAG:
        return 0
    found = re.compile("[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f").match(text, at)
    return len(found[0]) if found else 0


_RULES: dict[str, _Rule] = {
    "\u200b": _breaks,
    "\u180e": _parts_vowel,
    "\u115f": _fills,
    "\u1160": _fills,
    "\u034f": _holds_apart,
}


def _is_picture(character: str) -> bool:
    import unicodedata

    return character == "\ufe0f" or (
        character != "" and unicodedata.category(character) in ("So", "Sk") and character > "\u2000"
    )


def _icons(text: str, at: int) -> int:
    """How many characters for private use stand here, if they are few enough for icons."""
    if _is_icon(text[at - 1 : at]):  # the run was too long where it began
        return 0
    run = re.compile(f"[{_PRIVATE}]+").match(text, at)
    return len(run[0]) if run and len(run[0]) <= _MOST_ICONS else 0


def _is_icon(character: str) -> bool:
    return character != "" and ("\ue000" <= character <= "\uf8ff" or "\U000f0000" <= character <= "\U0010fffd")
