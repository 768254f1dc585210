"""A dash as people type it: flags are text, exclusions leave out, and whatever is not searched is said."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import Bench, make_bench, titles
from support.depth import tries

from rekall.entry.fields import Draft
from rekall.entry.filters import Filters
from rekall.entry.types import EntryType
from rekall.search.exclusions import MOST_CHARS
from rekall.search.query import MOST_PARTS, parse_query
from rekall.search.results import LeftOut, Mode, SearchResult

COMMANDS = {
    "Search a string in history": "git log -S finds when a string came or went: git log -S needle",
    "Run a shell in a container": "docker run -it --rm alpine sh. Use it when it hangs.",
    "Publish a port": "docker run -p 80:80 nginx, and say it in the file",
    "Unpack": "tar -xvf archive.tar, and tar -xzf for gzip",
    "All warnings": "gcc -Wall -Wextra main.c shows them",
    "Leave comments out": "grep -v ^# config shows what counts",
    "Remove a folder": "rm -rf build",
    "Find by name": 'find . -name "*.py" -type f',
    "Find by time": "find /var -mtime +7 -delete",
    "A refused open": "open returned -1 and errno was set",
    "Skip hooks": "git commit --no-verify when the hook is broken",
    "Long listing": "ls -la shows hidden files",
    "A heap for Java": "java -Xmx512m -jar app.jar",
    "Certificates": "openssl s_client -connect host:443 -servername host",
    "A style that wins": "color: red !important in css",
    "As root from vim": ":w !sudo tee %",
    "Not null": "ALTER TABLE t ALTER COLUMN c SET NOT NULL",
    "A plan": "terraform apply -auto-approve",
    "Copy video": "ffmpeg -i in.mp4 -vcodec copy out.mkv",
    "A name of a file": "the name of a file, its type and the shell it runs in",
    "A wall clock": "a wall clock is not monotonic; do not delete it, connect it, copy it",
    "All of it": "it is the name of the server; it runs, it hangs, and it needs a jar and a wall",
}
LINES = {
    "git log -S": "Search a string in history",
    "git log -S needle": "Search a string in history",
    "docker run -it": "Run a shell in a container",
    "docker run -it --rm alpine sh": "Run a shell in a container",
    "docker run -p 80:80": "Publish a port",
    "tar -xvf archive.tar": "Unpack",
    "tar -xzf": "Unpack",
    "gcc -Wall": "All warnings",
    "gcc -wall": "All warnings",
    "gcc -Wall -Wextra main.c": "All warnings",
    "grep -v ^#": "Leave comments out",
    "rm -rf": "Remove a folder",
    "find -name": "Find by name",
    "find / -name thing.txt": "Find by name",
    "find . -type f": "Find by name",
    "find -delete": "Find by time",
    "open returned -1": "A refused open",
    "git commit --no-verify": "Skip hooks",
    "ls -la": "Long listing",
    "java -Xmx512m -jar other.jar": "A heap for Java",
    "openssl s_client -connect example.org:443": "Certificates",
    "css color !important": "A style that wins",
    "vim :w !sudo tee": "As root from vim",
    "alter column SET NOT NULL": "Not null",
    "terraform apply -auto-approve": "A plan",
    "ffmpeg -i x.mp4 -vcodec copy y.mkv": "Copy video",
    "-Wextra": "All warnings",
}

PAIRS = (
    *("nginx chrome", "python windows", "docker compose", "postgres rails", "vim neovim", "css tailwind", "git branch"),
    *("redis cluster", "ssh keys", "cron github", "json schema", "react hooks", "regex perl", "linux kernel"),
    *("api AWS", "install Debian", "java kotlin", "http proxy", "deploy heroku", "cache browser", "test rspec"),
    *("shell zsh", "server apache", "queue kafka", "auth oauth2", "build gradle", "date timezone", "memory leak"),
    *("editor emacs", "数据库 超时", "straße größe", "поиск кэш"),
)


@pytest.fixture(scope="module")
def commands() -> Iterator[Bench]:
    made = make_bench()
    for title, content in COMMANDS.items():
        made.base.add(Draft(EntryType.TIL, title, content))
    yield made
    made.base.close()


@pytest.fixture(scope="module")
def pairs() -> Iterator[Bench]:
    """For every pair a note that holds both words, and one that holds the first."""
    made = make_bench()
    for pair in PAIRS:
        wanted, other = pair.split()
        made.base.add(Draft(EntryType.TIL, f"{wanted} alone", f"more about {wanted}"))
        made.base.add(Draft(EntryType.TIL, f"{wanted} and {other}", f"- {other}: {wanted} with {other}, {other}-like"))
    yield made
    made.base.close()


def search(bench: Bench, line: str, mode: Mode = Mode.WORDS, limit: int = 50) -> SearchResult:
    return bench.base.search(line, Filters(), mode, limit)


@pytest.mark.parametrize("mode", [Mode.WORDS, Mode.HYBRID])
@pytest.mark.parametrize("line", LINES)
def test_a_flag_is_text(commands, line, mode):
    found = search(commands, line, mode)
    assert LINES[line] in titles(found)
    assert (found.left_out, found.notes) == ((), ())


@pytest.mark.parametrize("sign", ["-{}", "!{}", "NOT {}"])
@pytest.mark.parametrize("pair", PAIRS)
def test_an_exclusion_leaves_out_and_says_so(pairs, pair, sign):
    wanted, other = pair.split()
    if sign == "NOT {}" and other.isupper():
        pytest.skip("NOT FOUND, NOT NULL: shouted words are text")
    found = search(pairs, f"{wanted} {sign.format(other)}")
    assert titles(found) == [f"{wanted} alone"]
    assert found.left_out == (LeftOut(other, 1),)
    (note,) = found.notes
    assert note == f'left out 1 entry with {other}; "{sign.removeprefix("NOT ").format(other)}" searches for it'


@pytest.mark.parametrize("pair", PAIRS)
def test_what_a_note_advises_finds_the_entry(pairs, pair):
    wanted, other = pair.split()
    found = search(pairs, f'{wanted} "-{other}"')
    assert titles(found) == [f"{wanted} and {other}"]
    assert (found.left_out, found.notes) == ((), ())


def test_words_before_and_behind_an_exclusion_are_searched(pairs):
    for line in ("-chrome nginx", "nginx -chrome alone", "more -chrome nginx"):
        found = search(pairs, line)
        assert titles(found)[0] == "nginx alone"
        assert "nginx and chrome" not in titles(found)


def test_a_phrase_behind_a_dash_is_always_left_out(commands):
    found = search(commands, 'docker run -"in a container"')
    assert "Run a shell in a container" not in titles(found)
    assert found.left_out == (LeftOut("in a container", 1),)


@pytest.mark.parametrize("sign", ['-"{}"', '!"{}"', 'NOT "{}"'])
def test_every_sign_leaves_a_phrase_out(commands, sign):
    line = f"docker run {sign.format('in a container')}"
    found = search(commands, line)
    assert "Run a shell in a container" not in titles(found)
    assert "Publish a port" in titles(found)
    assert found.left_out == (LeftOut("in a container", 1),)


@pytest.mark.parametrize("line", ['set NOT "NULL"', 'NOT "in a container"', '"NOT" "in a container"'])
def test_a_shouted_phrase_and_a_not_that_nothing_precedes_are_text(line):
    assert parse_query(line).excluded == ()


@pytest.mark.parametrize("word", ["-tag:web", "!tag:web", "-type:bug", "NOT tag:web", 'NOT tag:"web"'])
def test_a_filter_cannot_leave_out_and_that_is_said(bench, word):
    bench.base.add(Draft(EntryType.BUG, "nginx with the tag", tags=("web",)))
    bench.base.add(Draft(EntryType.TIL, "nginx without"))
    found = search(bench, f"nginx {word}")
    assert (found.filters, found.left_out) == (Filters(), ())
    assert "nginx with the tag" in titles(found)
    (note,) = found.notes
    assert note.endswith(" was searched as text, for a filter leaves nothing out")


@pytest.mark.parametrize("mode", [Mode.WORDS, Mode.HYBRID])
@pytest.mark.parametrize(
    "title", ["Config type:bug", "type:bug", "pull tag:latest again", "a -chrome nginx", 'the "use strict" line', "-x"]
)
def test_a_line_that_is_a_title_is_text(bench, title, mode):
    bench.base.add(Draft(EntryType.TIL, title))
    bench.base.add(Draft(EntryType.TIL, title.replace("-", "").replace('"', "").replace(":", " "), "chrome"))
    found = search(bench, f" {title.upper() if title != 'a -chrome nginx' else title} ", mode)
    assert titles(found)[0] == title
    assert (found.left_out, found.filters) == ((), Filters())
    assert [note for note in found.notes if "is the title of an entry" in note] == list(found.notes)
    assert bool(found.notes) == (":" in title)


def test_a_title_that_the_options_filter_out_is_none(bench):
    bench.base.add(Draft(EntryType.TIL, "type:bug"))
    bench.base.add(Draft(EntryType.BUG, "a bug", project="api"))
    found = bench.base.search("type:bug", Filters(project="api"), Mode.WORDS)
    assert titles(found) == ["a bug"]


def test_not_leaves_out_what_notes_write_as_a_flag(commands):
    assert search(commands, "find NOT name").left_out == (LeftOut("name", 3),)
    assert search(commands, "find !name").left_out == (LeftOut("name", 3),)


def test_several_exclusions_are_said_in_one_note(pairs):
    found = search(pairs, "nginx -chrome -compose -unheard -rails -apache")
    (note,) = found.notes
    assert note == (
        'left out 1 entry with chrome, 1 with compose, 0 with unheard and 2 more; "-chrome" searches for them'
    )
    assert [each.text for each in found.left_out] == ["chrome", "compose", "unheard", "rails", "apache"]


def test_an_exclusion_that_nothing_holds_is_said(pairs):
    found = search(pairs, "nginx -unheardof")
    assert found.notes == ('nothing to leave out: no entry holds unheardof; "-unheardof" searches for it',)
    assert found.left_out == (LeftOut("unheardof", 0),)


def test_a_flag_that_another_subject_writes_is_no_flag_here(commands):
    found = search(commands, "clock -name")
    assert found.left_out
    assert "A name of a file" not in titles(found)


def test_a_flag_far_behind_in_a_long_text_is_not_looked_for(bench):
    bench.base.add(Draft(EntryType.TIL, "mkvtool copies", "x " * MOST_CHARS + "mkvtool -chapters"))
    bench.base.add(Draft(EntryType.TIL, "mkvtool short", "mkvtool -tracks; tracks and chapters"))
    assert search(bench, "mkvtool -chapters").left_out
    assert not search(bench, "mkvtool -tracks").left_out


@pytest.mark.parametrize("line", ["find . -unheard | grep x", "$ find -name", "make -wall && ls", "cmd -file > out"])
def test_a_line_with_pipe_or_prompt_is_a_command(line):
    assert parse_query(line).marks == ()


def test_filters_of_the_line_are_said(bench):
    bench.base.add(Draft(EntryType.BUG, "nginx tag:latest in a text", tags=("web",)))
    assert search(bench, "nginx tag:web").notes == ('filtered by tag:web; "tag:web" searches for the text',)
    nothing = search(bench, "nginx tag:latest")
    assert nothing.hits == ()
    assert nothing.notes == ('no entry passes the filter tag:latest; "tag:latest" searches for the text',)
    for typed in ("since:3 days ago", "created:2020..", "changed:last year to today", "Tag:WEB"):
        assert search(bench, f"nginx {typed} status:active").notes[0].endswith(f'; "{typed}" searches for the text')
    assert titles(search(bench, 'nginx "tag:latest"')) == ["nginx tag:latest in a text"]
    alone = search(bench, "tag:web")
    assert (len(alone.hits), len(alone.notes)) == (1, 1)


def test_filters_of_options_are_not_said(bench):
    bench.base.add(Draft(EntryType.BUG, "nginx", tags=("web",)))
    assert bench.base.search("nginx", Filters(tags=("web",)), Mode.WORDS).notes == ()
    assert bench.base.search("nginx", Filters(tags=("none",)), Mode.WORDS).notes == ()


def test_a_phrase_that_nothing_holds_is_said(commands):
    found = search(commands, 'git commit -m "no such words"')
    assert found.notes == ('no entry holds "no such words" word for word; without quotes its words are searched',)


def test_exclusions_are_counted_among_what_passes(bench):
    for tag in ("web", "db"):
        bench.base.add(Draft(EntryType.TIL, f"nginx chrome {tag}", tags=(tag,)))
    assert search(bench, "nginx -chrome tag:web").left_out == (LeftOut("chrome", 1),)


def test_several_lines_are_text(commands):
    found = search(commands, "Traceback:\n  find -unheard -name\ntype:bug NOT wall -server")
    assert (found.left_out, found.notes) == ((), ())
    assert found.filters == Filters()
    assert parse_query("nginx -chrome\n").marks


def test_more_exclusions_than_count_are_text():
    parsed = parse_query("note " + " ".join(f"-word{number}x" for number in range(MOST_PARTS + 5)))
    assert len(parsed.marks) == MOST_PARTS
    assert f"-word{MOST_PARTS + 1}x" in parsed.without(parsed.marks)


PARTS = st.sampled_from(
    [
        *("nginx", "git", "find", "-name", "-chrome", "-it", "-S", "--no-verify", "-1", "!name", "!$", "!!", "NOT"),
        *("NOT NULL", '"a phrase"', '-"a phrase"', '-"', "type:bug", "tag:x", "tag:?", "-Wall", "-数据", "数据"),
        *("|", "$", "-c++", "-a.b", "-x=y", "'", "-'x'", '-m"x"', "!", "-", "--", "- ", "-é", "-ß", "-İ", "name"),
    ]
)
SIGNS = st.lists(PARTS | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=8).map(" ".join)


def letters(text: str) -> list[str]:
    return [character for character in text if character.isalnum()]


@settings(deadline=None, max_examples=tries(400))
@given(line=SIGNS)
def test_every_part_of_a_line_is_searched_or_said(commands, line):
    parsed = parse_query(line)
    found = search(commands, line)
    kept = parsed.without([mark for mark in parsed.marks if mark.word in {each.text for each in found.left_out}])
    said = [kept, *(each.text for each in found.left_out), str(found.filters)]
    for word in line.replace('"', " ").split():
        if word != "NOT" and letters(word):
            name = word.lstrip("-!")
            assert any(name in each or name.lower() in each.lower() for each in said), (word, said)
    assert bool(found.left_out) <= any("leave out" in note or "left out" in note for note in found.notes)


@settings(deadline=None, max_examples=tries(400))
@given(line=SIGNS | st.text(max_size=40))
def test_marks_lie_in_the_text_one_after_the_other(line):
    parsed = parse_query(line)
    at = 0
    for mark in parsed.marks:
        assert mark.start >= at
        assert parsed.text[mark.start :].startswith(mark.written)
        assert mark.word in mark.written
        at = mark.start + len(mark.written)
