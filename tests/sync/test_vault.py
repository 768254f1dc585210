"""Folders of somebody else: an Obsidian vault, any Markdown. What nobody changed stays byte for byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.synced import Side, settle, sides

FRONT = """---
# kept by hand
aliases: [Short name]
tags:
  - infra/dns
  - Work   # mine
cssclasses: wide
created: 2024-05-06
review: {every: 30, by: "Ada"}
up: "[[Home]]"
---
"""
BODY = """# DNS at home

> [!note] A callout
> stays as it is

See [[Home#Router|the router]] and #home/lab. ^block-1

```dataview
LIST FROM #dns
```
%% hidden %%
"""


@pytest.fixture
def both(tmp_path: Path) -> list[Side]:
    made = sides(tmp_path / "vault")
    (tmp_path / "vault" / ".obsidian").mkdir()
    return made


def note(both: list[Side], text: str = FRONT + BODY, name: str = "DNS at home.md", **options: str) -> Path:
    path = both[0].folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(**options))
    return path


def only(side: Side) -> str:
    (entry_id,) = side.says()
    return entry_id


def test_a_note_gets_an_id_and_nothing_else(both):
    path = note(both)
    both[0].sync()
    entry_id = only(both[0])
    assert path.read_text() == FRONT.replace("---\n# DNS", "").removesuffix("---\n") + f"id: {entry_id}\n---\n" + BODY
    entry = both[0].entry(entry_id)
    assert entry.title == "DNS at home"
    assert set(entry.tags) == {"infra/dns", "work", "home/lab", "dns"} - {"dns"}
    assert "Short name" in entry.keywords
    settle(*both)
    assert both[0].says() == both[1].says()


def test_a_note_without_front_matter_gets_some(both):
    path = note(both, BODY)
    both[0].sync()
    assert path.read_text() == f"---\nid: {only(both[0])}\n---\n{BODY}"
    settle(*both)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", ["", "\n", "\n\n"])
def test_a_change_here_touches_only_its_own_lines(both, mark, end, last):
    text = (mark + (FRONT + BODY).rstrip("\n") + last).replace("\n", end)
    path = note(both, text)
    both[0].sync()
    entry_id = only(both[0])
    before = path.read_bytes().decode().split(end)
    both[0].change(entry_id, content=both[0].entry(entry_id).content.replace("stays as it is", "is changed"))
    settle(*both)
    after = path.read_bytes().decode().split(end)
    assert [line for line in after if line not in before] == ["> is changed"]
    assert [line for line in before if line not in after] == ["> stays as it is"]
    both[1].change(entry_id, title="DNS, at home", add_tags=["router"], type="decision")
    settle(*both)
    last_text = path.read_bytes().decode()
    assert [line for line in last_text.split(end) if line not in after] == [
        "  - router",
        "type: decision",
        "# DNS, at home",
    ]
    assert last_text.startswith(mark + "---")
    assert last_text.count("\r") == (last_text.count("\n") if end == "\r\n" else 0)
    assert last_text.endswith(f"%%{last}".replace("\n", end))


def test_tags_and_links_that_come_from_here_stand_in_the_front_matter(both):
    path = note(both, BODY)
    both[0].sync()
    entry_id = only(both[0])
    other = both[0].add("Router", "text")
    both[0].bench.base.link(entry_id, other, "related", "same box")
    both[0].change(entry_id, add_tags=["net"])
    settle(*both)
    head = path.read_text().split("---\n")[1]
    assert head == (f"id: {entry_id}\ntags:\n- net\nlinks:\n- target: {other}\n  type: related\n  reason: same box\n")
    assert path.read_text().endswith(BODY)
    assert [each.link.reason for each in both[1].bench.base.get(entry_id).links] == ["same box"]


def test_a_tag_that_stands_in_the_text_stays_and_that_is_said(both):
    note(both)
    both[0].sync()
    entry_id = only(both[0])
    both[0].change(entry_id, remove_tags=["home/lab", "work"])
    report = both[0].sync()
    assert [(each.path, "tags" in each.why) for each in report.refused] == [("DNS at home.md", True)]
    settle(*both)
    assert set(both[1].entry(entry_id).tags) == {"infra/dns", "home/lab"}


def test_an_id_of_another_tool_is_left_to_it(both):
    path = note(both, "---\nid: 202405061200\ntitle: Zettel\n---\ntext\n")
    both[0].sync()
    assert path.read_text() == f"---\nid: 202405061200\ntitle: Zettel\nrekall_id: {only(both[0])}\n---\ntext\n"
    settle(*both)


def test_front_matter_in_toml_gets_its_lines_before_the_tables(both):
    path = note(both, '+++\ntitle = "Post"\ntags = ["a"]\n[params]\nx = 1\n+++\ntext\n')
    both[0].sync()
    entry_id = only(both[0])
    both[0].change(entry_id, add_tags=["b"], title="Post two")
    settle(*both)
    assert path.read_text() == (
        f'+++\ntitle = "Post two"\ntags = ["a", "b"]\nid = "{entry_id}"\n[params]\nx = 1\n+++\ntext\n'
    )


def test_a_note_that_was_imported_from_there_is_that_entry(both):
    path = note(both)
    both[0].bench.base.files.import_paths(both[0].folder)
    entry_id = only(both[0])
    both[0].change(entry_id, add_tags=["mine"])
    both[0].sync()
    assert only(both[0]) == entry_id
    assert entry_id in path.read_text()
    settle(*both)
    assert "mine" in both[1].entry(entry_id).tags


def test_attachments_settings_and_templates_are_left_alone(both):
    folder = both[0].folder
    others = {
        "image.png": b"\x89PNG\r\n",
        "Drawing.canvas": b'{"nodes": []}',
        ".obsidian/app.json": b"{}",
        ".trash/Old.md": b"# Old\n",
        "Templates/Meeting.md": b"---\ndate: {{date}}\n---\n# {{title}}\n",
        "node_modules/x/README.md": b"# x\n",
        "Empty.md": b"\n",
        "data.json": b'{"a": 1}',
        "words.txt": b"not a note of this folder",
    }
    for name, data in others.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    report = both[0].sync()
    assert (report.changes, report.refused) == ((), ())
    assert {name: (folder / name).read_bytes() for name in others} == others


def test_new_entries_get_names_that_people_read_in_a_vault(both):
    both[0].add("What: is / this?", "text")
    both[0].sync()
    (path,) = both[0].folder.glob("*.md")
    assert path.name == "What - is - this.md"
    settle(*both)


def test_a_note_whose_id_somebody_removed_is_the_same_entry(both):
    path = note(both)
    both[0].sync()
    entry_id = only(both[0])
    path.write_text(re.sub(r"id: .*\n", "", path.read_text()).replace("hidden", "seen"))
    both[0].sync()
    assert only(both[0]) == entry_id
    assert entry_id in path.read_text()
    assert "seen" in both[0].entry(entry_id).content
    settle(*both)


def test_two_bases_give_a_new_note_the_same_id(both, tmp_path):
    """Neither sees what the other wrote: the note lies in two replicas of a folder that both know."""
    both[0].sync()
    both[1].sync()
    path = note(both)
    text = path.read_bytes()
    both[0].sync()
    first = path.read_bytes()
    both[1].bench.store.agreements.drop_folder(1)
    path.write_bytes(text)
    both[1].sync()
    assert path.read_bytes() == first
    assert only(both[0]) == only(both[1])


@pytest.mark.parametrize(
    "text",
    [
        "---\ntags: a\ntitle: T\n---\ntext\n",
        "---\ntags: a, b\n---\n# T\ntext\n",
        "---\ntags: [a, 'b c']\n---\n# T\ntext\n",
        "---\ntags:\n- a\n\nother: 1\n---\n# T\ntext\n",
        "---\ntags:\n    - a\n    - '#b'\n---\n# T\ntext\n",
        "---\ntag: a\ntags: [b]\n---\n# T\ntext\n",
        '---\n"tags": ["a"]\n---\n# T\ntext\n',
        "---\ntags:\n---\n# T\ntext\n",
        "---\n---\n# T\ntext\n",
        "# T\ntext\n",
        "T\n=\n\ntext\n",
        "text without a title\n",
        "---\ntext after a rule\n",
        "## T ##\ntext\n",
        "---\ntitle: >\n  folded\n  title\n---\ntext\n",
    ],
)
def test_every_way_to_write_tags_and_titles_can_be_changed(both, text):
    path = note(both, text, "T.md")
    both[0].sync()
    entry_id = only(both[0])
    tags = both[0].entry(entry_id).tags
    both[0].change(entry_id, add_tags=["new"], title="Another title", solution="one\ntwo")
    assert not both[0].sync().refused
    settle(*both)
    entry = both[1].entry(entry_id)
    assert (set(entry.tags), entry.title, entry.solution) == ({*tags, "new"}, "Another title", "one\ntwo")
    both[1].change(entry_id, remove_tags=tags, content="all\nnew")
    assert not both[1].sync().refused
    settle(*both)
    assert both[0].entry(entry_id).tags == ("new",)
    assert both[0].entry(entry_id).content == "all\nnew"
    assert path.exists()
