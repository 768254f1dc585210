"""Characters that the words index spells otherwise, and how; `folding` asks only about texts that may hold one.

Forms of one letter are made equal, and runs without blanks are cut into pairs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from itertools import pairwise

_INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\u20e3\ufe00-\ufe0f\U000e0000-\U000e01ef"
"""Soft hyphens, characters without width, marks of direction, selectors of a form, the frame of a key."""

_SKIN_TONES = "\U0001f3fb-\U0001f3ff"
_POINTS = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed"
"""Hebrew and Arabic vowel signs, and the stroke that makes an Arabic word longer: most texts leave them out."""

_DROPPED = _INVISIBLE + _SKIN_TONES + _POINTS
_COMBINING = "\u0300-\u036f\u1161-\u11ff\u3099\u309a\uff9e\uff9f\u093c\u09bc\u0a3c"
"""What may make one character with the one before it: accents, vowels of Hangul, signs of kana, the dot of Indic letters."""

_WIDTHS = "\u3000\uff01-\uffef\ufb00-\ufdff\ufe30-\ufe4f\ufe50-\ufe6f\ufe70-\ufefc\U0001d400-\U0001d7ff"
"""Full and half width, ligatures, letters in their form between others, letters as mathematics prints them.

² and ½ are none of these: 10² is not 102, and 1½ is not 11/2. Nor is ™, which would lengthen the word before it.
"""
_COMPOSED = "\u0958-\u095f\u09dc-\u09df\u0a33\u0a36\u0a59-\u0a5e\u1100-\u115e\u2f00-\u2fdf\uf900-\ufaff\U0002f800-\U0002fa1f\u212a\u212b\u2126"
"""Characters that Unicode itself counts equal to others."""

_LETTERS = {
    **dict.fromkeys("ßẞ", "ss"),
    **dict.fromkeys("æÆǽǼǣǢ", "ae"),
    **dict.fromkeys("œŒ", "oe"),
    **dict.fromkeys("øØǿǾ", "o"),
    **dict.fromkeys("łŁ", "l"),
    **dict.fromkeys("đĐðÐ", "d"),
    **dict.fromkeys("þÞ", "th"),
    **dict.fromkeys("ħĦ", "h"),
    **dict.fromkeys("ıİ", "i"),
    **dict.fromkeys("ёЁ", "е"),
    **dict(zip("άέήίόύώϊϋΐΰΆΈΉΊΌΎΏΪΫ", "αεηιουωιυιυαεηιουωιυ")),
    **dict.fromkeys("أإآٱ", "ا"),
    "ى": "ي",
    "ة": "ه",
    **dict.fromkeys("\u2010\u2011\u2212", "-"),
}
"""Letters that people write in two ways, and hyphens that look like the one on the keyboard."""

_BORDERS = "\u3040-\u3096\u309d-\u30ff\u3005-\u3007\u3105-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U000323af"
_SOUTHERN = "\u0e01-\u0e30\u0e32-\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2-\u0eb3\u0ebd-\u0ec6\u0edc-\u0edf\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065-\u1066\u106e-\u1070\u1075-\u1081\u108e\u1780-\u17b3\u17d7\u17dc"
_SIGNS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd"
"""Vowels, tones and stacked letters of Thai, Lao, Burmese and Khmer: they stand with the letter before them."""

_LETTER = f"[{_BORDERS}{_SOUTHERN}](?:[\u17d2\u1039][{_SOUTHERN}]|[{_SIGNS}])*|[{_SIGNS}]+"
_PICTURES = "\u231a\u231b\u2328\u23cf\u23e9-\u23fa\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
_FLAG_LETTERS = "\U0001f1e6-\U0001f1ff"

_SPECIAL = f"{_DROPPED}{_COMBINING}{_WIDTHS}{_COMPOSED}{''.join(_LETTERS)}"
_SPECIALS = re.compile(f"[{_SPECIAL}]+")
_COMBINES = re.compile(f"[{_COMBINING}]")
_MAY_BE_CUT = re.compile("[\u0e01-\u17ff\u231a-\uffff\U0001f000-\U000323af]+")
"""Where what is cut lies, roughly: the exact sets take 2 ms each to make, and are slow to look for in a whole text."""
_LEFT_OUT = re.compile(f"[{_DROPPED}\u0300-\u036f\u3099\u309a]")
_TABLE = str.maketrans(_LETTERS)

_PICTURE_WORDS = 0xF0000
"""Pictures are no words to FTS5; characters of the second private plane are."""

_SHORT = 4
"""Characters of a run worth to be remembered: pictures, single words; most longer runs come once."""

Piece = tuple[str, int, int]
"""A text that stands for the characters from the first place to the second."""


Placed = tuple[str, Sequence[int], Sequence[int]]
"""A text, and for each of its characters where it began and ended in the text as it was."""


def spelt(text: str, *, indexing: bool) -> str:
    """A text as the words index spells it; see `folding.fold`."""
    if _SPECIALS.search(text):
        text = _joined(text, ((start, end, _spelt(text[start:end])) for start, end in _special_runs(text)))
    if _MAY_BE_CUT.search(text):
        text = _MAY_BE_CUT.sub(lambda found: _cut_run(found[0], indexing), text)
    return text


def spelt_in_place(text: str) -> Placed:
    """The same, with the places that the characters come from."""
    placed: Placed = text, range(len(text)), range(1, len(text) + 1)
    if _SPECIALS.search(text):
        runs = _special_runs(text)
        placed = _replaced(placed, ((start, end, [(_spelt(text[start:end]), start, end)]) for start, end in runs))
    if _MAY_BE_CUT.search(placed[0]):
        placed = _replaced(placed, ((*found.span(), _cut(found, indexing=False)) for found in _to_cut(placed[0])))
    return placed


def is_lone(word: str) -> bool:
    """Whether a word is a single character of a script without blanks, with its signs."""
    return _letters().fullmatch(word) is not None


@cache
def _cuts() -> re.Pattern[str]:
    """Finds runs without blanks, flags and pictures."""
    return re.compile(f"(?P<run>(?:{_LETTER})+)|[{_FLAG_LETTERS}]{{2}}|[{_PICTURES}]")


@cache
def _letters() -> re.Pattern[str]:
    """Finds the letters of such runs, each with its signs."""
    return re.compile(f"(?:{_LETTER})")


def _special_runs(text: str) -> Iterator[tuple[int, int]]:
    """Where runs of special characters begin and end, the character that the first sign combines with included."""
    for found in _SPECIALS.finditer(text):
        start, end = found.span()
        yield start - 1 if start and _COMBINES.match(text, start) else start, end


def _to_cut(text: str) -> Iterator[re.Match[str]]:
    """Runs without blanks, flags and pictures."""
    cuts = _cuts()
    for rough in _MAY_BE_CUT.finditer(text):
        yield from cuts.finditer(text, *rough.span())


@lru_cache(maxsize=1024)
def _spelt(run: str) -> str:
    """A run of characters that need it, spelt the common way."""
    whole = unicodedata.normalize("NFKC", _without(_DROPPED_ONLY, run))
    return _without(_LEFT_OUT, whole.translate(_TABLE))


_DROPPED_ONLY = re.compile(f"[{_DROPPED}]")


def _without(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub("", text)


def _cut(found: re.Match[str], indexing: bool) -> list[Piece]:
    """A run in pairs, or a picture as a word of its own."""
    start, end = found.span()
    if found["run"] is None:
        word = "".join(chr(_PICTURE_WORDS + (ord(character) & 0xFFFF)) for character in found[0])
        return [(" ", start, start), (word, start, end), (" ", end, end)]
    letters = [each.span() for each in _letters().finditer(found[0])]
    spans = [(first[0], second[1]) for first, second in pairwise(letters)]
    if indexing or not spans:
        spans.append(letters[-1])
    pieces: list[Piece] = [(" ", start, start)]
    for first, last in spans:
        pieces += [(found[0][first:last], start + first, start + last), (" ", start + last, start + last)]
    return pieces


def _cut_run(run: str, indexing: bool) -> str:
    return _cut_short(run, indexing) if len(run) <= _SHORT else _cut_all(run, indexing)


def _cut_all(run: str, indexing: bool) -> str:
    """A run of what may be cut, with what is cut in it."""
    return _cuts().sub(lambda found: "".join(piece for piece, _, _ in _cut(found, indexing)), run)


_cut_short = lru_cache(maxsize=1024)(_cut_all)


def _joined(text: str, changes: Iterable[tuple[int, int, str]]) -> str:
    """A text with stretches of it replaced."""
    parts: list[str] = []
    done = 0
    for start, end, other in changes:
        parts += (text[done:start], other)
        done = end
    parts.append(text[done:])
    return "".join(parts)


def _replaced(placed: Placed, changes: Iterable[tuple[int, int, Iterable[Piece]]]) -> Placed:
    """A text with stretches of it replaced, still knowing where everything comes from."""
    text, starts, ends = placed
    parts: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []

    def keep(first: int, last: int) -> None:
        parts.append(text[first:last])
        new_starts.extend(starts[first:last])
        new_ends.extend(ends[first:last])

    done = 0
    for start, end, pieces in changes:
        keep(done, start)
        for piece, first, last in pieces:
            parts.append(piece)
            if len(piece) == last - first:  # character by character
                new_starts.extend(starts[first:last])
                new_ends.extend(ends[first:last])
            else:
                whole = (starts[first] if first < len(starts) else len(starts), ends[last - 1] if last else 0)
                new_starts.extend([whole[0]] * len(piece))
                new_ends.extend([whole[1]] * len(piece))
        done = end
    keep(done, len(text))
    return "".join(parts), new_starts, new_ends
