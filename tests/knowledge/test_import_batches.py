"""What a batch of an import is judged by at once is what each thing alone is judged by."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Bench, all_links, make_bench
from support.depth import tries

from rekall.entry.changes import Changes
from rekall.entry.filters import Filters
from rekall.knowledge import files
from rekall.knowledge.import_report import ImportReport
from rekall.store.driver import Translated

COUNT = 40


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def note(number: int, text: str = "") -> str:
    return f"---\ntags: [t{number % 3}]\nrating: {number}\n---\n# Thing {number}\n\nfact{number} {text} [[n{(number * 7 + 3) % COUNT}]]\n"


def filled(folder: Path) -> Path:
    for number in range(COUNT):
        write(folder / f"d{number % 3}" / f"n{number}.md", note(number))
    same = "".join(json.dumps({"title": f"Record {n % 5}", "content": "the same"}) + "\n" for n in range(9))
    named = "".join(
        json.dumps({"id": f"r{n}", "title": f"Named {n}", "content": f"of {n % 4}"}) + "\n" for n in range(12)
    )
    write(
        folder / "records.jsonl",
        same + named + '{"id": "\\ud800", "content": "half a letter"}\n{"id": 3, "title": ""}\n',
    )
    return folder


def stirred(folder: Path, chance: random.Random) -> None:
    """Files are changed, moved, swapped, copied, taken away, and new ones come."""
    places = sorted(folder.rglob("n*.md"))
    for place in chance.sample(places, 24):
        kind = chance.randrange(6)
        if not place.exists():
            continue
        if kind == 0:
            write(place, place.read_text("utf-8") + "\nmore of it\n")
        elif kind == 1:
            place.rename(folder / "d1" / f"moved-{place.name}")
        elif kind == 2:
            write(folder / "copies" / place.name, place.read_text("utf-8"))
        elif kind == 3:
            place.unlink()
        elif kind == 4:
            other = chance.choice([each for each in places if each.exists()])
            texts = place.read_text("utf-8"), other.read_text("utf-8")
            write(place, texts[1])
            write(other, texts[0])
        else:
            write(folder / "new" / f"n{chance.randrange(1000)}.md", note(chance.randrange(1000), "quite new"))
    lines = (folder / "records.jsonl").read_text("utf-8").splitlines(keepends=True)
    chance.shuffle(lines)
    write(folder / "records.jsonl", "".join(lines[2:]) + '{"id": "r1", "title": "Named 1", "content": "changed"}\n')


def edited(bench: Bench, chance: random.Random) -> None:
    """Some entries are changed or deleted here."""
    listed = sorted(bench.base.list_entries(Filters(), None).entries, key=lambda entry: (entry.title, entry.content))
    for entry in chance.sample(listed, 8):
        if chance.random() < 0.5:
            bench.base.change(entry.id, Changes.of(add_tags=["mine"], title=f"{entry.title} here"))
        else:
            bench.base.delete(entry.id)


def told(report: ImportReport) -> list[object]:
    return [
        *(
            report.added,
            report.updated,
            report.unchanged,
            report.moved,
            report.kept,
            report.conflicts,
            report.lost_links,
        ),
        *(report.deleted_here, report.restored, report.deleted, report.pruned, sorted(report.gone), report.problems),
        [(each.where, str(each.error)) for each in report.refused],
    ]


def held(bench: Bench) -> list[object]:
    """Everything in a base, by where it came from."""
    entries = {entry.id: entry for entry in bench.base.list_entries(Filters(), None).entries}
    store = bench.store
    paths = {entry_id: str((key := store.entries.key_of(entry_id)) and store.origins.of(key)) for entry_id in entries}
    names = {entry_id: (entry.title, entry.content) for entry_id, entry in entries.items()}
    said = [
        (
            entry.title,
            entry.content,
            entry.tags,
            entry.status,
            [str(each) for each in entry.other_fields],
            bool(paths[name]),
        )
        for name, entry in entries.items()
    ]
    links = [(names[link.source], names[link.target], link.type, link.reason) for link in all_links(store)]
    return [sorted(map(str, said)), sorted(map(str, links)), store.words.count(), store.passages.count()]


@pytest.fixture
def benches(tmp_path: Path) -> Iterator[list[Bench]]:
    made = [make_bench(tmp_path / f"{name}.db") for name in ("one", "many")]
    yield made
    for each in made:
        each.base.close()


@pytest.mark.parametrize("seed", range(tries(6, 1)))
@pytest.mark.parametrize("options", [{}, {"overwrite": True}, {"prune": True}], ids=["plain", "overwrite", "prune"])
def test_batches_of_one_and_of_many_come_to_the_same(benches, tmp_path, monkeypatch, seed, options):
    folder = filled(tmp_path / "notes")
    chance = random.Random(seed)
    for step in range(3):
        seeds = chance.random()
        reports = []
        for bench, batch in zip(benches, (1, 400)):
            monkeypatch.setattr(files, "BATCH", batch)
            bench.clock.elapsed_s += 100
            reports.append(bench.base.files.import_paths([folder], **(options if step else {})))
            edited(bench, random.Random(seeds))
        assert told(reports[0]) == told(reports[1])
        assert held(benches[0]) == held(benches[1])
        stirred(folder, chance)


@pytest.mark.parametrize("is_again", [False, True])
def test_many_notes_take_hardly_more_statements_than_few(bench, tmp_path, monkeypatch, is_again):
    monkeypatch.setattr(files, "BATCH_S", 600.0)  # else a busy machine ends a batch early, and makes more of them
    folder = filled(tmp_path / "notes")
    if is_again:
        bench.base.files.import_paths([folder])
    turns = []
    taken = Translated.__enter__
    monkeypatch.setattr(Translated, "__enter__", lambda turn: (turns.append(turn), taken(turn))[1])
    report = bench.base.files.store_texts([folder], files.ImportOptions())
    assert (report.added, report.unchanged)[is_again] > COUNT
    assert len(turns) < 4.5 * COUNT  # it was twenty-three a note; the history takes a dozen for all
