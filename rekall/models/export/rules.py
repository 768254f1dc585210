"""What is done with every key of a checkpoint's files: nothing that decides a vector is passed over.

A rule says of a key that it is honoured, that it changes no vector here, or which values are taken; a file with another
key or another value is refused by name. `config_rules` and `file_rules` hold the tables.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import Any

from rekall.errors import ExportFailed
from rekall.wording import shell_word

Content = Mapping[str, Any]
"""What a JSON file holds."""

_SHOWN_CHARS = 60
_MOST_SHOWN = 8


class Verdict(Enum):
    """What is done with a key."""

    HONOURED = "honoured"
    NOTHING = "changes nothing here"
    ONLY = "only these values"
    SAME = "must agree"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is done with some keys of a file.

    Attributes:
        keys: Their names; `*` stands for any text.
        said: What they decide, or why they change nothing, or what another value would do.
        values: With `ONLY`, the values that are taken; null always is, since it stands for a key that is not there.
        other: With `SAME`, the key whose value they must repeat where both are there.
        inside: The rules for the keys of the object that stands under them; without, the object is taken as it is.
    """

    keys: tuple[str, ...]
    verdict: Verdict
    said: str
    values: tuple[Any, ...] = ()
    other: str = ""
    inside: tuple[Rule, ...] = ()

    def names(self, key: str) -> bool:
        """Whether it is the rule of a key."""
        return any(key == name or ("*" in name and fnmatchcase(key, name)) for name in self.keys)

    def takes(self, value: Any, content: Content) -> bool:
        """Whether a value of its key is taken, given everything that stands beside it."""
        if value is None or self.verdict in (Verdict.HONOURED, Verdict.NOTHING):
            return True
        if self.verdict is Verdict.SAME:
            return content.get(self.other) is None or _equal(value, content[self.other])
        return any(_equal(value, taken) for taken in self.values)


def honoured(*keys: str, said: str, inside: Sequence[Rule] = ()) -> Rule:
    """Keys whose values are read and followed."""
    return Rule(keys, Verdict.HONOURED, said, inside=tuple(inside))


def nothing(*keys: str, said: str) -> Rule:
    """Keys that change no vector, whatever their value; `said` says why."""
    return Rule(keys, Verdict.NOTHING, said)


def only(*values: Any, keys: Sequence[str], said: str) -> Rule:
    """Keys of which only some values are taken; `said` says what another one would do."""
    return Rule(tuple(keys), Verdict.ONLY, said, values)


def same(other: str, *keys: str, said: str = "") -> Rule:
    """Keys that repeat another one."""
    return Rule(keys, Verdict.SAME, said or f"another name of `{other}`", other=other)


class KeyCheck:
    """Holds files against their tables, and knows what somebody vouched for.

    Attributes:
        passed: What was passed over because it is ignored: keys, and names of tensors.
    """

    def __init__(self, ignored: Collection[str] = ()) -> None:
        """See `ExportOptions.ignored`."""
        self._ignored = tuple(ignored)
        self.passed: set[str] = set()

    def __call__(self, content: Content, rules: Sequence[Rule], where: str, hint: str = "") -> None:
        """Refuse a file that says what nobody reads, or what cannot be done. The first rule that names a key decides.

        Args:
            content: What the file holds.
            rules: The file's table.
            where: The file's path, for messages.
            hint: What helps against a value that is not taken.

        Raises:
            ExportFailed: A key is unknown, or has a value that is not taken; every such key is named.
        """
        unknown, refused = [], []
        for key, value, rule, beside in _entries(content, rules):
            if rule is None:
                unknown.append(key)
            elif not rule.takes(value, beside):
                also = f", and `{rule.other}` {_shown(beside[rule.other])}" if rule.verdict is Verdict.SAME else ""
                refused.append(f"`{key}` is {_shown(value)}{also} ({rule.said})")
        if refused:
            raise ExportFailed(f"{where} asks for what cannot be done: {'; '.join(refused)}", hint)
        if left := [key for key in unknown if not self.vouched(key)]:
            what = "a key" if len(left) == 1 else "keys"
            raise ExportFailed(
                f"{where} has {what} that Rekall does not know, so vectors might come out wrong: {_listed(left)}",
                vouching(left),
            )

    def vouched(self, name: str) -> bool:
        """Whether somebody vouches that this key or tensor changes nothing."""
        found = any(fnmatchcase(name, pattern) for pattern in self._ignored)
        if found:
            self.passed.add(name)
        return found

    def unused(self) -> list[str]:
        """What was to be ignored and is in none of the files."""
        return [pattern for pattern in self._ignored if not any(fnmatchcase(name, pattern) for name in self.passed)]


def vouching(names: Sequence[str]) -> str:
    """The hint for somebody who knows that some keys or tensors change nothing."""
    options = " ".join(f"--ignore {shell_word(name)}" for name in names[:_MOST_SHOWN])
    return f"if you know that no vector depends on it, add `{options}`, and prove it with `--reference`"


def _entries(
    content: Content, rules: Sequence[Rule], before: str = ""
) -> Iterator[tuple[str, Any, Rule | None, Content]]:
    """Every key with its value, its rule and what stands beside it; a key of an object inside as `outer.inner`."""
    for key, value in content.items():
        rule = next((rule for rule in rules if rule.names(key)), None)
        yield before + key, value, rule, content
        if rule and rule.inside and isinstance(value, dict):
            yield from _entries(value, rule.inside, f"{before}{key}.")


def _equal(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; 1 is 1.0, and true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(f"`{name}`" for name in names[:_MOST_SHOWN]) + more


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
