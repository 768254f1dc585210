"""How every door says the same things: reasons, sizes, counts, ages, and text that hides nothing."""

from __future__ import annotations

import os
import sys
from datetime import datetime

DISTRIBUTION = "rekall-memory"
"""What pip installs. The command and the import are `rekall`, a name that belongs to others on the package index."""

_AGES = ((365 * 86_400, "y"), (30 * 86_400, "mo"), (7 * 86_400, "w"), (86_400, "d"), (3_600, "h"), (60, "min"))


LONGEST_IN_A_ROW = 1_000
"""A title of millions of characters would be measured, cut and padded again for every row beside it."""

_QUOTED_ON_WINDOWS = frozenset(" []<>&|^()!,;='`{}\"")
"""What cmd or PowerShell takes for something else outside double quotes."""

_SELECTORS = "\U000e0000"
_FILLERS = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0\U0001107f\U00016fe4\U0001d159"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
"""What Python calls printable and nobody sees: from the first on, and these before it."""


def printable(text: str) -> str:
    """A text that cannot move the cursor, change colours or hide words: what is unseen is spelled out, as `<U+202E>`.

    What is stored stays as it is. See `rekall.unseen` for what is left alone.
    """
    if _is_plain(text) or _is_plain(text.replace("\n", "").replace("\t", "")):
        return text
    from rekall.unseen import marked  # half a megabyte of tables and patterns, for the few texts that need them

    return marked(text)


def in_a_row(text: str) -> str:
    """A text as a row of a list shows it: printable, and not longer than anybody reads there."""
    return printable(text if len(text) <= LONGEST_IN_A_ROW else f"{text[: LONGEST_IN_A_ROW - 1]}…")


def _is_plain(text: str) -> bool:
    """Whether a text holds nothing that `rekall.unseen` looks at."""
    return text.isprintable() and (text.isascii() or (max(text) < _SELECTORS and _FILLERS.isdisjoint(text)))


def size_text(size: float) -> str:
    """Bytes for people: 24.1 MB."""
    if size >= 1e10:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:,.1f} MB" if size >= 1e5 else f"{size / 1e3:,.1f} kB"


def count_text(number: int, one: str, many: str = "") -> str:
    """A number with its noun."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def left_out_text(damaged: int) -> str:
    """That entries could not be read, so that an answer is without them."""
    what = "an entry is damaged and was" if damaged == 1 else f"{damaged:,} entries are damaged and were"
    return f"{what} left out; `rekall check` says more"


def age_text(moment: datetime, now: datetime) -> str:
    """How long ago something was, in one unit: 5min, 3h, 2d, 6w, 4mo, 2y."""
    seconds = (now - moment).total_seconds()
    return next((f"{int(seconds // size)}{unit}" for size, unit in _AGES if seconds >= size), "now")


def install_command(extra: str) -> str:
    """The command that adds an extra to this installation: pip, or the tool that made the environment."""
    place = sys.prefix.replace("\\", "/")
    if "/pipx/venvs/" in place:
        return f"pipx runpip {DISTRIBUTION} install {shell_word(f'{DISTRIBUTION}[{extra}]')}"
    if "/uv/tools/" in place:  # which installs anew, so that what is there already must be named too
        extras = f"all,{extra}" if extra == "export-torch" else "all"
        return f"uv tool install {shell_word(f'{DISTRIBUTION}[{extras}]')}"
    return f"pip install {shell_word(f'{DISTRIBUTION}[{extra}]')}"


def installed_version() -> str:
    """The version that is installed; "unknown" in a checkout that never was."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def shell_word(path: str | os.PathLike[str]) -> str:
    """A word or a path as a person types it in a shell, in quotes where it needs them."""
    text = os.fspath(path)
    if os.name == "nt":  # where single quotes are letters, and a program takes double ones off
        escaped = text.replace('"', '\\"')
        return text if _QUOTED_ON_WINDOWS.isdisjoint(text) and text else f'"{escaped}"'
    import shlex

    return shlex.quote(text)
