"""`rekall review`: what is to be looked at again, asked one entry after the other, or listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.forms import scope
from rekall.cli.naming import METAVAR, entry_id, remember
from rekall.cli.options import filter_options, json_option, limit_option, on_terminal, pass_app
from rekall.cli.render import columns, out, out_json, talk, way_in
from rekall.cli.review_words import ahead, said, seen_text
from rekall.cli.where import Home, beside, together
from rekall.entry.times import written
from rekall.errors import UsageError
from rekall.knowledge import answers
from rekall.knowledge.review import Answer
from rekall.wording import count_text, in_a_row, printable

if TYPE_CHECKING:
    from rekall.entry.filters import Filters
    from rekall.knowledge.review import Due, Standing
    from rekall.knowledge_base import KnowledgeBase


@click.command()
@click.argument("names", metavar=f"[{METAVAR}]...", nargs=-1)
@click.option("--holds", is_flag=True, help="It still holds: ask again later than the last time.")
@click.option("--outdated", is_flag=True, help="It holds no longer: mark it as obsolete.")
@click.option("--by", "successor", metavar=METAVAR, help="With --outdated: the entry to read instead.")
@click.option("--reason", metavar="TEXT", default="", help="With --outdated: why.")
@click.option("--never", is_flag=True, help="Never ask about it again.")
@click.option("--again", is_flag=True, help="Ask about it now, whatever was answered before.")
@filter_options
@limit_option("review.per_day, less what was answered today")
@click.option("--all", "everything", is_flag=True, help="All that are due, however many.")
@click.option("--list", "is_listed", is_flag=True, help="Only list them.")
@json_option
@pass_app
def review(
    app: App,
    names: tuple[str, ...],
    holds: bool,
    outdated: bool,
    successor: str | None,
    reason: str,
    never: bool,
    again: bool,
    filters: Filters,
    limit: int | None,
    everything: bool,
    is_listed: bool,
    as_json: bool,
) -> None:
    """Ask of entries whether they still hold; those come first that probably do not.

    A new entry is due after two months to a year and a half, by its type; one that holds comes later each time, one that needed work
    sooner. Each answer is a key, and is kept at once. Not on a terminal, what is due is listed.

    ENTRY with an option answers for a script; without one it asks about that entry, due or not.
    """
    chosen = _chosen(names, holds=holds, outdated=outdated, never=never, again=again)
    if (successor is not None or reason) and chosen is not Answer.OUTDATED:
        raise UsageError("--by and --reason go with --outdated", "`rekall review ID --outdated --by OTHER`")
    if everything and limit is not None:
        raise UsageError("--all and --limit say different things", "give one of them")
    if names and (everything or limit is not None or not filters.is_empty):
        raise UsageError("the entries are named already", "leave out filters, --limit and --all")
    if chosen is not None:
        _answer(app, names, chosen, successor, reason, as_json=as_json)
        return
    project, _ = scope(app, filters.project) if filters.project else (None, None)
    filters = replace(filters, project=project)
    per_day = app.settings.whole("review.per_day")
    is_asked = on_terminal() and not (as_json or is_listed)
    if names:
        home, found = together(app, names, entry_id)
        if not is_asked:
            _list(app, home, [home.base.review.standing(each) for each in found], None, per_day, as_json=as_json)
    else:
        home = Home(app.open_base())
        due = _due(home.base, filters, per_day, limit, everything=everything, is_listed=not is_asked)
        found = [each.entry.id for each in due.entries]
        if not is_asked or not found:
            _list(app, home, due.entries, due, per_day, as_json=as_json)
    if is_asked and found:
        from rekall.cli.review_asking import ask

        ask(app, home.base, found)


def _chosen(names: Sequence[str], **given: bool) -> Answer | None:
    """The answer that an option gives. Raises UsageError: There are two, or no entry is named."""
    said = [name for name, is_given in given.items() if is_given]
    if len(said) > 1:
        raise UsageError(f"--{said[0]} and --{said[1]} are two answers", "give one of them")
    if said and not names:
        raise UsageError(f"--{said[0]} of which entry?", f"`rekall review ID --{said[0]}`")
    return Answer(said[0]) if said else None


def _due(
    base: KnowledgeBase, filters: Filters, per_day: int, limit: int | None, *, everything: bool, is_listed: bool
) -> Due:
    """What is due of today's share, or of as many as were asked for."""
    reviewer = base.review
    if limit is not None or everything:
        return reviewer.due(filters, limit, is_counted=True)
    answered = reviewer.due(filters, 0).answered
    return reviewer.due(filters, max(per_day - answered, 0), is_counted=True)


def _answer(
    app: App, names: Sequence[str], answer: Answer, successor: str | None, reason: str, *, as_json: bool
) -> None:
    """Take one answer for entries that were named."""
    home, found = together(app, names, entry_id)
    other = beside(app, home, found[0], successor) if successor is not None and found else None
    base = home.base
    answered = [base.review.answer(each, answer, other, reason) for each in found]
    if as_json:
        out_json(
            {
                "reviewed": [
                    {"entry": _fields(base.review.standing(each.entry.id)), "answer": answer.value} for each in answered
                ]
            }
        )
        return
    short = base.short_ids(found)
    for each in answered:
        out(f"{short[each.entry.id]}  {printable(each.entry.title)}: {said(each)}")
    if not answered:
        talk("nothing to answer: no ids on stdin")


def _list(
    app: App,
    home: Home,
    listed: Sequence[Standing],
    due: Due | None,
    per_day: int,
    *,
    as_json: bool,
) -> None:
    """List what is due, or how it stands with entries that were named."""
    if as_json:
        said_of_all = {} if due is None else {"due": due.total, "answered_today": due.answered, "per_day": per_day}
        out_json({**said_of_all, "entries": [_fields(each) for each in listed]})
        return
    if not listed:
        talk(_nothing(home.base, due))
        return
    ids = [each.entry.id for each in listed]
    short = home.base.short_ids(ids)
    rows = [
        [f"{place}", in_a_row(each.entry.title), each.entry.type.value, _when(each), short[each.entry.id]]
        for place, each in enumerate(listed, 1)
    ]
    out(columns(rows, stretch=1))
    remember(app, ids, bases=home.of(ids))
    if due is not None and due.total is not None:
        more = due.total - len(listed)
        what = f"{count_text(len(listed), 'entry', 'entries')} to review"
        talk(f"\n{what}; {more:,} more are due, --all lists them" if more else f"\n{what}")


def _nothing(base: KnowledgeBase, due: Due | None) -> str:
    """What is said where there is nothing to ask about."""
    if due is None:
        return "nothing to review: no ids on stdin"
    if due.total:
        return (
            f"that is all for today: {count_text(due.answered, 'entry', 'entries')} answered, "
            f"{due.total:,} more are due\n\nhint: `rekall review --limit 5` goes on; review.per_day is the most in a day"
        )
    if not base.count():
        return f"nothing to review; {way_in()}"
    return "nothing is due" + (
        f"; {count_text(due.answered, 'entry', 'entries')} answered today" if due.answered else ""
    )


def _when(standing: Standing) -> str:
    if standing.entry.status.value == "obsolete":
        return "obsolete, never due"
    now = datetime.now(timezone.utc)
    if standing.due_at is None:
        return "never asked about"
    if standing.due_at > now:
        return f"due {ahead(standing.due_at)}"
    return seen_text(standing)


def _fields(standing: Standing) -> dict[str, Any]:
    """How it stands with an entry, as JSON."""
    due_at, reviewed_at = (None if each is None else written(each) for each in (standing.due_at, standing.reviewed_at))
    return {
        **answers.summary(standing.entry, None),
        "seen_at": written(standing.seen_at),
        "due_at": due_at,
        "reviewed_at": reviewed_at if standing.times else None,
        "times": standing.times,
    }
