"""Bytes of a file as text, whatever encoding an editor or a shell wrote them in."""

from __future__ import annotations

import codecs
import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from rekall.errors import InvalidInput
from rekall.system.replacing import read_patiently

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks; the longer ones first where one begins another."""

_NO_TEXT = re.compile("[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd\ue000-\uf8ff]")
"""Control characters that no text holds, and what stands for bytes that are none; escape sequences may be pasted."""

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f\ufffd]")
_STRAYS = re.compile("[\udc80-\udcff]+")
_CUT = re.compile("\\A[\udc80-\udcbf]{1,3}|[\udcc2-\udcf4][\udc80-\udcbf]{0,2}\\Z")

_NO_LETTERS = bytes({*range(32)} - {*b"\t\n\f\r\x1b"})
"""What stands in no text."""

HEAD_BYTES = 64 * 1024
"""Bytes by which the encoding of a text is told that is read piece by piece."""

_LOOKED_AT = HEAD_BYTES
"""Bytes from which an unknown encoding is guessed."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text, and the encoding it was found in.

    Attributes:
        text: Lines end in a line feed; there is no byte order mark, and no NUL.
        encoding: Its name: "utf-8", "utf-16-le", "cp1252".
        is_guess: Whether nothing but the text itself spoke for that encoding.
    """

    text: str
    encoding: str
    is_guess: bool = False

    @property
    def said(self) -> str:
        """How an encoding that is not plain UTF-8 is told, behind "it is"."""
        if self.encoding == "utf-8":
            return "not all UTF-8: some bytes of it are guessed"
        return f"not UTF-8: it is read as {self.encoding}"


def decoded(data: bytes) -> Decoded:
    """A file's bytes as text.

    Raises:
        InvalidInput: They are no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _as(data[len(mark) :], encoding)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(data)
    if "\0" in text:
        return _guessed(data)
    return Decoded(_lines(text), "utf-8")


def text_of(path: Path) -> str:
    """What a text file of a person's own says, in whatever encoding an editor saved it.

    Raises:
        InvalidInput: It is no text.
        OSError: It cannot be read.
    """
    return decoded(read_patiently(path.read_bytes, path)).text


def _as(data: bytes, encoding: str) -> Decoded:
    """Bytes whose encoding is known; what does not fit it becomes U+FFFD."""
    return Decoded(_lines(data.decode(encoding, "replace").replace("\0", "\ufffd")), encoding)


def _guessed(data: bytes) -> Decoded:
    wide = _wide(data)
    if wide:
        return Decoded(_as(data, wide).text, wide, is_guess=True)
    if b"\0" in data:
        if _is_text_with_slips(data):
            kept = decoded(data.replace(b"\0", "\ufffd".encode()))
            return Decoded(kept.text, kept.encoding, is_guess=True)
        raise InvalidInput("it is no text: it holds NUL bytes", "a binary file cannot be imported")
    text = _mostly_utf8(data)
    if text:
        return Decoded(_lines(text), "utf-8", is_guess=True)
    from rekall.system.code_pages import code_page_of  # its patterns take longer than most texts

    encoding = code_page_of(data)
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        text = data.decode("utf-8", "replace")
        encoding = "utf-8"
    text = _lines(text.replace("\0", "\ufffd"))
    if len(_NO_TEXT.findall(text[:_LOOKED_AT])) > len(text[:_LOOKED_AT]) / 50:
        raise InvalidInput("it is no text", "a binary file cannot be imported")
    return Decoded(text, encoding, is_guess=True)


def _is_text_with_slips(data: bytes) -> bool:
    """Whether a few NULs strayed into what is a text otherwise."""
    strange = sum(data.count(letter) for letter in _NO_LETTERS)
    return data.count(b"\0") <= len(data) // 1000 or (strange <= len(data) // 10 and _is_utf8(data))


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _mostly_utf8(data: bytes) -> str:
    """The text of bytes that are UTF-8 but for a few strays, which are read as Windows has them; empty for others.

    By chance, bytes of another encoding seldom follow each other as those of a letter in UTF-8 must, and never four times as
    often as not. A letter that a cut left half of at either end is U+FFFD.
    """
    with contextlib.suppress(UnicodeDecodeError):  # some programs write the two halves of UTF-16 as a letter each
        return data.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text = data.decode("utf-8", "surrogateescape")
    whole = _CUT.sub("\ufffd", text)
    strays = [len(run) for run in _STRAYS.findall(whole)]
    letters = len(_BEYOND_ASCII.findall(whole)) - sum(strays)
    if not letters or letters < max(2 if len(strays) == 1 else 4 * len(strays), sum(strays)):
        return ""
    return whole.encode("utf-8", "surrogateescape").decode("utf-8", STRAY)


def _wide(data: bytes) -> str:
    """UTF-16 without a mark, known by the NULs of its Latin letters or blanks. Empty for anything else."""
    if len(data) < 4 or len(data) % 2 or b"\0" not in data[:_LOOKED_AT]:
        return ""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data[:_LOOKED_AT].decode(encoding)
        except UnicodeDecodeError:
            continue
        usual = sum(" " <= letter < "\u2100" or letter in "\t\r\n" for letter in text)
        if usual >= 0.97 * len(text):
            return encoding
    return ""


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def encoding_of(head: bytes) -> str:
    """The encoding of a file by its first bytes. Raises InvalidInput where they are no text."""
    try:
        head.decode()
        is_utf8 = True
    except UnicodeDecodeError as error:
        is_utf8 = error.start >= len(head) - 4 and len(head) == HEAD_BYTES  # a letter that the end cuts
    if is_utf8 and b"\0" not in head:
        return "utf-8"
    encoding = decoded(head[: len(head) // 4 * 4]).encoding
    return "utf-8" if encoding == "utf-8" else encoding


def _as_western(error: UnicodeError) -> tuple[str, int]:
    """A stray byte among UTF-8, as Windows has it in Western Europe."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


STRAY = "rekall.stray"
"""How bytes that are no UTF-8 are decoded where a text is not known to its end."""

codecs.register_error(STRAY, _as_western)
