"""Long JSON is read item by item: the same notes as of the whole, whatever the pieces, and one broken item costs itself."""

import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import CHECKOUT
from support.depth import tries
from support.systems import own_memory

from rekall.exchange import bounds, long_json
from rekall.exchange.dialect import Source
from rekall.exchange.folders import File
from rekall.exchange.long_json import LongList, LongObject
from rekall.exchange.reading import Choices, Found, read_files

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
LEAVES = st.one_of(
    WORDS,
    st.sampled_from(
        ['quoted "words" here', "back\\slash \\\\ words", "a ] and } and , in it", "ünïcödé 語 😀 words", ""]
    ),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
    st.integers(10**30, 10**40),
)
VALUES = st.recursive(LEAVES, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(WORDS, inside, max_size=3))
TEXTS = st.builds(lambda word, end: f"some words of it {word} {end}", WORDS, st.integers(0, 99))
RECORDS = st.one_of(
    st.fixed_dictionaries({"title": TEXTS, "content": TEXTS}, optional={"tags": VALUES, "more": VALUES}),
    st.fixed_dictionaries({"href": TEXTS, "description": TEXTS, "extended": TEXTS, "tags": WORDS}),
    st.fixed_dictionaries({"uuid": WORDS, "text": TEXTS, "creationDate": st.just("2020-01-02T03:04:05Z"), "starred": st.booleans()}),
    st.fixed_dictionaries({"memory": TEXTS, "id": WORDS, "user_id": WORDS}),
    st.fixed_dictionaries({"title": TEXTS, "children": st.lists(st.fixed_dictionaries({"string": TEXTS, "uid": WORDS}), max_size=3)}),
    st.fixed_dictionaries({"uuid": WORDS, "name": TEXTS, "chat_messages": st.lists(st.fixed_dictionaries({"sender": WORDS, "text": TEXTS}), max_size=3)}),
    st.fixed_dictionaries({"content_type": st.just("Note"), "uuid": WORDS, "content": st.fixed_dictionaries({"title": TEXTS, "text": TEXTS})}),
    VALUES,
)  # fmt: skip
NAMES = (
    "entries",
    "posts",
    "conversations",
    "memories",
    "results",
    "items",
    "activeNotes",
    "trashedNotes",
    "deleted",
    "entities",
    "mine",
)
DOCUMENTS = st.one_of(
    st.lists(RECORDS, max_size=6),
    RECORDS.flatmap(lambda one: st.lists(st.just(one), min_size=1, max_size=3)),
    st.dictionaries(st.sampled_from(NAMES), st.lists(RECORDS, max_size=5), max_size=3),
    st.builds(lambda head, lists: {**head, **lists}, st.dictionaries(WORDS, VALUES, max_size=2), st.dictionaries(st.sampled_from(NAMES), st.lists(RECORDS, min_size=1, max_size=5), min_size=1, max_size=2)),
)  # fmt: skip


def read(path: Path) -> list[object]:
    """Everything in a file; refusals by their places."""
    found = read_files([File(str(path), path.name, path)], Choices())
    return [
        (item.where, item.source_hash, item.read, item.deleted_at) if isinstance(item, Found) else item.where
        for item in found
    ]


def in_pieces(monkeypatch: pytest.MonkeyPatch, chunk: int, quick: int, around: int = 0) -> None:
    monkeypatch.setattr(long_json, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(long_json, "QUICK_CHARS", quick)
    monkeypatch.setattr(long_json, "WHOLE_BYTES", around)


@settings(max_examples=tries(300), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    document=DOCUMENTS,
    chunk=st.integers(1, 40),
    quick=st.sampled_from([0, 1, 7, 1_000_000]),
    indent=st.sampled_from([None, 1]),
    is_ascii=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_list_is_the_same_read_whole_and_in_pieces(tmp_path, document, chunk, quick, indent, is_ascii, encoding):
    path = tmp_path / "some.json"
    path.write_bytes(json.dumps(document, indent=indent, ensure_ascii=is_ascii).encode(encoding))
    whole = Source(path).document
    with pytest.MonkeyPatch.context() as patch:
        in_pieces(patch, chunk, quick)
        source = Source(path)
        found = source.document
        if isinstance(document, list):
            assert isinstance(found, LongList)
            found = list(found)
        elif isinstance(found, LongObject):
            found = {name: list(value) if isinstance(value, LongList) else value for name, value in found.items()}
        assert repr(found) == repr(whole)
        assert source.set_aside == {}


@settings(max_examples=tries(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(document=DOCUMENTS, chunk=st.integers(1, 200), quick=st.sampled_from([0, 1_000_000]))
def test_notes_are_the_same_read_whole_and_in_pieces(tmp_path, document, chunk, quick):
    path = tmp_path / "some.json"
    path.write_text(json.dumps(document), "utf-8")
    whole = read(path)
    with pytest.MonkeyPatch.context() as patch:
        in_pieces(patch, chunk, quick)
        found = read(path)
        if (
            isinstance(document, dict) and str(path) in found
        ):  # a long list that is of no notes is refused, and nothing else
            found.remove(str(path))
            assert {*map(repr, found)} <= {*map(repr, whole)}
        else:
            assert repr(found) == repr(whole)


@pytest.mark.parametrize("quick", [0, 1_000_000])
@pytest.mark.parametrize("chunk", [1, 3, 1_000_000])
@pytest.mark.parametrize("broken", ['{"a": nope}', "nope", '"a\nb"', "[1 2]", "{]", "01", '"\\x"', "1.", "-"])
def test_a_broken_item_costs_itself(tmp_path, monkeypatch, broken, chunk, quick):
    path = tmp_path / "some.json"
    path.write_text(
        f'[{{"title": "first", "content": "words of it"}}, {broken}, {{"title": "third", "content": "other words"}}]'
    )
    in_pieces(monkeypatch, chunk, quick)
    found = read(path)
    places = [item if isinstance(item, str) else item[0] for item in found]
    assert sorted(places) == [f"{path}, record {number}" for number in (1, 2, 3)]
    assert [item for item in found if isinstance(item, str)] == [f"{path}, record 2"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('[{"content": "some words"}, {"content": "more', ["from record 2 on"]),
        ('[{"content": "some words"}, {"content": "more words"}', ["from record 2 on"]),
        ('[{"content": "some words"}, {"content": "more words"}] []', ["the end"]),
        ('[{"content": "some words"}}]', ["from record 2 on"]),
        ('{"notes": [{"content": "some words"}], "x": [nope', ["the end"]),
        ('{"notes": [{"content": "some words"}, {"con', ["from record 2 on"]),
        ("[" + '{"content": "some words"},' + "[,:" * 20_002, ["from record 2 on"]),
    ],
)  # fmt: skip
def test_what_breaks_off_keeps_what_stands_before(tmp_path, monkeypatch, text, parts):
    path = tmp_path / "some.json"
    path.write_text(text)
    in_pieces(monkeypatch, 16, 0, 10)
    found = read(path)
    assert found[0][0] == f"{path}, record 1"  # type: ignore[index]
    assert [item.rpartition(f"{path}, ")[2] for item in found if isinstance(item, str)][: len(parts)] == parts


def test_an_item_beyond_a_bound_costs_itself(tmp_path, monkeypatch):
    path = tmp_path / "some.json"
    long = {"content": "word " * 3_000}
    many = {"content": "words", "x": [[]] * 3_000}
    deep = '{"content": "words", "x": ' + "[" * 9_000 + "]" * 9_000 + "}"
    short = [{"content": f"some words {number}"} for number in range(3)]
    path.write_text(f"[{json.dumps(short[0])}, {json.dumps(long)}, {deep}, {json.dumps(many)}, {json.dumps(short[1])}]")
    in_pieces(monkeypatch, 100, 100)
    monkeypatch.setattr(long_json, "MOST_JSON_BYTES", 20_000)
    for room in (long_json, bounds):
        monkeypatch.setattr(room, "MOST_JSON_TEXT_BYTES", 10_000)
    monkeypatch.setattr(bounds, "MOST_VALUES_BYTES", 200_000)
    found = read(path)
    assert sorted(item[0][-1] for item in found if not isinstance(item, str)) == ["1", "5"]
    assert sorted(item[-1] for item in found if isinstance(item, str)) == ["2", "3", "4"]


def test_a_list_of_broken_items_is_given_up(tmp_path, monkeypatch):
    path = tmp_path / "some.json"
    path.write_text('[{"content": "some words"},' + "x," * 50_000 + "1]")
    in_pieces(monkeypatch, 4096, 4096)
    found = read(path)
    assert len(found) < 1_100
    assert len([item for item in found if not isinstance(item, str)]) == 1


def test_stray_bytes_of_an_older_code_page_are_letters(tmp_path, monkeypatch):
    path = tmp_path / "some.json"
    path.write_bytes(
        b'[{"title": "first", "content": "' + b"word " * 20_000 + b'"}, {"content": "the caf\xe9 of caf\xc3\xa9s"}]'
    )
    in_pieces(monkeypatch, 1000, 10)
    assert "the café of cafés" in repr(read(path))


def test_a_file_of_another_kind_is_refused_as_before(tmp_path, monkeypatch):
    path = tmp_path / "some.json"
    noise = random.Random(3)
    for data in (b"\0\1\2" * 300, noise.randbytes(3_000), b"{" * 3_000, b'"' + b"x" * 3_000, b"{}" * 900):
        path.write_bytes(data)
        whole = read(path)
        with pytest.MonkeyPatch.context() as patch:
            in_pieces(patch, 64, 10)
            assert read(path) == whole


CHILD = """
import re, sys
from pathlib import Path
from rekall.exchange.folders import File
from rekall.exchange.reading import Choices, Found, read_files
path = Path(sys.argv[1])
found = sum(isinstance(item, Found) for item in read_files([File(str(path), path.name, path)], Choices()))
print(found, int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.slow
@own_memory
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("around", ["[]", '{"conversations": []}'])
def test_a_long_export_takes_no_more_memory_than_a_short_one(tmp_path, around):
    turns = {
        f"n{n}": {"message": {"author": {"role": "user"}, "content": {"parts": ["some words 😀 of it " * 400]}}, "parent": f"n{n - 1}", "children": [f"n{n + 1}"]}
        for n in range(20)
    }  # fmt: skip
    one = json.dumps({"title": "A talk", "create_time": 1700000000.5, "mapping": turns}, ensure_ascii=False)
    path = tmp_path / "conversations.json"
    with path.open("w", encoding="utf-8") as file:
        file.write(around[:-1].removesuffix("]"))
        file.write(", ".join([one] * 400))
        file.write("]" + around[-1].removeprefix("]"))
    assert path.stat().st_size > 64_000_000
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, str(path)], cwd=CHECKOUT, capture_output=True, text=True, check=True, timeout=300
    )
    found, peak_mb = map(int, ran.stdout.split())
    assert found == 400
    assert peak_mb < 120
