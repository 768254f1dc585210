"""Which code page a text of other bytes than UTF-8 was written in: the one by which it reads most like a language.

A page is tried by decoding with it. Letters that stand among plain ones have to be of one language, and each letter and mark
in its place; of other alphabets, and of pages of two bytes a letter, the frequent ones have to be frequent.
"""

from __future__ import annotations

import codecs
import re
import sys
import unicodedata
from collections.abc import Callable, Mapping

from rekall.system import alphabets

_LOOKED_AT = 64 * 1024
"""Bytes that are looked at."""

_SAMPLE_BYTES = 4096
"""How much of the lines that have other bytes than ASCII is decoded with every page."""

_LEAST = 0.25
"""Below this a text reads like no language here."""

_WRONG = -2.0
_STRANGE = -1.0
_ODD = -0.3
"""For what is seldom, and decides between pages that fit as well otherwise."""

_DRAWN = "─│┌┐└┘├┤┬┴┼═║╔╗╚╝╠╣╦╩╬░▒▓█▄▀■"
_DRAWING = "(?:[─│┌┐└┘├┤┬┴┼]+|║|[═║╔╗╚╝╠╣╦╩╬]{2,}|[░▒▓█▄▀■]+)"
"""Of one kind, as lines of trees and tables are."""

_IN_PLACE = re.compile(
    "|".join(
        (
            r"(?<!\w)[“„‘«¿¡](?=\s?\S)",
            r"(?<=\S)[”“«](?!\w)|(?<=\S)\s?»(?!\w)|(?<![^\n])»(?= )",
            r"(?<!\w)»(?=[^\s»][^»«\n]{0,200}«)",  # German
            r"(?<!\w)(?P<same>[”’])(?=[^\s”’][^”’\n]{0,200}(?P=same))",  # Swedish, Finnish
            r"(?<=\S)’",
            r"(?<=\S)[–—](?=\S)|(?<![^\W\d_])[–—](?![^\W\d_])|(?<!\S)[–—](?=\S)",  # the last: an option, after an editor mended it
            r"…(?!\w)",
            r"\xa0(?! )|(?<![^\W\dA-Z_])\xa0",
            r"(?<!\w)[£€§°·•©®™№¬](?![^\W\d_])|(?<=\w)[©®™](?!\w)|(?<=\d)[£€°§]",
            r"(?<!\w)°[CFK]\b|(?<![^\W\d_])µ(?=[A-Za-z]{1,3}\b)",
            r"(?<=[A-Za-z\d])[²³¹](?!\w)|(?<=\d)[ºª½¼¾](?!\w)|(?<!\w)[±×÷½¼¾](?![^\W\d_])",
            r"(?<=\d)[×÷](?=\d)|(?<=[A-Za-z])·(?=[A-Za-z])",
            rf"(?<![^\W\d_{_DRAWN}]){_DRAWING}(?![{_DRAWN}])|(?<![{_DRAWN}]){_DRAWING}(?![^\W\d_{_DRAWN}])",
        )
    )
)
"""A mark where it makes sense: no quotation mark inside a word."""

_IN_DOUBT = re.compile(r"(?<=[^\W\dA-Z_])\xa0(?= )")
"""As likely the last letter of a word in another page."""

_ALONE = re.compile(r"(?<!\S)[^\W\d_](?!\S)")
_WORD_OF_ONE = re.compile(
    r"(?<=\S )[àáåèéíóöő](?= \S|$)|(?:^[àáåèéíóöőÀÁÅÈÉÍÓÖŐ]|(?<=[.!?:] )[ÀÁÅÈÉÍÓÖŐ])(?= \S)", re.MULTILINE
)
"""One that a language written with these letters has, in a sentence."""

_VOWELS = frozenset("aeiouæœøı")
_CONSONANTS = frozenset("bcdfghjklmnpqrstvwxzłđðþß")  # y is either
_DIAERESIS = "\u0308"
"""Which sets vowels apart."""

_SPECIAL = re.compile(r"[^\x00-\x7f]")
_WORD = re.compile(r"(?:[^\W\d_²³¹½¼¾ªºµ]|[\u0300-\u036f\u064b-\u0652\u0e31-\u0e4e])+")
_NO_TEXT = re.compile("[\x80-\x84\x86-\x9f\ufffd\ue000-\uf8ff]")


def code_page_of(data: bytes) -> str:
    """The code page of bytes that are neither UTF-8 nor UTF-16, as Python calls it.

    Where several read as well, what this system itself writes comes first, and then what is most used.
    """
    head = data[:_LOOKED_AT]
    special = (line for line in head.splitlines() if not line.isascii())  # no page has a half of a letter end a line
    sample = b"\n".join(special)[:_SAMPLE_BYTES]
    best, most = "", _LEAST
    for page in dict.fromkeys((*_of_this_system(), *alphabets.PAGES, *_OF_TWO_BYTES)):
        fit = _fit(sample, page)
        if fit > most:
            best, most = page, fit
    return best or _by_statistics(head) or "cp1252"


def is_of_single_bytes(page: str) -> bool:
    """Whether each byte of a page is a letter of its own."""
    return page in alphabets.PAGES


def _fit(sample: bytes, page: str) -> float:
    """How much a text reads like one of the languages that are written in a page, at most 1."""
    try:
        text = codecs.getincrementaldecoder(page)().decode(sample)  # the end of a sample may be cut
    except UnicodeDecodeError:
        return _WRONG
    special = _SPECIAL.findall(text)
    if not special:
        return _WRONG
    if page in _OF_TWO_BYTES:
        return sum(map(_OF_TWO_BYTES[page], special)) / len(special)
    return _fit_of_letters(text, len(special), alphabets.PAGES[page])


def _fit_of_letters(text: str, count: int, written: tuple[alphabets.Alphabet, ...]) -> float:
    words = [word for word in _WORD.findall(text) if not word.isascii()]
    if written is not alphabets.WESTERN and not any(len(word) > 1 or not written[0].usual for word in words):
        return _WRONG  # marks and lone letters speak for no language, and most are written where they are few
    marks = count - sum(len(_SPECIAL.findall(word)) for word in words)
    in_place = len(_SPECIAL.findall("".join(found.group() for found in _IN_PLACE.finditer(text))))
    in_doubt = len(_IN_DOUBT.findall(text))
    of_marks = min(in_place, marks) + 0.5 * in_doubt + _WRONG * max(0, marks - in_place - in_doubt)
    of_marks += _WRONG * len(_NO_TEXT.findall(text))
    if not written[0].usual:
        alone = [found.start() for found in _ALONE.finditer(text) if not found.group().isascii()]
        of_marks += _ODD * sum(not _WORD_OF_ONE.match(text, at) for at in alone)
    together = frozenset().union(*(each.letters for each in written))
    return max(of_marks + sum(_fit_of_word(word, each, together) for word in words) for each in written) / count


def _fit_of_word(word: str, alphabet: alphabets.Alphabet, together: frozenset[str]) -> float:
    """What the letters of a word that are none of ASCII speak for a language, those of its neighbours' a little."""
    plain = sum(letter.isascii() for letter in word)
    special = len(word) - plain
    if (plain and alphabet.usual) or (not alphabet.usual and special > plain + 2):
        return _STRANGE * special
    fit, before = _ODD * _count_odd(word) if not alphabet.usual else 0.0, " "
    weight = 0.8 if alphabet.usual and len(word) > 1 and word.isupper() else 1.0
    for at, letter in enumerate(word):
        if not letter.isascii():
            small = letter.lower()
            if small not in together or (letter.isupper() and before.islower()):
                fit += _WRONG
            elif letter.islower() and letter != "ß" and at > 1 and word[at - 2 : at].isupper():
                fit += _STRANGE
            else:
                fit += weight * (alphabet.fit_of(small) if small in alphabet.letters else 0.3 * (not alphabet.usual))
        before = letter
    return fit


def _count_odd(word: str) -> int:
    """How many of the letters beyond ASCII are consonants between consonants, or vowels between vowels."""
    if len(word) < 3:
        return 0
    parts = [unicodedata.normalize("NFD", letter) for letter in word.lower()]
    return sum(
        {parts[at - 1][0], parts[at][0], parts[at + 1][0]} <= alike
        for at in range(1, len(word) - 1)
        if not word[at].isascii()
        for alike in ((_CONSONANTS,) if _DIAERESIS in parts[at] else (_CONSONANTS, _VOWELS))
    )


def _of_chinese(usual: frozenset[str], base: str, last_lead: int) -> Callable[[str], float]:
    def fit(letter: str) -> float:
        if letter in usual:
            return 1.0
        try:
            lead = letter.encode(base)[0]
        except UnicodeEncodeError:
            return _STRANGE
        if "\u4e00" <= letter <= "\u9fff":
            return 0.5 if lead <= last_lead else _STRANGE  # the first half are those that are used
        return 0.6 if letter in _PUNCTUATION else _STRANGE

    return fit


def _of_japanese(letter: str) -> float:
    if "\u3041" <= letter <= "\u30fe":
        return 1.0
    if letter in _PUNCTUATION:
        return 0.6
    if letter in alphabets.USUAL_KANJI:
        return 0.9
    try:
        lead = letter.encode("shift_jis")[0]
    except UnicodeEncodeError:
        return _STRANGE
    return 0.5 if 0x88 <= lead <= 0x97 else _STRANGE


def _of_korean(letter: str) -> float:
    if letter in alphabets.USUAL_HANGUL:
        return 1.0
    if "\uac00" <= letter <= "\ud7a3":
        return 0.3
    return 0.6 if letter in _PUNCTUATION else _STRANGE


_PUNCTUATION = frozenset(
    "、。，．・：；？！“”‘’（）「」『』【】《》〈〉—…～·　" + "".join(map(chr, range(0xFF10, 0xFF5B)))
)

_OF_TWO_BYTES: Mapping[str, Callable[[str], float]] = {
    "gb18030": _of_chinese(alphabets.USUAL_SIMPLIFIED, "gb2312", 0xD7),
    "cp932": _of_japanese,
    "cp949": _of_korean,
    "cp950": _of_chinese(alphabets.USUAL_TRADITIONAL, "big5", 0xC6),
    "euc_jis_2004": _of_japanese,
}
"""By page, what a letter speaks for it."""

_AS_NAMED_HERE = {"gbk": "gb18030", "big5": "cp950"}


def _of_this_system() -> list[str]:
    """The code pages in which programs of this Windows write: windows', and the console's."""
    if sys.platform != "win32":
        return []
    import ctypes

    system = ctypes.windll.kernel32
    named = [f"cp{page}" for page in (system.GetACP(), system.GetOEMCP())]
    named = [_AS_NAMED_HERE.get(page, page) for page in ("gbk" if page == "cp936" else page for page in named)]
    return [page for page in named if page in alphabets.PAGES or page in _OF_TWO_BYTES]


def _by_statistics(data: bytes) -> str:
    from charset_normalizer import from_bytes

    unlikely = ["utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_7"]
    best = from_bytes(data, cp_exclusion=unlikely).best()
    return best.encoding if best else ""
