"""The part of a store that can be made again from its rows: words, passages and vectors; see `contract`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from rekall.entry.fields import Entry
from rekall.entry.passages import Passage
from rekall.store.values import PendingPassage, Selection, SetAside, Space, StoredPassage, Term, Terms
from rekall.vector_index import Backend, Vector, VectorIndex


class Words(Protocol):
    """The words index. Writing belongs inside a transaction.

    Where the index is damaged, writing makes it anew from the entries, and reading finds nothing and says so in `damage`.
    """

    def put(self, key: int, entry: Entry) -> None:
        """Index an entry, in place of what was indexed under the same key."""
        ...

    def put_many(self, entries: Sequence[tuple[int, Entry]]) -> None:
        """Index entries by their keys, each in place of what was indexed under it."""
        ...

    def delete(self, key: int) -> None:
        """Remove an entry from the index."""
        ...

    def clear(self) -> None:
        """Empty the index."""
        ...

    def forget_deleted(self) -> None:
        """Leave no trace of a deleted entry's words in the index."""
        ...

    def damage(self) -> str:
        """Why the index could not be read, if nothing was written since; empty when it could, as far as is known."""
        ...

    def count(self) -> int:
        """How many entries are indexed."""
        ...

    def terms(self, text: str, most: int, *, unfinished: bool = False) -> Terms:
        """The distinct words of a text worth looking for, and what was typed in one piece.

        A token of several words, such as `user_id` or `1.2.3`, is one more term where some entry holds its words side
        by side; so is a name that punctuation tells from a word, such as `C++`, where some entry holds it. A word that
        no entry holds is looked for as the beginning of one; so is the last word of an unfinished text.

        Of more than `most` the rarest. Words of more than half the entries are passed over beside rarer ones that some
        entry holds, and looked for where there are none.
        """
        ...

    def unknown(self, words: Sequence[str]) -> list[str]:
        """Those of the words that no entry holds in any form, and that begin no word of one."""
        ...

    def held(self, words: Sequence[str]) -> dict[str, int]:
        """How many entries hold each of the words in any form; one that none holds is left out."""
        ...

    def form(self, word: str) -> str | None:
        """A word as entries write it: itself where one does, else the form that stands there most often."""
        ...

    def titled(self, text: str, selection: Selection, most: int) -> list[int]:
        """Keys of the selected entries whose title has exactly these words, in this order; the newest first.

        Where titles differ in punctuation only ("C", "C++"), and one is what was typed, the others are left out.
        """
        ...

    def in_titles(self, text: str, most: int) -> list[int]:
        """Keys of the entries whose title holds every word of a text in any form, the newest first.

        Where no title does, of those that hold words which begin so.
        """
        ...

    def places(self, text: str) -> list[tuple[int, int, str]]:
        """The words of a text: where each begins and ends, in characters, and its stem."""
        ...

    def search(self, terms: Terms, selection: Selection, limit: int) -> dict[int, float]:
        """The selected entries that cover most of the terms, best first, each with its coverage, 0 to about 1."""
        ...

    def coverage_of(self, terms: Terms, keys: Iterable[int]) -> dict[int, float]:
        """Coverage of the given entries; one that holds no term is left out."""
        ...

    def matched(self, terms: Terms, keys: Iterable[int]) -> dict[int, tuple[Term, ...]]:
        """Which of the terms each of the given entries holds; one that holds none is left out."""
        ...


class Passages(Protocol):
    """Which passages an entry consists of. Writing belongs inside a transaction."""

    def put(self, entry_key: int, passages: Sequence[Passage]) -> list[int]:
        """Make these the passages of an entry; one whose text is known keeps its vectors. Returns their ids."""
        ...

    def put_many(self, items: Sequence[tuple[int, Sequence[Passage]]]) -> list[list[int]]:
        """Do so for several entries, by their keys."""
        ...

    def of_entries(self, keys: Iterable[int]) -> list[StoredPassage]:
        """All passages of the given entries."""
        ...

    def by_ids(self, ids: Iterable[int]) -> list[StoredPassage]:
        """The passages of the given ids."""
        ...

    def ids(self, selection: Selection) -> list[int]:
        """Ids of the passages of the selected entries."""
        ...

    def sample(self, most: int) -> list[int]:
        """Ids of the heads of at most `most` entries, spread evenly over the base; the same while nothing is written."""
        ...

    def text_hashes(self, ids: Iterable[int]) -> dict[int, bytes]:
        """The text hash of each of some passages that is still there, by its id."""
        ...

    def count(self) -> int:
        """How many passages there are."""
        ...

    def hashes(self, keys: Iterable[int]) -> dict[int, bytes]:
        """The text hash of each passage of the given entries, by its id."""
        ...

    def embedded_hashes(self, entry_key: int, space: Space) -> set[bytes]:
        """Text hashes of an entry's passages that have a vector in a space."""
        ...

    def pending(
        self, space: Space | None, limit: int, among: Iterable[int] | None = None, *, without: Iterable[int] = ()
    ) -> list[PendingPassage]:
        """Passages without a vector in a space (in any, when None), of the entry that was changed last first.

        What the model of the space cannot embed does not wait for it, see `Unembeddable`.

        Args:
            space: The space.
            limit: How many at most.
            among: Keys of the entries to look at; None looks at all.
            without: Ids of passages to leave out.
        """
        ...

    def pending_counts(self, space: Space | None) -> tuple[int, int]:
        """How many passages wait for a vector in a space, and to how many entries they belong."""
        ...


class Unembeddable(Protocol):
    """Passages that the model of a space cannot embed. Writing belongs inside a transaction.

    A passage whose text changes is another one, and is tried; so it is in the space of another model.
    """

    def put(self, space: Space, passage_id: int, reason: str) -> None:
        """Set a passage aside, for one reason or another."""
        ...

    def clear(self, space: Space) -> None:
        """Let everything of a space be tried again."""
        ...

    def hashes(self, entry_key: int, space: Space) -> set[bytes]:
        """Text hashes of an entry's passages that were set aside."""
        ...

    def counts(self, space: Space | None) -> tuple[int, int]:
        """How many passages are set aside, and to how many entries they belong."""
        ...

    def of(self, space: Space | None, most: int) -> list[SetAside]:
        """What is set aside, at most so much of it, of the entry that was changed last first."""
        ...


class Vectors(Protocol):
    """Vector spaces, and the index of each. Writing belongs inside a transaction."""

    @property
    def backend(self) -> Backend:
        """What searches vectors, and why not the preferred one."""
        ...

    def active_space(self) -> Space | None:
        """The space that searches use, or None before anything was embedded."""
        ...

    def space_of(self, fingerprint: str) -> Space | None:
        """The space of a model's fingerprint, or None."""
        ...

    def spaces(self) -> list[Space]:
        """Every space, oldest first."""
        ...

    def make_space(self, fingerprint: str, model: str, dim: int, created_at: datetime) -> Space:
        """Make the space of a model; the first one of a base is active at once."""
        ...

    def resume(self, space: Space) -> Space:
        """Build a retired space again; any other stays what it is."""
        ...

    def activate(self, space: Space) -> None:
        """Let searches use this space from now on; the one they used retires."""
        ...

    def rename(self, space: Space, model: str) -> None:
        """Note under which name the model of a space is installed now."""
        ...

    def drop(self, space: Space) -> None:
        """Remove a space and its vectors."""
        ...

    def keep_spread(self, space: Space, spread: float) -> None:
        """Keep how far the cosines of a space lie apart; see `rekall.spread`."""
        ...

    def count(self, space: Space) -> int:
        """How many vectors a space holds."""
        ...

    def count_at_most(self, space: Space) -> int:
        """A number that costs no counting, and is not below how many vectors a space holds."""
        ...

    def index(self, space: Space) -> VectorIndex:
        """The vectors of a space."""
        ...

    def nearest(self, space: Space, vector: Vector, k: int, selection: Selection) -> list[tuple[StoredPassage, float]]:
        """The passages of selected entries that are nearest to a vector, with their cosine, most similar first.

        Args:
            space: Where to look.
            vector: (d,) float32 of unit length.
            k: How many passages at most.
            selection: Whose passages may answer.
        """
        ...
