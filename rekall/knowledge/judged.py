"""Queries whose right answers are known: of a BEIR folder, of the sample notes, and a base's own titles."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rekall.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from rekall.entry.fields import Entry

MOST_TITLES = 200
"""Titles of a base that are asked for; more would not change the figures by a hundredth."""

_SEED = 11
_SHAPE = "a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/test.tsv"


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a set."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A query, and the names of what answers it with grades from 1 up.

    Attributes:
        itself: The document that the query was taken from, which is no answer to it; empty where there is none.
    """

    name: str
    text: str
    grades: Mapping[str, int]
    itself: str = ""

    def renamed(self, ids: Mapping[str, str]) -> Judged:
        """The same with other names for the documents; one without another name is left out."""
        grades = {ids[name]: grade for name, grade in self.grades.items() if name in ids}
        return Judged(self.name, self.text, grades, ids.get(self.itself, ""))


def read_documents(folder: Path) -> Iterator[Document]:
    """The documents of a BEIR folder, in their order.

    Raises:
        NotFound, InvalidInput: It is no such folder; what is wrong is named.
    """
    seen: set[str] = set()
    for record, where in _records(folder / "corpus.jsonl"):
        name = _text(record, "_id", where)
        if name in seen:
            raise InvalidInput(f"{where}: a second document {name!r}", "give each document an id of its own")
        seen.add(name)
        yield Document(name, str(record.get("title") or ""), _text(record, "text", where))


def read_judged(folder: Path) -> list[Judged]:
    """The queries of a BEIR folder that were judged.

    Raises:
        NotFound, InvalidInput: It is no such folder; what is wrong is named.
    """
    grades = _read_grades(folder / "qrels" / "test.tsv")
    skips_self = _skips_self(folder / "meta.json")
    judged = []
    for record, where in _records(folder / "queries.jsonl"):
        name = _text(record, "_id", where)
        if name in grades:
            judged.append(Judged(name, _text(record, "text", where), grades[name], name if skips_self else ""))
    if not judged:
        raise InvalidInput(f"{folder}: no query was judged", "qrels/test.tsv has to name queries of queries.jsonl")
    return judged


def sample_folder() -> Path:
    """Where the sample notes and their judged queries lie: in an installed wheel, or in a checkout."""
    package = Path(__file__).parents[1]
    shipped = package / "samples"
    return shipped if shipped.is_dir() else package.parent / "examples"


def read_samples() -> list[Judged]:
    """The judged queries of the sample notes, which are named by their files.

    Raises:
        NotFound: This installation has none.
    """
    queries = json.loads(_read(sample_folder() / "queries.json"))
    return [
        Judged(str(place), query, dict.fromkeys(notes, 1)) for place, (query, notes) in enumerate(queries.items(), 1)
    ]


def known_answers(entries: Iterable[Entry], most: int = MOST_TITLES) -> list[Judged]:
    """Titles as queries, each answered by the entries that bear it. Of more than `most` the same are always taken."""
    bearers: dict[str, list[str]] = {}
    for entry in entries:
        bearers.setdefault(entry.title, []).append(entry.id)
    titles = sorted(bearers)
    chosen = random.Random(_SEED).sample(titles, min(most, len(titles)))  # noqa: S311  # a sample, no secret
    return [Judged(title, title, dict.fromkeys(bearers[title], 1)) for title in chosen]


def _read_grades(path: Path) -> dict[str, dict[str, int]]:
    """The grades above 0 by query and document."""
    grades: dict[str, dict[str, int]] = {}
    for number, row in enumerate(csv.reader(io.StringIO(_read(path), newline=""), delimiter="\t"), 1):
        if not row or (number == 1 and not row[-1].isdecimal()):  # the head, which some leave out
            continue
        try:
            query, document, grade = row[0], row[1], int(row[2])
        except (IndexError, ValueError):
            hint = "each line holds a query's id, a document's id and a grade, with tabs between"
            raise InvalidInput(f"{path}:{number}: no judgement", hint) from None
        if grade > 0:
            grades.setdefault(query, {})[document] = grade
    return grades


def _skips_self(path: Path) -> bool:
    """Whether queries are documents themselves; a set of duplicates says so in its meta.json."""
    return path.exists() and bool(json.loads(path.read_text("utf-8")).get("exclude_self"))


def _records(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """The objects of a file of JSON lines, each with where it stands."""
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise InvalidInput(f"{path}:{number}: no JSON object", _SHAPE)
        yield record, f"{path}:{number}"


def _text(record: Mapping[str, Any], key: str, where: str) -> str:
    if key not in record:
        raise InvalidInput(f"{where}: no {key!r}", _SHAPE)
    return str(record[key]) if record[key] is not None else ""


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"no {path}", _SHAPE) from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path} is not valid UTF-8 (byte {error.start:,})", _SHAPE) from error
