"""The dialogues of LoCoMo (snap-research/LoCoMo, data/locomo10.json) as notes and judged questions.

The data is CC BY-NC 4.0: it is read where it lies, for measuring, and is no part of this repository.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TURN = re.compile(r"D:?(\d+):0*(\d+)")
"""A turn as evidence names it: D7:12, here and there D:7:12 or D7:05, and several in one string."""

_SESSION = re.compile(r"session_(\d+)")

CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}


@dataclass(frozen=True, slots=True)
class Note:
    """A session or a turn as an entry; its name begins its title."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the turns that hold its answer, by the original keys and by the corrected ones."""

    dialogue: str
    text: str
    category: int
    original: tuple[str, ...]
    corrected: tuple[str, ...]

    def evidence(self, unit: str, *, corrected: bool) -> tuple[str, ...]:
        """The names of the notes that hold the answer, each once."""
        turns = self.corrected if corrected else self.original
        return tuple(dict.fromkeys(turn.split(":")[0] if unit == "session" else turn for turn in turns))


@dataclass(frozen=True, slots=True)
class Dialogue:
    """All sessions of two people, and what is asked about them."""

    name: str
    sessions: tuple[Note, ...]
    turns: tuple[Note, ...]
    questions: tuple[Question, ...]

    def notes(self, unit: str) -> tuple[Note, ...]:
        """The notes of a unit, session or turn."""
        return self.sessions if unit == "session" else self.turns


def read_dialogues(path: Path, keys: Path | None = None) -> list[Dialogue]:
    """Every dialogue of a locomo10.json, with the corrections of an audit's errors.json where there is one."""
    corrections = _corrections(keys) if keys else {}
    dialogues = []
    for number, sample in enumerate(json.loads(path.read_text("utf-8"))):
        sessions, turns = _notes(sample["conversation"])
        known = {turn.name for turn in turns}
        questions = []
        for place, asked in enumerate(sample["qa"]):
            original = _turns(asked.get("evidence", ()), known)
            right = corrections.get((number, place), {})
            if right and right["question"] != asked["question"]:
                raise SystemExit(f"error: {keys} does not belong to {path}: {right['question_id']} differs")
            corrected = _turns(right.get("correct_evidence") or (), known) if right else original
            questions.append(
                Question(sample["sample_id"], asked["question"], asked["category"], original, corrected or original)
            )
        dialogues.append(Dialogue(sample["sample_id"], tuple(sessions), tuple(turns), tuple(questions)))
    return dialogues


def _notes(conversation: Mapping[str, Any]) -> tuple[list[Note], list[Note]]:
    sessions, turns = [], []
    for name, said in conversation.items():
        if not (found := _SESSION.fullmatch(name)) or not said:
            continue
        day = conversation[f"{name}_date_time"]
        lines = [f"{turn['speaker']}: {turn['text']}" for turn in said]
        session = f"D{found[1]}"
        sessions.append(Note(session, f"{session} {day}", "\n".join([day, "", *lines])))
        turns += [Note(turn["dia_id"], f"{turn['dia_id']} {day}", line) for turn, line in zip(said, lines)]
    return sessions, turns


def _turns(evidence: Any, known: set[str]) -> tuple[str, ...]:
    """The turns that evidence names; one that no session holds is left out."""
    names = (f"D{found[1]}:{found[2]}" for text in evidence for found in _TURN.finditer(str(text)))
    return tuple(dict.fromkeys(name for name in names if name in known))


def _corrections(keys: Path) -> Mapping[tuple[int, int], dict[str, Any]]:
    """The corrected questions by dialogue and place, as dial481/locomo-audit numbers them."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for error in json.loads(keys.read_text("utf-8")):
        number, place = _numbers(error["question_id"])
        found[number, place] = error
    return found


def _numbers(question_id: str) -> Iterator[int]:
    return (int(part) for part in re.findall(r"\d+", question_id))
