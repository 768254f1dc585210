"""How a sync reads, for people and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rekall.cli.render import columns, error_fields, out, talk
from rekall.sync.reports import What
from rekall.wording import count_text, in_a_row, printable

if TYPE_CHECKING:
    from rekall.errors import RekallError
    from rekall.knowledge_base import KnowledgeBase
    from rekall.sync.git import GitReport
    from rekall.sync.reports import Refused, SyncChange, SyncConflict, SyncReport

_LINES = 20
"""Entries that are named; `--json` names all."""

_REFUSED = 5

_WORDS = {
    What.ADDED_HERE: ("in", "added"),
    What.CHANGED_HERE: ("in", "changed"),
    What.DELETED_HERE: ("in", "deleted"),
    What.RESTORED_HERE: ("in", "restored"),
    What.ADDED_THERE: ("out", "added"),
    What.CHANGED_THERE: ("out", "changed"),
    What.DELETED_THERE: ("out", "deleted"),
    What.RESTORED_THERE: ("out", "restored"),
    What.MERGED: ("both", "merged"),
    What.KEPT: ("both", "kept"),
    What.MOVED: ("both", "moved"),
}
"""Where a change goes, seen from the base, and what it is."""

_SUMS = (("in", "came in"), ("out", "went out"), ("merged", "merged"), ("kept", "kept"), ("moved", "moved"))


def print_report(
    base: KnowledgeBase, folder: Path, report: SyncReport, git: GitReport | None, *, is_quiet: bool = False
) -> None:
    """What a sync did, or would do: figures, then a line an entry, then what needs somebody.

    Args:
        base: The base.
        folder: The folder.
        report: What became of entries.
        git: What git did, where it has a part.
        is_quiet: Whether nothing is said of a sync that had nothing to do.
    """
    news = [each for each in report.left_alone if report.is_dry or not each.is_known]
    said = _sums(report, len(news))
    if not said and not is_quiet:
        out(f"{printable(str(folder))}: {_nothing(report)}")
    elif said:
        out(f"{printable(str(folder))}: {'would be: ' if report.is_dry else ''}{said}")
        order = list(_WORDS)
        changes = sorted(report.changes, key=lambda each: (order.index(each.what), each.title.casefold(), each.path))
        rows = [_row(change) for change in changes[:_LINES]]
        if rows:
            out(columns([["", *row] for row in rows], stretch=3))
        if len(report.changes) > _LINES:
            talk(f"… and {len(report.changes) - _LINES:,} more (--json names all)")
    if git is not None:
        _print_git(git)
    for line in _conflict_lines(base, report.conflicts):
        talk(line)
    _print_left(report.refused)
    _print_left(news, _LINES if report.is_dry else _REFUSED)
    old = len(report.left_alone) - len(news)
    if old and not is_quiet:
        talk(
            f"note: {count_text(old, 'file')} left alone as before; `rekall sync status` names {'it' if old == 1 else 'them'}"
        )


def _print_left(items: Sequence[Refused], most: int = _REFUSED) -> None:
    for item in items[:most]:
        hint = f" ({item.hint})" if item.hint else ""
        talk(f"left alone {printable(item.path)}: {printable(item.why + hint)}")
    if len(items) > most:
        talk(f"… and {len(items) - most:,} more left alone (--json names all)")


def embed_what_came(
    base: KnowledgeBase, ids: Sequence[str] | None = None, to_go_on: str = "", origin: KnowledgeBase | None = None
) -> str:
    """Give what waits for a vector one, also what came with a run that was stopped. Returns what there is to say of it, or nothing.

    Args:
        base: Where it came to.
        ids: The entries that came, where all else may wait.
        to_go_on: The command that embeds what waits then.
        origin: The base that they came from, which may have their vectors.
    """
    from contextlib import ExitStack

    from rekall.cli.progress import progress_bar
    from rekall.errors import EngineError

    show: Callable[[int, int], None] | None = None
    with ExitStack() as bar:

        def told(done: int, total: int) -> None:
            nonlocal show
            if show is None:  # no bar where nothing waits
                show = bar.enter_context(progress_bar("embedding (ctrl-c is safe)"))
            show(done, total)

        try:
            like = origin.index if origin else None
            made = base.index.embed_waiting(told) if ids is None else base.index.embed_entries(ids, told, like)
        except EngineError as error:
            hint = error.hint or base.index.advice()
            return f"\nwarning: without vectors for now: {error.message}\n\nhint: {hint}"
    said = [made.remark] if made.remark else []
    if ids is not None and made.left and made.holder is None:
        said.append(f"{count_text(made.left, 'passage')} there had been waiting for vectors; `{to_go_on}` makes them")
    return "".join(f"\nnote: {each}" for each in said)


def _sums(report: SyncReport, left: int) -> str:
    counts = Counter(_WORDS[change.what][0] for change in report.changes)
    counts.update(_WORDS[change.what][1] for change in report.changes if _WORDS[change.what][0] == "both")
    said = [f"{counts[key]:,} {word}" for key, word in _SUMS if counts[key]]
    if report.conflicts:
        said.append(f"{len(report.conflicts):,} changed on both sides")
    if left := left + len(report.refused):
        said.append(f"{left:,} left alone")
    return ", ".join(said)


def _nothing(report: SyncReport) -> str:
    same = count_text(report.unchanged, "entry", "entries")
    return f"nothing to do, {same} the same on both sides" if report.unchanged else "nothing to do, both are empty"


def _row(change: SyncChange) -> list[str]:
    way, what = _WORDS[change.what]
    fields = f"  ({', '.join(change.fields)})" if change.fields else ""
    return [way, what, in_a_row(f"{change.title or change.path}{fields}")]


def _print_git(git: GitReport) -> None:
    said = [
        f"{number:,} {word}"
        for number, word in (
            (git.commits, "committed"),
            (git.received, f"received from {git.remote}"),
            (git.sent, f"sent to {git.remote}"),
        )
        if number
    ]
    if said:
        talk(f"git: {', '.join(said)}")


def _conflict_lines(base: KnowledgeBase, conflicts: Sequence[SyncConflict]) -> Iterator[str]:
    """Each entry that both sides changed, with the names by which it can be looked at and settled."""
    short = base.short_ids([end for each in conflicts for end in (each.entry_id, each.kept_as)])
    for each in conflicts[:_LINES]:
        mine, theirs = short.get(each.entry_id, each.entry_id), short.get(each.kept_as, each.kept_as)
        yield f"changed here and there: {in_a_row(each.title)} ({', '.join(each.fields)})"
        yield f"  yours is {mine}, theirs is kept as {theirs}: `rekall show {mine} {theirs}`"
    if len(conflicts) > _LINES:
        yield f"… and {len(conflicts) - _LINES:,} more (--json names all)"


def _left_fields(item: Refused) -> dict[str, str]:
    return {"where": item.path, "message": item.why, "hint": item.hint}


def report_fields(
    folder: Path, report: SyncReport, git: GitReport | None, problem: RekallError | None
) -> dict[str, Any]:
    """The sync of one folder as JSON."""
    return {
        "folder": str(folder),
        "changes": [
            {
                "id": each.entry_id,
                "title": each.title,
                "path": each.path,
                "what": each.what.value,
                "fields": list(each.fields),
            }
            for each in report.changes
        ],
        "conflicts": [
            {"id": each.entry_id, "title": each.title, "kept_as": each.kept_as, "fields": list(each.fields)}
            for each in report.conflicts
        ],
        "refused": [_left_fields(each) for each in report.refused],
        "left_alone": [_left_fields(each) for each in report.left_alone],
        "unchanged": report.unchanged,
        "git": None
        if git is None
        else {"remote": git.remote or None, "commits": git.commits, "received": git.received, "sent": git.sent},
        "error": error_fields(problem)["error"] if problem is not None else None,
    }
