"""What tells a secret from a placeholder: how random a value is, and what people write where a secret would stand."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import math
import re
from collections import Counter
from dataclasses import dataclass

MASK = "[masked: "
"""How what stands in the place of a secret begins."""

LEAST_PASSWORD = 8
"""Characters below which nothing is taken for a secret."""

LONGEST_KEY = 20_000
"""Characters of a private key in armour."""

_MOST_LOOKED_AT = 256
"""Characters of a value that are looked at to tell how random it is."""

JWT = re.compile(r"(eyJ[A-Za-z0-9_-]{10,2000})\.(eyJ[A-Za-z0-9_-]{10,8000})\.([A-Za-z0-9_-]{10,2000})(?![A-Za-z0-9])")
DISCORD = re.compile(r"([MNO][A-Za-z0-9_-]{23,27})\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}(?![A-Za-z0-9_-])")
NUMBERS = re.compile(r"(?<![\w/])\d[\d/]{0,45}:(?=$|[A-Za-z0-9])")
AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
USERINFO = re.compile(
    r"(?P<user>[^\s/?#@:'\"<>`]{0,64}):(?P<password>[^\s/?#@'\"<>`]{3,256})@(?P<host>[^\s/?#@'\"`)>\]]{1,255})"
)
BARE_USER = re.compile(
    r"(?P<user>[A-Za-z0-9_~.-]{20,255})@(?P<host>[^\s/?#@'\"`)>\]]{1,255})(?P<number>/\d{1,20}(?!\w))?"
)
"""A token in the place of a user: `https://TOKEN@host`."""

_ARMOUR = r"(?:\\r|\\n|[\s>|*#]|\\){0,20}"
KEY_BODY = re.compile(
    r"[A-Za-z0-9+/=]{0,2000}(?:(?:\\r|\\n|[\s>|*#]){1,20}[A-Za-z0-9+/=]{16,80}(?=\s|\\|[\"']|$)){0,400}"
)
"""What follows the beginning of a key whose end is not there."""

PRIVATE_KEYS = (
    (
        re.compile(
            rf"-----BEGIN (?:[A-Z0-9]{{1,12}} ){{0,3}}PRIVATE KEY(?: BLOCK)?-----{_ARMOUR}"
            rf"(?:[A-Z][A-Za-z-]{{2,20}}: [^\n\\]{{1,200}}{_ARMOUR}){{0,6}}[A-Za-z0-9+/=]{{32,80}}"
        ),
        re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        "private key",
    ),
    (
        re.compile(
            r"PuTTY-User-Key-File-\d: [^\n]{3,40}\n(?:[^\n]{0,200}\n){1,60}?Private-Lines: \d{1,3}\r?\n[A-Za-z0-9+/=]{16,80}"
        ),
        re.compile(r"Private-MAC: [0-9a-f]{40,64}"),
        "private key",
    ),
)

_MADE_UP = re.compile(
    r"example|x{4}|\*{3}|\.{3}|your|placeholder|redacted|dummy|sample|replace|changeme|insert|12345678|abcdefg|deadbeef|e29b-41d4-a716|123e4567|0{8}|1{8}|masked",
    re.IGNORECASE,
)
"""What people write in the place of a token; too long to stand in a random one."""

_NO_PASSWORD = re.compile(
    r"pass|secret|s3cr3t|token|api.?key|my.?key|test|fake|foo|bar|hunter2|1234|abcd|qwert|letmein|none|null|undefined|change.?me|admin|root|user|guest|default|demo|local|xxx|hash|encrypted|^\W+$",
    re.IGNORECASE,
)
"""What people write in the place of a password."""

_CODE = re.compile(
    r"[(){}\[\]$|]|->|::|%[sdv(]|&&|==|://|^(?:\.{1,2}/|~|#|@|%|arn:|sha\d+[-:]|projects/)|^[\w-]+(?:\.[A-Za-z_]\w*)+$"
)
"""What stands where a value is computed, looked up or left out; paths and addresses."""

_TEMPLATE = re.compile(
    r"\$[{(]|\$(?:[A-Z_]{3,}|[a-z_]{4,})|^\$|\{\{|#\{|<%|^<.*>$|%[({]|%[sdv]\b|^%|\{(?:[a-z_]{3,}|\d?)\}|\(\)|^[\w.]+[\[(][\w.,'-]*[\])]$|->|://|^[({\[].*[)}\]]$"
    r"|^(?:\.{1,2}/|~/|#|@|arn:|sha\d+[-:]|projects/)|^[\w-]+(?:\.[A-Za-z_]\w*)+$"
)
"""The same in quotes, where a bracket or a dollar may as well be a part of a password."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]{32,}")

_OTHER_NAME = re.compile(
    r"(?:file|path|name|dir|folder|ur[il]|id|type|arn|length|size|hash|field|label|ref|i[sz]er?|board|count|policy|version|store|ring|code)s?$|^(?:keyb|keyw|keyf|keyr)",
    re.IGNORECASE,
)
"""How names end of what is about a secret and none itself: password_file, token_type, secretName."""

_NAME_OF_ID = re.compile(r"(?:api|access|auth|secret)[_.-]?(?:key|token)$|password$", re.IGNORECASE)
"""Names of secrets that some vendors make as UUIDs, such as Heroku and older npm."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_LOCAL_HOST = re.compile(
    r"(?:localhost|127\.|0\.0\.0\.0|\[::1|host\b|(?:[\w-]+\.)*(?:example|test|invalid)(?:\.\w+)?(?::|$))", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a secret stands in a text, and what it is."""

    start: int
    end: int
    kind: str


def is_made_up(value: str) -> bool:
    """Whether somebody wrote it to stand for a token: it says so, repeats itself, or counts."""
    value = value[:_MOST_LOOKED_AT]
    return bool(_MADE_UP.search(value)) or _steps(value) > 0.4 or _entropy(value) < 2.6


def is_random(value: str) -> bool:
    """Whether a value of some length looks as if a machine had made it."""
    value = value[:_MOST_LOOKED_AT]
    kinds = sum(map(bool, (re.search("[a-z]", value), re.search("[A-Z]", value), re.search("[0-9]", value))))
    is_hex = re.fullmatch("[0-9a-fA-F]+", value) is not None
    if is_hex:
        return len(value) >= 24 and _entropy(value) > 3.0 and kinds > 1
    if kinds < 2 or not (re.search("[0-9]", value) or _is_mixed(value)):
        return False
    return _entropy(value) > min(3.6, math.log2(len(value)) - 0.65)


def is_secret_value(name: str, value: str, *, is_quoted: bool) -> bool:
    """Whether what is assigned to a password, a token or the like is one.

    Args:
        name: What it is assigned to.
        value: The value.
        is_quoted: Whether it stands in quotes: without, it may be the name of something.
    """
    value = value.rstrip("=")
    if len(value) < 10 or _OTHER_NAME.search(name) or (_TEMPLATE if is_quoted else _CODE).search(value):
        return False
    if value[0] == "/" and not _BASE64.fullmatch(value):  # a path
        return False
    if _UUID.fullmatch(value):
        return False
    if is_made_up(value) or _NO_PASSWORD.search(value) or _steps(value) > 0.3:
        return False
    others = len(re.findall(r"[^A-Za-z0-9_./+-]", value))
    if not is_quoted and others > 4:
        return False
    if _is_of_words(value):
        return False
    return is_random(value)


def is_named_id(name: str, value: str) -> bool:
    """Whether a value is a UUID under a name that says it is a secret."""
    return (
        _UUID.fullmatch(value) is not None
        and _NAME_OF_ID.search(name) is not None
        and not is_made_up(value)
        and _entropy(value) > 3.0
    )


def is_token_of_address(found: re.Match[str]) -> bool:
    """Whether what stands as a user in an address is a token; the public keys of error trackers look so."""
    user = found["user"]
    if "sentry" in found["host"] or (found["number"] and re.fullmatch("[0-9a-f]{32}", user)):
        return False
    return is_secret_value("", user, is_quoted=True) and not _LOCAL_HOST.match(found["host"])


def is_password(password: str, user: str, host: str) -> bool:
    """Whether what stands as a password in an address is one."""
    if len(password) < 6 or password.lower() in (user.lower(), host.lower()) or _LOCAL_HOST.match(host):
        return False
    if re.search(r"[${}<>\[\]()*|\\]|%[sd]|%\(", password) or is_made_up(password) or _NO_PASSWORD.search(password):
        return False
    return bool(re.search("[0-9]", password) or re.search("[^A-Za-z]", password) or len(password) > 11)


def is_web_token(token: re.Match[str]) -> bool:
    """Whether a JSON web token can be read, and is not the one that everybody shows."""
    try:
        header, payload = (
            json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.groups()[:2]
        )
    except (ValueError, RecursionError):
        return False
    if not isinstance(header, dict) or "alg" not in header or not isinstance(payload, dict):
        return False
    return payload.get("sub") != "1234567890" and not is_made_up(token[3])


def is_bot_token(token: re.Match[str]) -> bool:
    """Whether a Discord token begins with the number of a bot."""
    part = token[1]
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).isdigit()
    except (ValueError, binascii.Error):
        return False


def is_basic(value: str) -> bool:
    """Whether it is a user and a password as HTTP sends them."""
    try:
        said = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return False
    user, colon, password = said.partition(":")
    return bool(colon) and said.isprintable() and is_password(password, user, "")


def kind_of(name: str, value: str) -> str:
    """What a value is that a name gives away."""
    name = name.lower()
    if name.endswith(("accountkey", "sharedaccesskey")) and value.endswith("="):
        return "Azure key"
    if "secret" in name and AWS_SECRET.fullmatch(value) and ("aws" in name or "access" in name):
        return "AWS secret access key"
    if "passphrase" in name:
        return "passphrase"
    if "pass" in name or "pwd" in name or "psk" in name:
        return "password"
    return "token" if "token" in name else "secret" if "secret" in name else "API key"


def _entropy(value: str) -> float:
    """Bits a character, by how often each one comes."""
    length = len(value)
    return -sum(count / length * math.log2(count / length) for count in Counter(value).values()) if length else 0.0


def _is_mixed(value: str) -> bool:
    """Whether capitals and small letters change as chance has it, and not at the beginnings of words."""
    changes = sum(before.isupper() != after.isupper() for before, after in itertools.pairwise(value))
    return value.isalpha() and len(value) >= 14 and changes >= 0.35 * (len(value) - 1)


def _steps(value: str) -> float:
    """The share of characters that follow the one before them in the alphabet, or repeat it."""
    if len(value) < 2:
        return 0.0
    return sum(-1 <= ord(after) - ord(before) <= 1 for before, after in itertools.pairwise(value)) / (len(value) - 1)


def _is_of_words(value: str) -> bool:
    """Whether it is a name made of words, as people give to things: my-api-v2-staging, sha256_of_file1."""
    parts = [part for part in re.split(r"[-_./:]|(?<=[a-z])(?=[A-Z])", value) if part]
    if value.isalnum():  # capitals may stand there by chance, and words have vowels
        parts = [part for part in parts if re.search("[aeiouyAEIOUY]", part)]
    plain = sum(
        len(part)
        for part in parts
        if re.fullmatch(r"[A-Za-z]?[a-z]*|[A-Z]+|v?\d{1,4}|[a-zA-Z]{2,}\d{1,2}", part) and len(part) < 16
    )
    return plain >= 0.7 * len(value.strip("-_./:"))
