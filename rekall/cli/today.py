"""`rekall today`: the note of a day, to which lines are added; and the page of what was learned on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from rekall.app import App
from rekall.cli.add import piped_in
from rekall.cli.editor import Desk, edit_until_good
from rekall.cli.options import json_option, on_terminal, pass_app, read_stdin
from rekall.cli.render import ANSWERS, talk
from rekall.cli.saved import print_saved
from rekall.cli.show import show
from rekall.cli.thought import ThoughtCommand
from rekall.cli.typed import NOTES
from rekall.entry.fields import Draft
from rekall.entry.times import local_day, local_time
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput, NotFound, UsageError

if TYPE_CHECKING:
    from rekall.knowledge.reports import Saved
    from rekall.knowledge_base import KnowledgeBase

TAG = "daily"


class _Line(ThoughtCommand):
    """A thought that has no type of its own."""

    takes_type = False


@click.command(cls=_Line)
@click.argument("words", nargs=-1, metavar="[TEXT]...")
@click.option("--date", metavar="DATE", help="Of another day: monday, 2026-11-24.")
@click.option("--yesterday", is_flag=True, help="Of the day before.")
@click.option("--show", "is_shown", is_flag=True, help="Only show the note, as `rekall show` does.")
@click.option("--page", is_flag=True, help="Show what was written down and changed; TEXT names another time.")
@click.option("--week", is_flag=True, help="As --page does, of this week.")
@click.option("--markdown", is_flag=True, help="The page as Markdown, for a report.")
@click.option("--fresh", is_flag=True, help="Start over in the editor, and throw away an earlier draft.")
@json_option
@pass_app
@click.pass_context
def today(
    context: click.Context,
    app: App,
    words: tuple[str, ...],
    date: str | None,
    yesterday: bool,
    is_shown: bool,
    page: bool,
    week: bool,
    markdown: bool,
    fresh: bool,
    as_json: bool,
) -> None:
    """Add a line to the note of the day; without one, open it.

    With words, or with what is piped in, the line `- 14:05 words` comes to the end of the entry whose title is the day,
    2026-11-24; the first line makes it: a til with the tag daily, in no project. There is one a day, whatever folder one
    stands in. Without words it opens in the editor at its end; where there is no terminal, it is printed.

    A line for another day has no time, unless DATE names one: "yesterday 18:00".

    `rekall today --page` is the page of the day: what was written down, changed, found outdated and deleted, by project.
    Words behind it name another time: `rekall today --page last week`.
    """
    for note in context.meta.get(NOTES, ()):
        talk(f"note: {note}")
    if date is not None and yesterday:
        raise UsageError("--yesterday and --date name two days", "give one of them")
    if page or week or markdown:
        when = _time_of_page(words, date, yesterday=yesterday, week=week)
        if is_shown or fresh:
            raise UsageError("--page shows what was learned, and --show the note", "give one of them")
        _print_page(context, app, when, as_json=as_json, as_markdown=markdown)
        return
    day, time = _day("yesterday" if yesterday else date)
    if is_shown and words:
        raise UsageError("--show only shows the note", "leave it out to add the line, or leave out the words")
    text = "" if is_shown else _text(words)
    if words and not text:
        raise UsageError("there is nothing to write down", "say it behind the command: `rekall today found the leak`")
    note = Draft(EntryType.TIL, day, tags=(TAG,))
    if text:
        base = app.open_base(to_write=True)
        print_saved(base, base.journal.append(replace(note, content=_item(time, text))), "added to", as_json=as_json)
    elif is_shown or as_json or not on_terminal():
        _show(context, app.open_base(), note)
    else:
        base = app.open_base(to_write=True)
        saved = _edited(app, base, note, fresh=fresh)
        if saved is None:
            talk("nothing changed")
        else:
            print_saved(base, saved, "changed", as_json=False)


def _time_of_page(words: tuple[str, ...], date: str | None, *, yesterday: bool, week: bool) -> str:
    """The time that a page is of, as it was said in one of the ways. Raises UsageError: In two of them."""
    ways = [" ".join(words).strip(), date or "", "yesterday" * yesterday, "this week" * week]
    said = [way for way in ways if way]
    if len(said) > 1:
        raise UsageError(f"{said[0]!r} and {said[1]!r} name two times", "give one of them")
    return said[0] if said else ""


def _print_page(context: click.Context, app: App, when: str, *, as_json: bool, as_markdown: bool) -> None:
    from rekall.cli.day_page import print_page

    if as_json and as_markdown:
        raise UsageError("--json and --markdown are two forms of one answer", "give one of them")
    if ANSWERS in context.meta:
        context.meta[ANSWERS].takes_effect = False
    print_page(app, app.open_base(), when, as_json=as_json, as_markdown=as_markdown)


def _day(text: str | None) -> tuple[str, str]:
    """The title of the note of a day, and the time that its line has, if any.

    Raises:
        InvalidInput: It is no date, or more than one day.
    """
    now = datetime.now(timezone.utc)
    if text is None:
        return local_day(now), _time(now)
    from rekall.entry.spoken_dates import said

    found = said(text, now)
    day = local_day(found.start)
    if day != local_day(found.last):
        raise InvalidInput(f"{text!r} is more than one day", "name one: monday, 5 nov, 2026-11-24")
    if found.end is None:
        return day, _time(found.start)
    return day, _time(now) if day == local_day(now) else ""


def _time(moment: datetime) -> str:
    return local_time(moment).partition(" ")[2]


def _text(words: tuple[str, ...]) -> str:
    """What words and a pipe say, as `rekall add` reads them."""
    is_asked_for = words[-1:] == ("-",)
    words = words[:-1] if is_asked_for else words
    said = " ".join(words).strip()
    piped = read_stdin() if is_asked_for else piped_in(is_content=bool(words))
    lines = [line.rstrip() for line in piped.splitlines()]
    return "\n\n".join(part for part in (said, "\n".join(lines).strip("\n")) if part)


def _item(time: str, text: str) -> str:
    """A text as an item of a list; its further lines belong to the item."""
    first, *rest = text.splitlines()
    head = " ".join(part for part in ("-", time, first.strip()) if part)
    return "\n".join([head, *(f"  {line}" if line.strip() else "" for line in rest)])


def _show(context: click.Context, base: KnowledgeBase, note: Draft) -> None:
    if ANSWERS in context.meta:
        context.meta[ANSWERS].takes_effect = False
    found = base.journal.find(note)
    if found is None:
        raise NotFound(
            f"there is no note of {note.title}",
            "`rekall today TEXT` makes that of today, --date names a day; `rekall today --page` shows what was learned",
        )
    context.invoke(show, names=(found.id,), as_json=context.params["as_json"])


def _edited(app: App, base: KnowledgeBase, note: Draft, *, fresh: bool) -> Saved | None:
    """Let the person write in the note of a day, at its end."""
    from rekall.exchange.editing import edited_draft, line_of_content, text_to_edit

    old = base.journal.find(note)
    text = text_to_edit(old or note)
    content = old.content if old else ""
    desk = Desk(app.places.drafts, app.settings.text("ui.editor"), line_of_content(text, len(content), content), fresh)

    def store(edited: str) -> Saved:
        draft = edited_draft(edited, note.type)
        if old is not None:
            return base.journal.edit(old, draft)
        return base.journal.append(draft) if draft.title == note.title else base.add(draft)

    return edit_until_good(desk, old.id if old else f"day-{note.title}", text, store)
