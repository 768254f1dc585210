"""Bytes of a file as text, whatever encoding an editor or a shell wrote them in."""

from __future__ import annotations

import codecs
import contextlib
import re
from dataclasses import dataclass, replace
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

_USUAL = re.compile(
    "[\t\r\n\x0c\x1b\x20-\x7e\xa0-\u052f\u0590-\u06ff\u0900-\u0dff\u0e01-\u0e5b\u1e00-\u1fff\u2010-\u205f\u20a0-\u20bf\u2190-\u21ff\u2500-\u257f"
    "\u3001-\u303f\u3041-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff01-\uffee]"
)
"""What texts are made of; of units whose bytes are the wrong way round few are that."""

_HOLE = re.compile(rb"\0+")
_FEW_HOLES = 2
"""A power cut leaves a stretch of NULs in a log, or behind its end."""

_PLAIN = re.compile(rb"[A-Za-z0-9 \r\n.,:;/_-]")

_OF_MAIL = re.compile(r"\x1b\$[@B](?:[!-~]{2})+(?:\x1b\([BJ])?")
"""Japanese in mails: ISO-2022-JP, which is all of ASCII."""

_ENDS_OF_LINES = (b"\n\0", b"\0\n")
_WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

_NO_LETTERS = bytes({*range(32)} - {*b"\t\n\f\r\x1b"})
"""What stands in no text."""

_MOST_STRANGE = 0.25
"""The share of lines that are no text in what is one."""

_STRETCH = "\ufffd".encode()

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
        left_out_bytes: Of stretches that are no text; U+FFFD stands for each.
    """

    text: str
    encoding: str
    is_guess: bool = False
    left_out_bytes: int = 0

    @property
    def said(self) -> str:
        """How an encoding that is not plain UTF-8 is told, behind "it is"."""
        if self.left_out_bytes:
            return f"not all text: {self.left_out_bytes:,} bytes of it are left out"
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
            return _of_two(data, encoding) or _as(data[len(mark) :], encoding)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _guessed(data)
    if "\0" in text:
        return _guessed(data)
    if "\x1b$" in text:
        with contextlib.suppress(UnicodeDecodeError):
            of_mail = _OF_MAIL.sub(lambda found: found.group().encode().decode("iso2022_jp_2"), text)
            return Decoded(_lines(of_mail), "utf-8" if of_mail == text else "iso2022_jp", is_guess=of_mail != text)
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
    wide, two = _wide(data), _of_two(data) if b"\0" in data else None
    if two:
        return two
    if wide:
        return Decoded(_as(data, wide).text, wide, is_guess=True)
    if b"\0" in data:
        if len(_HOLE.findall(data)) <= _FEW_HOLES:
            data = _HOLE.sub(b"\0", data.rstrip(b"\0") or data)
        if _is_text_with_slips(data):
            return replace(decoded(data.replace(b"\0", _STRETCH)), is_guess=True)
        return _between_stretches(data, "it is no text: it holds NUL bytes")
    text = _mostly_utf8(data)
    if text:
        return Decoded(_lines(text), "utf-8", is_guess=True)
    text, encoding = _in_a_code_page(data)
    text = _lines(text.replace("\0", "\ufffd"))
    if len(_NO_TEXT.findall(text[:_LOOKED_AT])) > len(text[:_LOOKED_AT]) / 50:
        return _between_stretches(data, "it is no text")
    return Decoded(text, encoding, is_guess=True)


def _between_stretches(data: bytes, why_not: str) -> Decoded:
    """A text in which somebody printed a binary file: its lines without those that are none.

    Raises:
        InvalidInput: It does not begin as a text, or is not one for the most part.
    """
    lines = data.split(b"\n")
    strange = [_is_strange(line) for line in lines]
    first = strange.index(True) if any(strange) else 0
    for number in range(first + 1, len(lines) - 1):  # between two of them a few bytes may look like letters
        strange[number] |= strange[number - 1] and strange[number + 1] and not _is_utf8(lines[number])
    left_out = sum(len(line) + 1 for line, is_strange in zip(lines, strange) if is_strange)
    if not first or left_out > len(data) * _MOST_STRANGE:
        raise InvalidInput(why_not, "a binary file cannot be imported")
    kept = [
        _STRETCH if is_strange else line
        for line, is_strange, before in zip(lines, strange, [False, *strange])
        if not (is_strange and before)
    ]
    return replace(decoded(b"\n".join(kept)), is_guess=True, left_out_bytes=left_out)


def _is_strange(line: bytes) -> bool:
    """Whether a line is none of a text."""
    return b"\0" in line or sum(line.count(letter) for letter in _NO_LETTERS) > len(line) / 20


def _is_text_with_slips(data: bytes) -> bool:
    """Whether a few NULs strayed into what is a text otherwise."""
    strange = sum(data.count(letter) for letter in _NO_LETTERS)
    begins = not any(letter in _NO_LETTERS for letter in data[:8].strip(b"\0"))  # archives do not
    return (data.count(b"\0") <= len(data) // 1000 and begins) or (strange <= len(data) // 10 and _is_utf8(data))


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


def _in_a_code_page(data: bytes) -> tuple[str, str]:
    """The text of bytes that are no UTF-8, with the name of its encoding; lines of it that are UTF-8 stay that."""
    from rekall.system.code_pages import code_page_of, is_of_single_bytes  # its patterns take longer than most texts

    lines = data.split(b"\n")
    others = [line for line in lines if not _is_utf8(line)]
    encoding = code_page_of(b"\n".join(others))
    try:
        if len(others) == len(lines) or not is_of_single_bytes(encoding):
            return data.decode(encoding), encoding
        return "\n".join(line.decode("utf-8" if _is_utf8(line) else encoding) for line in lines), encoding
    except (UnicodeDecodeError, LookupError):
        return data.decode("utf-8", "replace"), "utf-8"


def _wide(data: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, known by the NULs of its Latin letters, blanks and ends of lines. Empty for others."""
    head = data[: min(len(data), _LOOKED_AT) // 4 * 4]
    if b"\0" not in head:
        head = data[: min(len(data), _LOOKED_AT) // 2 * 2]
        if len(data) < 4 or b"\0" not in head:
            return ""
    for encoding in ("utf-32-le", "utf-32-be"):
        with contextlib.suppress(UnicodeDecodeError):  # of which nothing else can be decoded by chance
            if len(head) >= 8 and "\0" not in head.decode(encoding):
                return encoding
    head = data[: min(len(data), _LOOKED_AT) // 2 * 2]
    for encoding in ("utf-16-le", "utf-16-be"):
        text = head.decode(encoding, "replace")  # a pair may be cut
        if len(_USUAL.findall(text)) >= 0.97 * len(text) - (len(data) > len(head)):
            return encoding
    return ""


def _of_two(data: bytes, wide: str = "") -> Decoded | None:
    """The text of a file that one program began in UTF-16 and another one went on with in bytes, or the other way round.

    Args:
        data: The file.
        wide: The encoding of its beginning, where a mark says it.
    """
    for encoding in [wide] if wide else ["utf-16-le", "utf-16-be"]:
        at = data.rfind(b"\0") + (1 if encoding.endswith("le") else 2)  # behind the end of a line
        rest = data[at:]
        is_wide = encoding == wide.replace("32", "16") or _wide(data[:at]) == encoding
        if at % 2 == 0 and is_wide and b"\n" in rest and _is_plain(rest) and data[:at].endswith(_ENDS_OF_LINES):
            return Decoded(_as(data[:at], encoding).text + decoded(rest).text, encoding, is_guess=True)
    first = data.find(b"\0")
    at = max(data.rfind(b"\n", 0, first) + 1, data.rfind(codecs.BOM_UTF16_LE, 0, first))
    if not wide and at > 0 and _is_plain(data[:at]) and (data[at:].startswith(_WIDE_MARKS) or _wide(data[at:])):
        begun = decoded(data[:at])
        return Decoded(begun.text + decoded(data[at:]).text, begun.encoding, is_guess=True)
    return None


def _is_plain(data: bytes) -> bool:
    """Whether bytes are mostly Latin letters, a byte each."""
    return len(_PLAIN.findall(data)) >= max(4, 0.8 * len(data))


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
