"""Which entries hold a word, the beginning of one, or words side by side, as SQL that gives their keys. User text is only ever bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from rekall.store.folding import fold
from rekall.store.units import is_ended, names

Query = tuple[str, tuple[Any, ...]]

NOTHING: Query = ("SELECT 0 WHERE false", ())
"""Finds no entry."""

_LAST = "\U0010ffff"
"""Behind every character."""


class Stemming(Protocol):
    """What makes stems of a text."""

    def stems(self, text: str) -> list[str]:
        """The stems of a folded text in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Side:
    """Stems that stand side by side; of the last one perhaps only the beginning."""

    stems: tuple[str, ...]
    is_beginning: bool = False

    @property
    def is_word(self) -> bool:
        """Whether it is one whole word."""
        return len(self.stems) == 1 and not self.is_beginning

    @property
    def pattern(self) -> str:
        """As it stands in `indexed.stems`."""
        return self.spaced(" ")

    def spaced(self, between: str) -> str:
        """The stems with something else between them, a blank before them, and one behind where the last is a whole word."""
        return f" {between.join(self.stems)}{'' if self.is_beginning else ' '}"


def side_by_side(tokens: Stemming, folded: str, *, is_beginning: bool = False) -> Side:
    """The words of a folded text as an entry must hold them."""
    return Side(tuple(tokens.stems(folded)), is_beginning)


def sides_of(tokens: Stemming, text: str) -> list[Side]:
    """What an entry must hold of a phrase: its words side by side; a name such as `C++` must be there as it is."""
    text = fold(text)
    return [
        Side(tuple(tokens.stems(part))) for part in (text, *(name.sought for name in names(text) if is_ended(name)))
    ]


def holding(side: Side, *, in_title: bool = False) -> Query:
    """The keys of the entries that hold stems side by side, in any one column or in their titles."""
    if not side.stems:
        return NOTHING
    sql, bindings = _holding_all(side)
    if len(side.stems) == 1 and not in_title:
        return sql, bindings
    where = "split_part(i.stems, E'\\n', 1)" if in_title else "i.stems"
    return (
        f"SELECT i.key FROM indexed i WHERE i.key IN ({sql}) AND strpos({where}, %s) > 0",
        (*bindings, side.pattern),
    )


def holding_every(sides: Sequence[Side]) -> Query:
    """The keys of the entries that hold each of these."""
    parts = [holding(side) for side in sides]
    return " INTERSECT ".join(sql for sql, _ in parts), tuple(value for _, bound in parts for value in bound)


def beginning_with(stem: str) -> Query:
    """A condition on `term t` that its word begins so."""
    return "t.word >= %s AND t.word < %s", (stem, stem + _LAST)


def _holding_all(side: Side) -> Query:
    """The keys of the entries that hold each of the stems, wherever."""
    whole = side.stems[:-1] if side.is_beginning else side.stems
    of_word = "SELECT p.key FROM posting p WHERE p.term = (SELECT id FROM term WHERE word = %s)"
    parts = [of_word] * len(set(whole))
    bindings: tuple[Any, ...] = tuple(dict.fromkeys(whole))
    if side.is_beginning:
        where, bound = beginning_with(side.stems[-1])
        parts.append(f"SELECT DISTINCT p.key FROM posting p WHERE p.term IN (SELECT t.id FROM term t WHERE {where})")
        bindings += bound
    return " INTERSECT ".join(parts), bindings
