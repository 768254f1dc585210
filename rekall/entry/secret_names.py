"""Secrets that a name or an option gives away: what is assigned to a password, sent as a credential, put on a command line.

The name is found among the bytes of the text first; only there a pattern is tried (docs/adr/0022).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rekall.entry import secret_values as values
from rekall.entry.secret_values import MASK, Span

_KEYWORDS = (b"pass", b"pwd", b"secret", b"token", b"key", b"auth", b"psk")
"""What stands in the names of secrets."""

_FOREIGN = ("ароль", "密码", "密碼", "パスワード")
"""The word password where it has other letters than those of ASCII."""

_KEYS = tuple(
    word.encode()
    for word in [
        "api",
        "access",
        "account",
        "secret",
        "auth",
        "encryption",
        "signing",
        "master",
        "private",
        "deploy",
        "app",
        "application",
        "subscription",
        "shared",
        "session",
        "hmac",
        "service",
        "server",
        "admin",
        "write",
        "function",
        "functions",
    ]
)
"""What stands before the word key, where it is one to keep."""

_KEYS_FAR = 16

_LONG = 100
"""Characters of a name and its value behind which looking goes on."""

_AFTER_PASS = frozenset(b"w_=:\"'`]|>)*\\")
_AFTER_AUTH = frozenset(b"=:\"'`\\")
_AFTER_BLANK = frozenset(b" \t=:|>\"'v")
_ENDS_OF_WORD = frozenset(b" :=\t")
_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyz")

_REST = r"""
    (?:\\?["'`\]]|\*\*|__){0,2}
    (?:[ \t]{0,20}(?::=|=>|=|:|：|\|(?!\|)|(?<!-)>)[ \t]{0,20}
      |(?<=sword)[ \t]{1,3}(?:(?:is|was|to)[ \t:]{1,3})?
      |(?<=token)[ \t]{1,3}(?=["'])
      |[ \t]{1,3}value=)
    (?:\*\*[ \t]{1,3})?
    \\{0,3}
    (?:"(?P<double>[^\s"\\]{8,400})|'(?P<single>[^\s'\\]{8,400})|`(?P<code>[^\s`\\]{8,400})
      |\*\*(?P<bold>[^\s*\\]{8,400})\*\*|(?P<plain>[^\s"'`<>,;\\]{8,400}))
"""
_ASSIGNED = re.compile(rf"(?P<name>[A-Za-z0-9_.-]{{3,50}}){_REST}", re.VERBOSE)
_ASSIGNED_ABROAD = re.compile(rf"(?P<name>\w{{1,12}}){_REST}", re.VERBOSE)
_NEXT_PARAMETER = re.compile(r"&(?=[\w.-]{1,30}=)")

_AUTHORIZATION = re.compile(
    r"authorization[\"']?[ \t]{0,3}[:=,][ \t]{0,3}[\"']?(?P<scheme>basic|bearer|token) {1,3}(?P<value>[A-Za-z0-9._~+/=-]{12,400})",
    re.IGNORECASE,
)
_USER_OPTION = re.compile(
    r"-(?:u|-user)[ =]{0,2}[\"']?[^\s:\"'`]{1,64}:(?P<value>[^\s\"'`@]{8,200})(?=[\s\"'`]|$)",
)
_PASSWORD_OPTION = re.compile(r"-p(?P<blank> ?)[\"']?(?P<value>[^\s\"'`]{8,200})")
_GLUED = re.compile(r"\b(?:mysql\w{0,12}|mariadb[\w-]{0,12}|7z[az]?)\b")
_ENDS_OF_COMMAND = re.compile("[|;]")
_APART = re.compile(r"\b(?:sshpass|docker login|podman login|helm registry login)\b")
_PROGRAMS = (b"mysql", b"mariadb", b"7z", b"sshpass", b" login")
_SIGNATURE = re.compile(r"sig=(?P<value>[A-Za-z0-9+/_-]{0,90}(?:%[0-9A-Fa-f]{2}[A-Za-z0-9+/_-]{0,60}){0,20}=?)")
_FAR = 400


def assigned(text: str, data: bytes) -> Iterator[Span]:
    """Values that a name says are secret, and that look like it.

    Args:
        text: The text.
        data: The same, a byte a character.
    """
    lower = data.lower()
    for keyword in _KEYWORDS:
        at = lower.find(keyword)
        while at >= 0:
            end = at + len(keyword)
            if _may_name(keyword, lower, at, end):
                found, span = _looked_at(keyword, text, lower, at)
                if span is not None:
                    yield span
                if found is not None and found.end() - at > _LONG:  # of a text of names each is looked at once
                    end = found.end()
            at = lower.find(keyword, end)
    if not text.isascii():
        yield from _assigned_abroad(text)
    yield from _on_command_lines(text, data)


def _may_name(keyword: bytes, lower: bytes, at: int, end: int) -> bool:
    """Whether the word there may be the name of a secret: most are other words that begin so, or words of a sentence."""
    after = lower[end] if end < len(lower) else 0
    if keyword == b"pass":
        return (
            after in _AFTER_PASS
            or lower.startswith(b"phr", end)
            or (after == ord("e") and lower[end + 1 : end + 2] != b"" and lower[end + 1] in _ENDS_OF_WORD)
        )
    if keyword == b"auth":
        return after in _AFTER_AUTH or lower.startswith(b"oriz", end)
    if after == ord(" "):
        return end + 1 < len(lower) and lower[end + 1] in _AFTER_BLANK and (keyword != b"key" or _is_kept(lower, at))
    return keyword != b"key" or (after not in _LETTERS and _is_kept(lower, at))


def _is_kept(lower: bytes, at: int) -> bool:
    """Whether the key there is one to keep, by what stands before the word."""
    return lower[max(at - _KEYS_FAR, 0) : at].rstrip(b"_.-").endswith(_KEYS)


def _looked_at(keyword: bytes, text: str, lower: bytes, at: int) -> tuple[re.Match[str] | None, Span | None]:
    """What was read at a name, and the secret it is."""
    if keyword == b"auth":
        if lower.startswith(b"oriz", at + 4):
            found = _AUTHORIZATION.match(text, at)
            return found, _credentials(found) if found else None
        found = _ASSIGNED.match(text, at)
        return found, _basic(text, at, found) if found else None
    found = _ASSIGNED.match(text, at)
    return found, _value(text, at, found) if found else None


def _value(text: str, at: int, found: re.Match[str]) -> Span | None:
    """The value of what is named at a place, when it looks like a secret."""
    before = text[max(at - 40, 0) : at]
    if MASK in before.rpartition("]")[2]:  # the name of what was masked
        return None
    group = found.lastgroup or "plain"
    value = found[group]
    if group == "plain":
        value = _NEXT_PARAMETER.split(value, maxsplit=1)[0].rstrip(".:)]}*|")
    whole_name = "".join(before[-20:].split()[-1:]) + found["name"]
    is_quoted = group in ("double", "single")
    if values.is_named_id(whole_name, value) or values.is_secret_value(found["name"], value, is_quoted=is_quoted):
        start = found.start(group)
        return Span(start, start + len(value), values.kind_of(whole_name, value))
    return None


def _basic(text: str, at: int, found: re.Match[str]) -> Span | None:
    """A user and a password in one, as Docker and npm keep them."""
    group = found.lastgroup or "plain"
    value = found[group]
    is_npm = text[at - 1 : at] == "_" and values.is_secret_value("", value, is_quoted=True)
    if found["name"].lower() != "auth" or not (is_npm or values.is_basic(value)):
        return None
    return Span(*found.span(group), "password")


def _credentials(found: re.Match[str]) -> Span | None:
    """What an Authorization header gives away."""
    is_basic, value = found["scheme"].lower() == "basic", found["value"]
    is_one = values.is_basic(value) if is_basic else values.is_secret_value("", value, is_quoted=True)
    return Span(*found.span("value"), "password" if is_basic else "token") if is_one else None


def _assigned_abroad(text: str) -> Iterator[Span]:
    for keyword in _FOREIGN:
        at = text.find(keyword)
        while at >= 0:
            end = at + len(keyword)
            found = _ASSIGNED_ABROAD.match(text, at)
            if found:
                end = found.end() if found.end() - at > _LONG else end
                span = _value(text, at, found)
                if span is not None:
                    yield Span(span.start, span.end, "password")
            at = text.find(keyword, end)


def _on_command_lines(text: str, data: bytes) -> Iterator[Span]:
    """Passwords after an option of a few programs, and signatures that open a storage."""
    if b"curl" in data:
        for found in _USER_OPTION.finditer(text):
            if text[found.start() - 1 : found.start()] in ("", " ", "\t", "\n") and _is_one(found):
                yield Span(*found.span("value"), "password")
    if b"-" in data and b" -p" in data and any(program in data for program in _PROGRAMS):
        for found in _PASSWORD_OPTION.finditer(text):
            begin = max(found.start() - _FAR, 0)
            begin = max(text.rfind("\n", begin, found.start()) + 1, begin)
            programs = _APART if found["blank"] else _GLUED
            command = _ENDS_OF_COMMAND.split(text[begin : found.start()])[-1]
            if command[-1:] in (" ", "\t") and programs.search(command) and _is_one(found):
                yield Span(*found.span("value"), "password")
    if b"&" in data and b"sig=" in data:
        for found in _SIGNATURE.finditer(text):
            near = text[max(found.start() - _FAR, 0) : found.end() + _FAR]
            if len(found["value"]) > 42 and "sv=" in near and values.is_random(found["value"]):
                yield Span(*found.span("value"), "Azure signature")


def _is_one(found: re.Match[str]) -> bool:
    return values.is_secret_value("", found["value"], is_quoted=True)
