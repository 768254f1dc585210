"""`rekall pick`, and how a person chooses an entry wherever none was named: fzf, the terminal UI, or a numbered list."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import cells, fit, out, out_exactly, out_json, talk, terminal_width
from rekall.errors import UsageError
from rekall.system.pipes import closed_pipe_ignored
from rekall.wording import in_a_row

if TYPE_CHECKING:
    from rekall.entry.fields import Entry
    from rekall.knowledge_base import KnowledgeBase

_MOST_HITS = 100
_MOST_LISTED = 20_000
"""Of a larger base fzf is given the entries that were changed last; a query searches all of it."""

_AT_ONCE = 500
_SHORT_LIST = 15
_FZF_LEFT = (1, 130)
"""What fzf ends with where nothing fits, and where the person leaves."""


@click.command()
@click.argument("words", metavar="[QUERY]...", nargs=-1)
@click.option("--content", is_flag=True, help="Print its text instead of its id.")
@click.option("--title", is_flag=True, help="Print its title instead of its id.")
@json_option
@pass_app
def pick(app: App, words: tuple[str, ...], content: bool, title: bool, as_json: bool) -> None:
    """Choose an entry on the terminal, and print its id or its text.

    For pipes, keys and scripts: `rekall edit "$(rekall pick nginx)"`. It opens fzf where that is installed, else the terminal UI, else a numbered list; ui.picker chooses. Whoever leaves it
    without choosing ends it with exit code 130.
    """
    said = [name for name, given in (("--content", content), ("--title", title), ("--json", as_json)) if given]
    if len(said) > 1:
        raise UsageError(f"{said[0]} and {said[1]} are two forms of one answer", "give one of them")
    if not can_pick():
        raise UsageError(
            "there is no terminal to choose on", "`rekall search QUERY --ids -n 1` prints the id of the best hit"
        )
    chosen = pick_one(app, " ".join(words))
    if chosen is None:
        raise click.exceptions.Exit(130)
    base = app.open_base()
    if as_json:
        from rekall.knowledge import answers

        out_json({"entry": answers.view(base.get(chosen))})
    elif content:
        (out if sys.stdout.isatty() else out_exactly)(base.get(chosen).entry.content)
    else:
        out(base.titles([chosen])[chosen] if title else chosen)
    base.lookups.note_opened([chosen], "copy", " ".join(words))


def can_pick() -> bool:
    """Whether a person can be shown something and can answer; stdout may be a pipe."""
    return sys.stdin.isatty() and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def pick_one(app: App, query: str) -> str | None:
    """Let a person choose an entry. Returns its id, None where nothing was chosen.

    Args:
        app: The application.
        query: What is searched for at first; empty shows everything, the latest change first.
    """
    from rekall.cli.tui import is_installed
    from rekall.search.saved import expanded

    query = expanded(query, app.settings.searches)
    wanted = app.settings.text("ui.picker")
    base = app.open_base()
    if not base.count():
        talk("there is no entry to choose yet; start with `rekall add` or `rekall import`")
        return None
    fzf = shutil.which("fzf") if wanted in ("auto", "fzf") else None
    if fzf:
        return _with_fzf(fzf, base, query, app.settings.whole("search.limit"))
    if wanted == "fzf":
        raise UsageError(
            "ui.picker is fzf, and fzf is not installed", "`rekall config set ui.picker auto` takes what is there"
        )
    if wanted in ("auto", "tui") and is_installed():
        from rekall.tui.app import pick as pick_in_tui

        with contextlib.closing(app.long_lived()) as stays:
            return pick_in_tui(stays, query)
    return _from_list(base, query)


def _found(base: KnowledgeBase, query: str, most: int) -> list[Entry]:
    """What a query finds, the best first; without a query the latest change first."""
    if query.strip():
        return [hit.entry for hit in base.search(query, limit=most).hits]
    return list(base.list_entries(limit=most).entries)


def _with_fzf(fzf: str, base: KnowledgeBase, query: str, limit: int) -> str | None:
    """Let a person choose in fzf, which filters what a query found as they type."""
    entries: Iterable[Entry] = _found(base, query, max(limit, _MOST_HITS)) if query.strip() else _all(base)
    # what fzf shows is what it is given: an id that is read back, and a line that hides nothing
    preview = f'"{sys.executable}" -m rekall show --no-pager {{1}}'
    command = [
        *(fzf, "--delimiter", "\t", "--with-nth", "2..", "--no-multi", "--prompt", "rekall> "),
        *("--preview", preview, "--preview-window", "right,50%,wrap,<100(down,50%,wrap)"),
        *(("--no-sort",) if query.strip() else ("--tiebreak", "index")),
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        with closed_pipe_ignored():  # a choice was made before all of them were there
            for entry in entries:
                process.stdin.write(f"{entry.id}\t{_line(entry)}\n".encode())
        with closed_pipe_ignored():
            process.stdin.close()
        chosen = process.stdout.read().decode("utf-8", "replace")
        code = process.wait()
    if code in _FZF_LEFT:
        return None
    if code:
        raise UsageError(f"fzf ended with code {code}", "`rekall config set ui.picker list` does without it")
    return chosen.partition("\t")[0].strip() or None


def _all(base: KnowledgeBase) -> Iterator[Entry]:
    """The entries, the latest change first, a bounded number of them in memory at a time."""
    for offset in range(0, _MOST_LISTED, _AT_ONCE):
        page = base.list_entries(limit=_AT_ONCE, offset=offset)
        yield from page.entries
        if len(page.entries) < _AT_ONCE:
            return


def _line(entry: Entry) -> str:
    labels = [entry.type.value, entry.project or "", *(f"#{tag}" for tag in entry.tags)]
    return in_a_row(f"{entry.title}  [{' '.join(filter(None, labels))}]").replace("\n", " ").replace("\t", " ")


def _from_list(base: KnowledgeBase, query: str) -> str | None:
    """Let a person choose a number, or search on with other words."""
    while True:
        entries = _found(base, query, _SHORT_LIST)
        _say(_numbered(entries) if entries else [f"nothing found for {query!r}"])
        answer = _asked("number, other words, or enter to leave: ").strip()
        if not answer:
            return None
        if answer.isdecimal() and 1 <= int(answer) <= len(entries):
            return entries[int(answer) - 1].id
        query = answer


def _numbered(entries: Sequence[Entry]) -> list[str]:
    width = min(terminal_width(), 100)
    lines = []
    for place, entry in enumerate(entries, 1):
        kind = entry.type.value
        title = fit(in_a_row(entry.title), max(width - 6 - len(kind), 10))
        lines.append(f"{place:>2}  {title}{' ' * (width - 6 - len(kind) - cells(title))}  {kind}")
    return lines


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        click.echo(line, err=True)


def _asked(question: str) -> str:
    """What a person types; nothing where the input ends."""
    click.echo(question, nl=False, err=True)
    return sys.stdin.readline()
