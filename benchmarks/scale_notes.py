"""Notes that nobody wrote, with the word statistics of notes that people wrote; the same for the same place in a base.

Words follow Zipf and Mandelbrot's law: the commonest are those of `examples/notes`, the rest are made of their letters, and as
so many are there, a base of ten times the notes has four times the words (Heaps' law). Every note is of one of a few thousand
subjects, from whose words three tenths of it are taken, so that the notes of a subject are alike and a query has answers. Paths,
identifiers, versions, flags and checksums stand where notes have them. A text fits one passage.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rekall.entry.fields import Entry
from rekall.entry.types import EntryType, Status

if TYPE_CHECKING:
    import numpy.typing as npt

BATCH = 1000
"""Notes that are made at once, each batch from its own seed."""

DIM = 384
SUBJECTS = 4000
_SEED = 20261127
_NOTES = Path(__file__).resolve().parent.parent / "examples" / "notes"
_WORDS = 1_500_000
_SHIFT, _FALL = 2.0, 1.07  # Mandelbrot's: `the` is every fortieth word, the hundredth comes thirty times as seldom
_OF_SUBJECT = 60
_SUBJECT_SHARE = 0.3
_MEDIAN_WORDS, _LENGTHS, _SHORTEST, _LONGEST = 95, 0.5, 15, 145
_MOST_CHARS = 900  # with the errors it stays one passage
_FIRST = datetime(2021, 1, 4, 8, tzinfo=timezone.utc)
_STEP_S = 150  # between two notes: a million are five years
_NOISE = 0.9  # of a vector beside its subject, as in benchmarks/index.py
_BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_KINDS = [*EntryType]
_PROJECTS, _TAGS = 60, 400


@dataclass(frozen=True, slots=True)
class Note:
    """An entry, and the subject it is about."""

    entry: Entry
    subject: int


@cache
def words() -> npt.NDArray[np.object_]:
    """Every word there is, the commonest first: (w,) of str."""
    texts = "\n".join(path.read_text("utf-8") for path in sorted(_NOTES.glob("*.md")))
    known = [word for word, _ in Counter(re.findall(r"[a-z]+", texts.lower())).most_common()]
    made = dict.fromkeys([*known, *_made(known, int(1.5 * _WORDS))])
    return np.array(list(made)[:_WORDS], dtype=object)


def _made(known: Sequence[str], many: int) -> list[str]:
    """Words of which each letter follows the two before it as in the known ones."""
    random = np.random.default_rng(_SEED)
    follows = np.full((27, 27, 27), 0.02)
    for word in known:
        letters = [0, 0, *(ord(letter) - 96 for letter in word), 0]
        for first, second, third in zip(letters, letters[1:], letters[2:]):
            follows[first, second, third] += 1
    follows[0, 0, 0] = 0
    shares = np.cumsum(follows, axis=2) / follows.sum(axis=2, keepdims=True)
    drawn = np.zeros((many, 14), dtype=np.uint8)
    for place in range(2, 14):
        before = shares[drawn[:, place - 2], drawn[:, place - 1]]
        drawn[:, place] = (random.random((many, 1)) > before).sum(axis=1)
        if place > 2:
            drawn[drawn[:, place - 1] == 0, place] = 0
    lines = np.where(drawn[:, 2:] > 0, drawn[:, 2:] + 96, 32).astype(np.uint8).tobytes().decode()
    return [word for start in range(0, len(lines), 12) if len(word := lines[start : start + 12].rstrip()) > 3]


@cache
def _shares() -> npt.NDArray[np.float64]:
    """The share of all words up to each, (w,)."""
    each = (np.arange(1, len(words()) + 1) + _SHIFT) ** -_FALL
    shares: npt.NDArray[np.float64] = np.cumsum(each) / each.sum()
    return shares


@cache
def _subjects() -> npt.NDArray[np.int64]:
    """The words of each subject, its commonest first: (s, w) places in `words`."""
    random = np.random.default_rng(_SEED + 1)
    return np.exp(random.uniform(math.log(120), math.log(120_000), (SUBJECTS, _OF_SUBJECT))).astype(np.int64)


@cache
def centres() -> npt.NDArray[np.float32]:
    """Where the vectors of each subject lie: (s, d), rows of unit length."""
    drawn = np.random.default_rng(_SEED + 2).standard_normal((SUBJECTS, DIM))
    return _unit(drawn)


def _unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    unit: npt.NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit


def vectors_of(subjects: Sequence[int], batch: int) -> npt.NDArray[np.float32]:
    """A vector near the subject of each note of a batch: (n, d) float32, rows of unit length."""
    random = np.random.default_rng((_SEED, 3, batch))
    noise = random.standard_normal((len(subjects), DIM)) / math.sqrt(DIM)
    return _unit(centres()[np.array(subjects)] + _NOISE * noise)


def vector_of_text(text: str) -> npt.NDArray[np.float32]:
    """The vector of a question, near one subject which its words decide: (1, d) float32 of unit length."""
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    noise = np.random.default_rng(number).standard_normal((1, DIM)) / math.sqrt(DIM)
    return _unit(centres()[[number % SUBJECTS]] + _NOISE * noise)


def batch_of(batch: int) -> list[Note]:
    """The notes of one batch."""
    random = np.random.default_rng((_SEED, 4, batch))
    lengths = np.exp(random.normal(math.log(_MEDIAN_WORDS), _LENGTHS, BATCH)).clip(_SHORTEST, _LONGEST).astype(int)
    subjects = (SUBJECTS * random.random(BATCH) ** 1.6).astype(int)
    heads = random.integers(3, 9, BATCH)
    of_note = np.repeat(np.arange(BATCH), lengths + heads)
    drawn = np.searchsorted(_shares(), random.random(len(of_note)))
    own = random.random(len(of_note)) < _SUBJECT_SHARE
    of_subject = (_OF_SUBJECT * random.random(int(own.sum())) ** 2).astype(int)
    drawn[own] = _subjects()[subjects[of_note[own]], of_subject]
    said = words()[drawn.clip(0, len(words()) - 1)]
    ends = np.cumsum(lengths + heads)
    return [
        Note(_entry(batch * BATCH + number, said[end - length - head : end].tolist(), head, random), int(subject))
        for number, (end, length, head, subject) in enumerate(zip(ends, lengths, heads, subjects))
    ]


def notes() -> Iterator[Note]:
    """Notes without end."""
    batch = 0
    while True:
        yield from batch_of(batch)
        batch += 1


def _entry(number: int, said: list[str], head: int, random: np.random.Generator) -> Entry:
    chance = random.random(12).tolist()
    rare = random.integers(0, 1 << 62, 3).tolist()
    title, body = said[:head], said[head:]
    for place in range(9, len(body), 10 + number % 5):
        body[place] += ".\n" if place % 3 else ","
    for place, text in enumerate(_marked(said, chance, rare)):
        body.insert(3 + 7 * place % len(body), text)
    written = _FIRST + timedelta(seconds=_STEP_S * number)
    changed = written + timedelta(days=int(200 * chance[0] ** 6), seconds=rare[0] % 40_000)
    return Entry(
        type=_KINDS[int(len(_KINDS) * chance[1] ** 1.5)],
        title=" ".join(title).capitalize(),
        content=_cut(" ".join(body)),
        tags=tuple(dict.fromkeys(_named("topic", _TAGS, each) for each in chance[2 : 2 + number % 4])),
        project=_named("project", _PROJECTS, chance[6]) if chance[5] < 0.7 else None,
        status=Status.OBSOLETE if chance[7] < 0.02 else Status.ACTIVE,
        error_messages=(f"{said[0].capitalize()}Error: {said[2]} {rare[1] % 1000} is not {said[1]}",)
        if chance[8] < 0.12
        else (),
        id=_ulid(written, rare[2] << 18 | number % (1 << 18)),
        created_at=written,
        updated_at=changed,
    )


def _marked(said: list[str], chance: list[float], rare: list[int]) -> list[str]:
    """What stands between the words of notes: paths, identifiers, versions, flags, checksums and addresses."""
    one, two, three = said[0], said[1], said[-1]
    made = (
        (0.30, f"src/{one}/{two}_{three}.py"),
        (0.25, f"{two}_{one}"),
        (0.20, f"{three}.{one.capitalize()}{two.capitalize()}()"),
        (0.20, f"{one} {rare[0] % 9}.{rare[1] % 30}.{rare[2] % 12}"),
        (0.15, f"--{two}-{one}"),
        (0.10, f"{rare[0]:x}"[:12]),
        (0.10, f"https://{one}.example/{two}/{rare[1] % 100_000}"),
        (0.25, str(rare[2] % 10_000)),
    )
    return [text for place, (share, text) in enumerate(made) if chance[(place + 3) % 12] < share]


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_CHARS else text[:_MOST_CHARS].rsplit(None, 1)[0]


def _named(kind: str, many: int, chance: float) -> str:
    """One of so many names, the first ones oftener."""
    return f"{kind}-{int(many * chance**2)}"


def _ulid(created_at: datetime, rest: int) -> str:
    number = int(created_at.timestamp() * 1000) << 80 | rest
    return "".join(_BASE32[number >> shift & 31] for shift in range(125, -5, -5))
