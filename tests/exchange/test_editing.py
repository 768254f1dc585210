"""The text that a person edits: nothing of an entry is lost on the way there and back, and a new one begins well."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rekall.entry import rules
from rekall.entry.fields import EDITED, Draft, Entry
from rekall.entry.other import others
from rekall.entry.types import EntryType, Status
from rekall.errors import InvalidInput
from rekall.exchange.editing import (
    edited_draft,
    filled_in,
    line_of_content,
    line_to_write,
    read_template,
    text_to_edit,
    text_to_write,
)

ID = "01K2KTZZZZZZZZZZZZZZZZZZZZ"
LINES = [
    *("## Situation", "## situation", "## Solution:", "## Error ##", "## Errors", "## What failed", "##Solution"),
    *("# Solution", "### Error", "## Files", "    ## Error", "## Error\t", "##  what  failed"),
    *("---", "...", "+++", "title: x", "- item", "```", "<!-- rekall: not ours -->", "<!-- rekall:", "-->", "<!-- x"),
    *(
        "",
        "  ",
        "\t",
        "    code",
        "plain text",
        "# a: b",
        "ends with \\",
        "ümläut · 日本",
        "\u2028",
        "\x85",
        "null",
        "~",
        "{",
    ),
    *("[", "{{x}}", "'", '"', "a: [b", "a #b", "%", "@x", "`", "!tag", "&a", "*a", "0x1F", "1e3", "no", "2026-01-31"),
]
texts = st.lists(st.sampled_from(LINES) | st.text(max_size=12), max_size=8).map("\n".join)
lines = st.sampled_from([line for line in LINES if line.strip()]) | st.text(min_size=1, max_size=20)
drafts = st.builds(
    Draft,
    type=st.sampled_from(EntryType),
    title=lines,
    content=texts,
    tags=st.lists(lines, max_size=3).map(tuple),
    project=st.none() | lines,
    status=st.sampled_from(Status),
    confidence=st.integers(0, 5),
    situation=texts,
    error_messages=st.lists(texts, max_size=3).map(tuple),
    solution=texts,
    what_failed=texts,
    files=st.lists(lines, max_size=3).map(tuple),
    keywords=st.lists(lines, max_size=3).map(tuple),
    sources=st.lists(texts, max_size=3).map(tuple),
    other_fields=st.dictionaries(lines, lines | st.integers() | st.booleans() | st.lists(lines), max_size=2).map(
        others
    ),
)


def as_stored(draft: Draft) -> Entry | None:
    """The entry that a draft becomes; None where it breaks a rule."""
    try:
        draft = rules.checked(draft)
        if any("\\u0000" in field.json for field in draft.other_fields):  # no file can say that
            return None
    except InvalidInput:
        return None
    now = datetime(2026, 1, 31, tzinfo=timezone.utc)
    values = {field.name: getattr(draft, field.name) for field in EDITED}
    return Entry(**values, id=ID, created_at=now, updated_at=now)


@given(drafts)
def test_a_text_that_nobody_changed_is_the_same_entry(draft):
    entry = as_stored(draft)
    if entry is not None:
        assert rules.checked(edited_draft(text_to_edit(entry), EntryType.REFERENCE)) == entry.as_draft()


@given(drafts)
def test_so_is_what_a_new_one_is_written_in(draft):
    entry = as_stored(draft)
    if entry is not None:
        assert rules.checked(edited_draft(text_to_write(entry.as_draft()), EntryType.REFERENCE)) == entry.as_draft()


@given(texts, st.integers(0, 60))
def test_the_line_of_a_place_in_the_content_holds_it(content, place):
    entry = as_stored(Draft(EntryType.BUG, "T", content, situation="S"))
    if entry is None or place >= len(entry.content):
        return
    begin = entry.content.rfind("\n", 0, place) + 1
    line = entry.content[begin:].partition("\n")[0]
    text = text_to_edit(entry)
    assert text.split("\n")[line_of_content(text, place, entry.content) - 1] == line


def test_an_entry_is_edited_under_its_headings():
    entry = as_stored(
        Draft(
            EntryType.BUG,
            "CORS fails on Safari",
            "The proxy ate the header.",
            ("cors", "safari"),
            situation="behind nginx",
            error_messages=("blocked by CORS", "status 0\nat fetch"),
            solution="Vary: Origin",
            files=("nginx.conf",),
        )
    )
    assert entry is not None
    text, _, _ = text_to_edit(entry).partition("<!-- rekall:")
    assert text == (
        "---\ntitle: CORS fails on Safari\ntype: bug\ntags: [cors, safari]\nproject:\nfiles: [nginx.conf]\n---\n\n"
        "The proxy ate the header.\n\n## Situation\n\nbehind nginx\n\n## Error\n\nblocked by CORS\n\n"
        "## Error\n\nstatus 0\nat fetch\n\n## Solution\n\nVary: Origin\n\n"
    )


def test_a_text_that_holds_our_headings_keeps_them():
    entry = as_stored(Draft(EntryType.TIL, "Templates", "Write:\n\n## Solution\n\nwhat helped", situation="a bug"))
    assert entry is not None
    text = text_to_edit(entry)
    assert "\nsolution:\n" in text  # the head names it, so the heading is text
    assert "## Situation\n\na bug" in text
    read = edited_draft(text.replace("what helped", "what did help"), EntryType.TIL)
    assert (read.content, read.solution, read.situation) == ("Write:\n\n## Solution\n\nwhat did help", "", "a bug")


def test_what_is_written_behind_the_help_stays():
    text = text_to_edit(Draft(EntryType.TIL, "T", "first"))
    assert edited_draft(f"{text}last\n", EntryType.TIL).content == "first\n\nlast"


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("## Situation", "situation"),
        ("## SOLUTION", "solution"),
        ("## what failed:", "what_failed"),
        ("## Errors", "error_messages"),
    ],
)
def test_headings_are_read_as_people_write_them(heading, field):
    below = "here\n### deeper\n\n```\n## a comment\n```\n# level one"
    read = edited_draft(f"---\ntitle: T\n---\nfirst\n{heading}\n{below}\n\n## Other\nmore\n", EntryType.BUG)
    assert read.content == "first\n\n## Other\nmore"
    value = getattr(read, field)
    assert (value if isinstance(value, str) else value[0]) == below


def test_a_field_with_headings_of_its_own_stands_in_the_head():
    entry = as_stored(Draft(EntryType.BUG, "T", "first", situation="a", solution="one\n\n## Then\n\ntwo"))
    assert entry is not None
    text = text_to_edit(entry)
    assert "\nsolution:" in text
    assert "## Situation\n\na\n" in text
    assert edited_draft(text.replace("two", "2"), EntryType.BUG).solution == "one\n\n## Then\n\n2"


@pytest.mark.parametrize("kind", EntryType)
def test_a_new_entry_begins_with_what_fits_its_type(kind):
    text = text_to_write(Draft(kind, "", project="webapp"))
    assert text.startswith(f"---\ntitle:\ntype: {kind.value}\ntags: []\nproject: webapp\n---\n")
    assert line_to_write(text) == 2
    named = text_to_write(Draft(kind, "T"))
    assert named.split("\n")[line_to_write(named) - 1] == ""
    lines = named.split("\n")
    assert "".join(lines[: line_to_write(named)]).endswith("## Situation" if "## Situation" in lines else "---")
    assert ("## What failed" in lines) == (kind in (EntryType.BUG, EntryType.PITFALL, EntryType.DECISION))
    empty = edited_draft(named, EntryType.TIL)
    assert empty == Draft(kind, "T")


def test_the_help_names_what_may_be_written():
    text = text_to_write(Draft(EntryType.TIL, ""))
    for allowed in ("pitfall", "obsolete", "0 to 5", "superseded_by", "keywords", "## What failed"):
        assert allowed in text


def test_an_own_template_fills_in_what_nobody_named():
    template = read_template(
        "\ufeff---\r\ntags: [postmortem]\r\nproject: ops\r\nteam: red\r\n---\r\n## Timeline\r\n\r\n## Solution\r\n"
    )
    draft = filled_in(Draft(EntryType.BUG, "", project="webapp"), template, ["project"])
    assert draft == replace(
        Draft(EntryType.BUG, "", project="webapp", tags=("postmortem",)), other_fields=others({"team": "red"})
    )
    text = text_to_write(draft, template)
    assert "team: red\n---\n\n## Timeline\n\n## Solution\n\n<!--" in text
    read = edited_draft(text.replace("## Solution\n", "## Solution\nrolled back\n"), EntryType.BUG)
    assert (read.content, read.solution) == ("## Timeline", "rolled back")
    assert text_to_write(Draft(EntryType.TIL, ""), read_template("just text\n")).split("\n\n")[1] == "just text"


@pytest.mark.parametrize("text", ["---\ntags: [x\n---\n", "---\nconfidence: high\n---\n"])
def test_an_own_template_that_cannot_be_read_is_refused(text):
    with pytest.raises(InvalidInput):
        filled_in(Draft(EntryType.BUG, ""), read_template(text), ())
