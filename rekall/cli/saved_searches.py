"""Saved searches: what `rekall search --save`, `--saved` and `--forget` do, and what `@name` says of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click
from click.core import ParameterSource

from rekall.app import App
from rekall.cli.render import ANSWERS, columns, out, out_json, talk
from rekall.config import SEARCHES
from rekall.entry import rules
from rekall.entry.filters import FILTERS
from rekall.errors import InvalidInput, NotFound, UsageError
from rekall.search.query import parse_query
from rekall.search.saved import MARK, NAME, expanded, named_in
from rekall.wording import printable

_HOW = "for example `rekall search --save slow type:bug timeout since:2w`"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done about saved searches.

    Attributes:
        save: The name to keep the line under.
        forget: The name to forget.
        is_listed: List them.
    """

    save: str | None
    forget: str | None
    is_listed: bool

    @property
    def is_none(self) -> bool:
        """Whether it is an ordinary search."""
        return self.save is None and self.forget is None and not self.is_listed


def do(app: App, context: click.Context, wish: Wish, words: Sequence[str], *, as_json: bool) -> None:
    """Save a line, forget one, or list them.

    Raises:
        UsageError: Two of these are asked for, or words where there are none to give.
        InvalidInput: It cannot be saved.
        NotFound: There is none of that name.
    """
    options = [("--save", wish.save), ("--forget", wish.forget), ("--saved", wish.is_listed or None)]
    given = [option for option, value in options if value is not None]
    if len(given) > 1:
        raise UsageError(f"{given[0]} and {given[1]} are two things", "give one of them")
    if wish.save is not None:
        _save(app, context, wish.save.removeprefix(MARK), words, as_json=as_json)
    elif words:
        raise UsageError(f"{given[0]} searches nothing", "leave out the words; `rekall search --save NAME WORDS` saves")
    elif wish.forget is not None:
        _forget(app, context, wish.forget.removeprefix(MARK), as_json=as_json)
    else:
        _list(app.settings.searches, as_json=as_json)


def note_of(line: str, saved: Mapping[str, str]) -> str:
    """What to say of a line that begins with the mark of a saved search; empty for nothing."""
    name = named_in(line, saved)
    if name:
        return f"{MARK}{name} is your saved search: {saved[name]}"
    word = line.split(None, 1)[0]
    near = rules.nearest(word[1:], list(saved), 0.7)
    return f"{word} is no saved search, and was searched as text; did you mean {MARK}{near}?" if near else ""


def _save(app: App, context: click.Context, name: str, words: Sequence[str], *, as_json: bool) -> None:
    from rekall.cli.settings_file import write_search

    if not NAME.fullmatch(name):
        raise InvalidInput(
            f"{printable(name)!r} is no name for a search", f"letters, digits, - and _, without blanks; {_HOW}"
        )
    saved = app.settings.searches
    line = _line(expanded(" ".join(words), saved), context.params)
    before = saved.get(name)
    write_search(app.places, name, line)
    if as_json:
        _took_effect(context)
        out_json({"name": name, "line": line, "before": before})
        return
    talk(f"saved {MARK}{name}: {line}" + (f"  (it was: {before})" if before not in (None, line) else ""))
    left = _not_kept(context)
    if left:
        talk(f"note: {', '.join(left)} is not kept; give it when you run `rekall search {MARK}{name}`")


def _line(line: str, given: Mapping[str, Any]) -> str:
    """The line that is kept: words, and the filters of the options as they were typed, so that 2w stays two weeks.

    Raises:
        UsageError: Nothing is to be searched, or what is cannot stand in a line.
        InvalidInput: Together they would be read otherwise than apart.
    """
    if line.strip() == "-" or len(line.splitlines()) > 1:
        raise UsageError("a saved search is one line of words and filters", _HOW)
    texts = [(each, text) for each in FILTERS for text in given.get(each.name) or () if text.strip()]
    for each, text in texts:
        if each.name == "project" and text.casefold() in (".", "all"):
            raise UsageError(f"-p {text} depends on the folder, and is not kept", "give it when you run the search")
    options = [f'{each.key}:"{text}"' if len(text.split()) > 1 else f"{each.key}:{text}" for each, text in texts]
    kept = " ".join([line.strip(), *options]).strip()
    if not kept:
        raise UsageError("there is nothing to save", _HOW)
    if parse_query(kept).text != parse_query(line).text:
        raise InvalidInput(
            f"these filters cannot stand in a line: {' '.join(options)}", "a quote in the line has no end"
        )
    return kept


def _not_kept(context: click.Context) -> list[str]:
    """The options that were given and say how a search is answered, not what is searched."""
    kept = {"save", "as_json", "words", *(each.name for each in FILTERS)}
    return [
        max(each.opts, key=len)
        for each in context.command.params
        if each.name not in kept and context.get_parameter_source(each.name or "") is ParameterSource.COMMANDLINE
    ]


def _forget(app: App, context: click.Context, name: str, *, as_json: bool) -> None:
    from rekall.cli.settings_file import unset_setting

    saved = app.settings.searches
    if name not in saved:
        near = rules.nearest(name, list(saved))
        raise NotFound(
            f"no saved search {printable(MARK + name)}",
            f"did you mean {MARK}{near}?" if near else "`rekall search --saved` lists them",
        )
    unset_setting(app.places, f"{SEARCHES}.{name}")
    if as_json:
        _took_effect(context)
        out_json({"name": name, "line": None, "before": saved[name]})
    else:
        talk(f"forgot {MARK}{name}: {saved[name]}")


def _took_effect(context: click.Context) -> None:
    """A lost answer is no reason to do it again."""
    if ANSWERS in context.meta:
        context.meta[ANSWERS].takes_effect = True


def _list(saved: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        out_json({"searches": [{"name": name, "line": line} for name, line in saved.items()]})
    elif saved:
        out(columns([[printable(MARK + name), printable(line)] for name, line in saved.items()]))
    else:
        talk(f"no saved searches; {_HOW}")
