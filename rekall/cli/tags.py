"""`rekall tags` and `rekall projects`: which there are, and how often; renaming, merging, removing them everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rekall.app import App
from rekall.cli.options import filter_options, json_option, on_terminal, pass_app
from rekall.cli.render import columns, out_json, talk
from rekall.errors import Interrupted, InvalidInput, NotFound, UsageError
from rekall.wording import count_text, printable

if TYPE_CHECKING:
    from rekall.entry.filters import Filters
    from rekall.knowledge_base import KnowledgeBase

Command = TypeVar("Command", bound=Callable[..., Any])

_ASK_FROM = 20
"""So many entries are not changed without a question."""

_NONE = "-"
"""In the place of a project: none."""


def _asking_options(command: Command) -> Command:
    command = click.option("--dry-run", is_flag=True, help="Say what would change; change nothing.")(command)
    return click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")(command)


def _list_options(command: Command) -> Command:
    command = click.option(
        "--sort", type=click.Choice(["count", "name"]), default="count", help="By how often, or by name (count)."
    )(command)
    return filter_options(json_option(command))


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND] [ARGS]...")
@_list_options
@pass_app
@click.pass_context
def tags(context: click.Context, app: App, filters: Filters, sort: str, as_json: bool) -> None:
    """List tags with their counts; rename, merge or remove them."""
    if context.invoked_subcommand is None:
        _show("tags", app, filters, sort, as_json)


@tags.command("list")
@_list_options
@pass_app
def list_tags(app: App, filters: Filters, sort: str, as_json: bool) -> None:
    """List tags and how many entries have each, as `rekall tags` does; of these entries only, if filters are given."""
    _show("tags", app, filters, sort, as_json)


@tags.command("rename")
@click.argument("old", metavar="TAG")
@click.argument("new", metavar="NEW")
@_asking_options
@json_option
@pass_app
def rename_tag(app: App, old: str, new: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Give every entry with a tag another one; tags below it (TAG/...) get the new beginning."""
    _change_tags(app, [old], new, is_sure=yes, is_dry=dry_run, as_json=as_json)


@tags.command("merge")
@click.argument("names", metavar="TAG... INTO", nargs=-1, required=True)
@_asking_options
@json_option
@pass_app
def merge_tags(app: App, names: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool) -> None:
    """Make several tags one: the last of those given."""
    if len(names) < 2:
        raise UsageError(
            "merge takes the tags, and last the one they become", "for example `rekall tags merge k8s kubernetes`"
        )
    _change_tags(app, list(dict.fromkeys(names[:-1])), names[-1], is_sure=yes, is_dry=dry_run, as_json=as_json)


@tags.command("remove")
@click.argument("names", metavar="TAG...", nargs=-1, required=True)
@_asking_options
@json_option
@pass_app
def remove_tags(app: App, names: tuple[str, ...], dry_run: bool, yes: bool, as_json: bool) -> None:
    """Take tags away from every entry that has them; the entries stay."""
    _change_tags(app, list(dict.fromkeys(names)), None, is_sure=yes, is_dry=dry_run, as_json=as_json)


def _change_tags(
    app: App, names: Sequence[str], new: str | None, *, is_sure: bool, is_dry: bool, as_json: bool
) -> None:
    """Rename or remove tags, one after the other, once all of them are known to be there."""
    from rekall.entry import rules

    base = app.open_base()
    known = base.facets(of=("tags",)).tags
    old = [rules.tag(name) for name in names]
    come = None if new is None else rules.tag(new)
    if come == "":
        raise InvalidInput("the new tag is empty", "`rekall tags remove TAG` takes a tag away")
    old = [name for name in old if name != come]
    if not old:
        raise InvalidInput(
            f"{printable(come or '')!r} is the same tag", "tags are written in small letters; give another one"
        )
    counts = {name: known.get(name, 0) if come is None else _count(base, name) for name in old}
    for name, number in counts.items():
        if not number:
            raise _unknown("tag", name, list(known))
    entries = sum(counts.values())
    what = ", ".join(map(repr, map(printable, old)))
    if come is None:
        question = f"remove {what} from {count_text(entries, 'entry', 'entries')}"
    elif come in known:
        question = f"{what} become{'s' if len(old) == 1 else ''} {come!r}, which {_have(known[come])} already, in {count_text(entries, 'entry', 'entries')}"
    else:
        question = f"{what} become{'s' if len(old) == 1 else ''} {come!r} in {count_text(entries, 'entry', 'entries')}"
    if is_dry:
        _tell(question, 0, as_json, dry=entries)
        return
    _ask(question, is_sure or (entries < _ASK_FROM and (come is None or come not in known)))
    with base.past.as_one("tags", f"{', '.join(old)} {'removed' if come is None else f'→ {come}'}"):
        changed = sum(base.rename_tag(name, come) for name in old)
    _tell(f"changed {count_text(changed, 'entry', 'entries')}", changed, as_json)


@click.group(invoke_without_command=True, subcommand_metavar="[COMMAND] [ARGS]...")
@_list_options
@pass_app
@click.pass_context
def projects(context: click.Context, app: App, filters: Filters, sort: str, as_json: bool) -> None:
    """List projects with their counts; rename them."""
    if context.invoked_subcommand is None:
        _show("projects", app, filters, sort, as_json)


@projects.command("list")
@_list_options
@pass_app
def list_projects(app: App, filters: Filters, sort: str, as_json: bool) -> None:
    """List projects and how many entries belong to each, as `rekall projects` does."""
    _show("projects", app, filters, sort, as_json)


@projects.command("rename")
@click.argument("old", metavar="PROJECT")
@click.argument("new", metavar="NEW")
@_asking_options
@json_option
@pass_app
def rename_project(app: App, old: str, new: str, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Move every entry of a project to another one, which may be there already; `-` as NEW to none."""
    base = app.open_base()
    known = base.facets(of=("projects",)).projects
    number = sum(many for name, many in known.items() if name.casefold() == old.casefold())
    if not number:
        raise _unknown("project", old, list(known))
    come = None if new == _NONE else new
    if not new.strip():
        raise InvalidInput("the new project is empty", "`-` in its place stands for none")
    where = "no project" if come is None else repr(printable(come))
    there = f", which has {count_text(known[new], 'entry', 'entries')}" if come in known and come != old else ""
    question = f"move {count_text(number, 'entry', 'entries')} of {printable(old)!r} to {where}{there}"
    if dry_run:
        _tell(question, 0, as_json, dry=number)
        return
    _ask(question, yes or (number < _ASK_FROM and not there))
    with base.past.as_one("projects", f"{old} → {come or 'none'}"):
        changed = base.rename_project(old, come)
    _tell(f"changed {count_text(changed, 'entry', 'entries')}", changed, as_json)


def _show(what: str, app: App, filters: Filters, sort: str, as_json: bool) -> None:
    """Names and how often each is there."""
    from rekall.entry.filters import Filters

    facets = app.open_base().facets(filters, of=(what,))
    counts = facets.tags if what == "tags" else facets.projects
    ordered = dict(sorted(counts.items())) if sort == "name" else counts
    if as_json:
        out_json({what: [{"name": name, "entries": number} for name, number in ordered.items()]})
    elif ordered:
        from rekall.cli.pager import show_lines

        width = len(f"{max(ordered.values()):,}")
        rows = [[name, f"{number:>{width},}"] for name, number in ordered.items()]
        show_lines(columns(rows, stretch=0).split("\n"))
    elif filters != Filters():
        talk(f"no {what}: no entry that these filters choose has one")
    else:
        talk(
            f"no {what}; {'`rekall add --tag NAME`' if what == 'tags' else '`rekall add --project NAME`'} makes the first"
        )


def _unknown(noun: str, name: str, known: Sequence[str]) -> NotFound:
    from rekall.entry import rules

    near = rules.nearest(name, known)
    hint = f"did you mean {printable(near)!r}?" if near else f"`rekall {noun}s` lists them"
    return NotFound(
        f"no entry has the {noun} {printable(name)!r}" if noun == "tag" else f"no project {printable(name)!r}", hint
    )


def _count(base: KnowledgeBase, tag: str) -> int:
    """How many entries have a tag, or one below it."""
    from rekall.entry.filters import Filters

    return base.list_entries(Filters(tags=(tag,)), limit=0).total


def _have(number: int) -> str:
    return "one entry has" if number == 1 else f"{number:,} entries have"


def _ask(question: str, is_sure: bool) -> None:
    """Ask before many entries change, or before two names become one that nobody can take apart again."""
    if is_sure:
        return
    if not on_terminal():
        raise UsageError(
            f"{question}: that asks first, and there is no terminal to ask on", "add --yes to do it without being asked"
        )
    if not click.confirm(f"{question}?", err=True):
        raise Interrupted("nothing changed")


def _tell(text: str, changed: int, as_json: bool, *, dry: int | None = None) -> None:
    """Say what was changed, or would be."""
    if as_json:
        out_json({"changed": changed, "would_change": dry})
    elif dry is not None:
        talk(f"dry run, nothing changed: {text}")
    else:
        talk(text)
