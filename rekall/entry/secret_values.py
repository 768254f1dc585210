"""What tells a secret from a placeholder: how random a value is, and what people write where a secret would stand."""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import math
import re
from collections import Counter

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
AUTHORIZATION = re.compile(
    r"authorization[\"']?[ \t]{0,3}[:=,][ \t]{0,3}[\"']?(?P<scheme>basic|bearer|token) {1,3}(?P<value>[A-Za-z0-9._~+/=-]{12,400})",
    re.IGNORECASE,
)
ASSIGNED = re.compile(
    r"""(?P<name>[A-Za-z_.-]{3,50})["'`\]]{0,2}
        (?:[ \t]{0,20}(?::=|=>|=|:)[ \t]{0,20}|(?<=sword)[ \t]{1,3}|(?<=token)[ \t]{1,3}(?=["']))
        (?P<quote>["'`]?)(?P<value>[^\s"'`<>,;\\]{8,400})""",
    re.VERBOSE,
)
USERINFO = re.compile(
    r"(?P<user>[^\s/?#@:'\"<>`]{0,64}):(?P<password>[^\s/?#@'\"<>`]{3,256})@(?P<host>[^\s/?#@'\"`)>\]]{1,255})"
)
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
    r"example|x{4}|\*{3}|\.{3}|your|placeholder|redacted|dummy|sample|replace|changeme|insert|12345678|abcdefg|deadbeef|0{8}|1{8}|masked",
    re.IGNORECASE,
)
"""What people write in the place of a token; too long to stand in a random one."""

_NO_PASSWORD = re.compile(
    r"pass|secret|s3cr3t|token|api.?key|my.?key|test|fake|foo|bar|hunter2|1234|abcd|qwert|letmein|none|null|undefined|change.?me|admin|root|user|guest|default|demo|local|xxx|hash|encrypted|^\W+$",
    re.IGNORECASE,
)
"""What people write in the place of a password."""

_CODE = re.compile(
    r"[(){}\[\]$|]|->|::|%[sdv(]|&&|==|://|^(?:\.{0,2}/|~|#|@|%|arn:|sha\d+[-:]|projects/)|^[\w-]+(?:\.[A-Za-z_]\w*)+$"
)
"""What stands where a value is computed, looked up or left out; paths and addresses."""

_OTHER_NAME = re.compile(
    r"(?:file|path|name|dir|folder|ur[il]|id|type|arn|length|size|hash|field|label|ref|i[sz]er?|board|count|policy|version|store|ring|code)s?$|^(?:keyb|keyw|keyf|keyr)",
    re.IGNORECASE,
)
"""How names end of what is about a secret and none itself: password_file, token_type, secretName."""

_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
_LOCAL_HOST = re.compile(
    r"(?:localhost|127\.|0\.0\.0\.0|\[::1|host\b|(?:[\w-]+\.)*(?:example|test|invalid)(?:\.\w+)?(?::|$))", re.IGNORECASE
)


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
    return kinds > 1 and bool(re.search("[0-9]", value)) and _entropy(value) > min(3.6, math.log2(len(value)) - 0.65)


def is_secret_value(name: str, value: str, *, is_quoted: bool) -> bool:
    """Whether what is assigned to a password, a token or the like is one.

    Args:
        name: What it is assigned to.
        value: The value.
        is_quoted: Whether it stands in quotes: without, it may be the name of something.
    """
    value = value.rstrip("=")
    if len(value) < 10 or _OTHER_NAME.search(name) or _CODE.search(value) or _UUID.fullmatch(value):
        return False
    if is_made_up(value) or _NO_PASSWORD.search(value) or _steps(value) > 0.3:
        return False
    others = len(re.findall(r"[^A-Za-z0-9_./+-]", value))
    if not is_quoted and others > 2:
        return False
    if _is_of_words(value):
        return False
    return is_random(value)


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
    if "pass" in name or "pwd" in name:
        return "password"
    return "token" if "token" in name else "secret" if "secret" in name else "API key"


def _entropy(value: str) -> float:
    """Bits a character, by how often each one comes."""
    length = len(value)
    return -sum(count / length * math.log2(count / length) for count in Counter(value).values()) if length else 0.0


def _steps(value: str) -> float:
    """The share of characters that follow the one before them in the alphabet, or repeat it."""
    if len(value) < 2:
        return 0.0
    return sum(-1 <= ord(after) - ord(before) <= 1 for before, after in itertools.pairwise(value)) / (len(value) - 1)


def _is_of_words(value: str) -> bool:
    """Whether it is a name made of words, as people give to things: my-api-v2-staging, sha256_of_file1."""
    parts = [part for part in re.split(r"[-_./:]|(?<=[a-z])(?=[A-Z])", value) if part]
    plain = sum(
        len(part)
        for part in parts
        if re.fullmatch(r"[A-Za-z]?[a-z]*|[A-Z]+|v?\d{1,4}|[a-zA-Z]{2,}\d{1,2}", part) and len(part) < 16
    )
    return plain >= 0.7 * len(value.strip("-_./:"))
