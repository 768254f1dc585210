"""`rekall add`."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.editor import Desk, edit_until_good
from rekall.cli.fields import WRITTEN, changes_of
from rekall.cli.options import MOST_STDIN_BYTES, as_text, field_options, json_option, on_terminal, pass_app, read_stdin
from rekall.cli.render import out_json, talk
from rekall.cli.saved import print_added
from rekall.cli.thought import TYPES, Thought, ThoughtCommand, checked_type, thought_of
from rekall.cli.typed import NOTES
from rekall.entry import rules
from rekall.entry.fields import BY_NAME, Draft
from rekall.entry.titles import titled
from rekall.entry.types import EntryType
from rekall.errors import Ambiguous, InvalidInput, NotFound, UsageError
from rekall.system.drafts import NEW
from rekall.wording import count_text

if TYPE_CHECKING:
    from rekall.exchange.editing import Template
    from rekall.knowledge.reports import Saved
    from rekall.knowledge_base import KnowledgeBase

NOTHING_WRITTEN = 1
"""The exit code where a person wrote nothing in the editor: nothing was added, as when git has no message."""

_ADD_HELP = f"""Write down an entry.

The first line is the title, the rest the content. The first word may be a type: {", ".join(TYPES[:-1])} or {TYPES[-1]};
without one it is the setting add.type. What is piped in is the content, or the whole entry where no words are given. Without
any text the editor opens, with headings that fit the type, or with your own templates/TYPE.md beside the config file.

Options stand before the text or behind it. docs/writing.md says what goes where.
"""


@click.command(cls=ThoughtCommand, help=_ADD_HELP)
@click.argument("words", nargs=-1, metavar="[TYPE] TEXT...")
@field_options("type", *WRITTEN)
@click.option("--edit", "-e", "is_edited", is_flag=True, help="Go on writing in the editor.")
@click.option("--fresh", is_flag=True, help="Start over in the editor, and throw away an earlier draft.")
@click.option("--from-json", metavar="FILE", help="Take whole entries from a file of JSON or JSON lines; - is stdin.")
@json_option
@click.pass_context
@pass_app
def add(
    app: App,
    context: click.Context,
    /,
    words: tuple[str, ...],
    is_edited: bool,
    fresh: bool,
    from_json: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Write down an entry; its help is `_ADD_HELP`."""
    for note in context.meta.get(NOTES, ()):
        talk(f"note: {note}")
    if from_json is not None:
        if words or is_edited or fresh:
            raise UsageError("--from-json says everything itself", "leave out the words, and use its options only")
        _add_from_json(app, from_json, given, as_json=as_json)
        return
    draft, says_something = _said(app, words, given)
    if not says_something and not is_edited and not on_terminal():
        raise _nothing_said()
    if is_edited and not on_terminal():
        raise UsageError("there is no terminal to open an editor on", "leave out --edit")
    if says_something:
        rules.checked(draft)  # before a database is created or an editor opens
    base = app.open_base(to_write=True)
    if says_something and not is_edited:
        print_added(base, [base.add(draft)], as_json=as_json)
        return
    named = [name for name, value in given.items() if value not in (None, ())]
    desk = Desk(app.places.drafts, app.settings.text("ui.editor"), 0, fresh, takes_unchanged=says_something)
    saved = _add_in_editor(app, base, desk, draft, named)
    if saved is not None:
        print_added(base, [saved], as_json=as_json)
        return
    if as_json:
        out_json({"entry": None, "warning": None, "secrets": [], "alike": [], "conflicts": []})
    else:
        talk("nothing written, nothing added")
    context.exit(NOTHING_WRITTEN)


def _said(app: App, words: tuple[str, ...], given: dict[str, Any]) -> tuple[Draft, bool]:
    """The entry that words, options and what is piped in make, and whether it says anything."""
    named, own = given.pop("type"), given.pop("content")
    is_asked_for = words[-1:] == ("-",) or own == "-"
    if words[-1:] == ("-",):
        if own is not None:
            raise UsageError("the content is given twice", "leave out the - or --content")
        words = words[:-1]
    thought = thought_of(words, named is not None)
    kind = checked_type(named) if named is not None else thought.kind or EntryType(app.settings.text("add.type"))
    own = "" if own is None or is_asked_for else own
    piped = read_stdin() if is_asked_for else piped_in(is_content=bool(words))
    piped = piped.replace("\r\n", "\n")
    if piped.strip() and own:
        talk("note: what came over stdin stands below the text of --content")
    content = "\n\n".join(part for part in (own, piped.strip("\n")) if part.strip())
    draft = _draft(app, kind, thought, content, given, is_whole=not own)
    says_something = bool(thought.text.strip() or content)
    if not says_something and len(words) > (thought.kind is not None):  # an empty text is a slip, of a script say
        rules.checked(draft)
    return draft, says_something


def _nothing_said() -> UsageError:
    return UsageError(
        "there is nothing to write down",
        "say it behind the command: `rekall add git log -S finds a string`, or pipe it in; on a terminal, `rekall add` "
        "alone opens the editor",
    )


def _draft(
    app: App, kind: EntryType, thought: Thought, content: str, given: dict[str, Any], *, is_whole: bool
) -> Draft:
    """The entry that words, options and a pipe make together.

    Args:
        app: Knows the project.
        kind: Its type.
        thought: The words.
        content: What was given as content, and came over stdin.
        given: The other options.
        is_whole: Without words the content is an entry in itself, which may say its title and fields.
    """
    begun = changes_of(given).applied(Draft(kind, ""))
    text = thought.text.strip()
    if text:
        if content and "\n" not in text and len(text) <= BY_NAME["title"].most:
            return _in_project(app, replace(begun, title=text, content=content), given)
        title, rest = titled(text)
        return _in_project(
            app, replace(begun, title=title, content="\n\n".join(part for part in (rest, content) if part)), given
        )
    read = _with_head(content, kind) if is_whole else None
    if read is not None:
        title, rest = (read.title, read.content) if read.title else titled(read.content)
        draft = changes_of(given).applied(replace(read, title=title, content=rest))
        return draft if draft.project else _in_project(app, draft, given)
    if is_whole and _is_record(content):
        talk("note: this JSON is kept as text; `rekall add --from-json -` reads entries from it")
    title, rest = titled(content)
    return _in_project(app, replace(begun, title=title, content=rest), given)


def _with_head(text: str, kind: EntryType) -> Draft | None:
    """The entry that a text says whose front matter names fields of one; None where it has none.

    A rule between lines and a document in YAML are text.
    """
    if not text.lstrip().startswith(("---\n", "+++\n")):
        return None
    from rekall.entry.record import means
    from rekall.exchange.editing import edited_draft
    from rekall.exchange.front_matter import split

    found = split(text)
    is_head = any(means(name) == "title" or (name == means(name) != "status") for name in found.fields)
    return edited_draft(text, kind) if is_head else None


def _is_record(text: str) -> bool:
    """Whether a text is JSON that looks like an entry, or a list of them."""
    if text.lstrip()[:1] not in ("{", "[") or '"title"' not in text:
        return False
    import json

    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    first = found[0] if isinstance(found, list) and found else found
    return isinstance(first, dict) and "title" in first


def _in_project(app: App, draft: Draft, given: dict[str, Any]) -> Draft:
    """The draft in the project that was named, `-` for none, or else in that of the folder."""
    if given["project"] is not None:
        return replace(draft, project=None if given["project"].strip() in ("", "-") else draft.project)
    found = app.project()
    return replace(draft, project=found.name) if found else draft


def piped_in(*, is_content: bool, is_taken: bool = True) -> str:
    """What came over stdin without having been asked for.

    Args:
        is_content: It stands below words; a loop over lines may have meant to keep it.
        is_taken: The command can take it, and says what it left.
    """
    if on_terminal() or sys.stdin.isatty():
        return ""
    try:
        is_stream = sys.stdin.fileno() != 0
    except (OSError, ValueError):  # a program that calls the command has put something in its place
        is_stream = True
    if is_stream:
        return read_stdin()
    from rekall.system.stdin import Came, whats_on_stdin

    found = whats_on_stdin(MOST_STDIN_BYTES, lambda: talk("waiting for what comes over stdin; ctrl-c ends it"))
    if is_taken and found.came is Came.SILENCE:
        talk("note: stdin is open, but nothing came over it; a lone - as the last word waits until it ends")
    if is_taken and found.came is Came.REST:
        talk("note: what is left of the file on stdin was not read; a lone - as the last word reads it")
    text = as_text(found.data)
    if is_content and found.is_shared:
        lines = count_text(len(text.splitlines()), "line")
        command = click.get_current_context().info_name
        talk(f"note: {lines} on stdin became the content; a loop keeps them by `rekall {command} … < /dev/null`")
    return text


def _add_in_editor(app: App, base: KnowledgeBase, desk: Desk, draft: Draft, named: list[str]) -> Saved | None:
    """Let the person write an entry.

    Args:
        app: Knows where templates lie.
        base: The base.
        desk: Where it is written.
        draft: What is known of it.
        named: The fields that options gave, which no template changes.
    """
    from rekall.exchange.editing import edited_draft, line_to_write, text_to_write

    template, draft = _by_template(app, draft, named)
    text = text_to_write(draft, template)

    def store(edited: str) -> Saved:
        read = edited_draft(edited, draft.type)
        if not read.title.strip() and read.content.strip():
            title, content = titled(read.content)
            read = replace(read, title=title, content=content)
        return base.add(read)

    return edit_until_good(replace(desk, line=line_to_write(text)), NEW, text, store)


def _by_template(app: App, draft: Draft, named: list[str]) -> tuple[Template | None, Draft]:
    """The person's own template for a type, if they have one, and the draft with what its front matter says.

    Raises:
        InvalidInput: It cannot be read, or names what does not exist.
    """
    file = app.places.templates / f"{draft.type.value}.md"
    if not file.is_file():
        return None, draft
    from rekall.exchange.editing import filled_in, read_template
    from rekall.system.decoding import text_of

    try:
        template = read_template(text_of(file))
        return template, filled_in(draft, template, named)
    except (InvalidInput, OSError) as error:
        why = error.message if isinstance(error, InvalidInput) else str(error)
        raise InvalidInput(f"the template {file} cannot be used: {why}", "correct it, or move it away") from error


def _add_from_json(app: App, name: str, given: dict[str, Any], *, as_json: bool) -> None:
    """Add the entries of a file of JSON; options hold for each of them."""
    from rekall.cli.whole import read_whole

    kind = EntryType(app.settings.text("add.type"))
    records = read_whole(read_stdin() if name == "-" else _file_text(name), kind)
    if given["type"] is not None:
        given["type"] = checked_type(given["type"]).value
    changes = changes_of({**given, "project": None})
    drafts = [changes.applied(record.draft) for record in records]
    drafts = [
        draft
        if record.names_project and given["project"] is None
        else _in_project(app, replace(draft, project=given["project"]), given)
        for draft, record in zip(drafts, records, strict=True)
    ]
    for place, draft in enumerate(drafts, 1):
        try:
            rules.checked(draft)
        except InvalidInput as error:
            raise InvalidInput(f"entry {place}: {error.message}", f"nothing was added; {error.hint}") from error
    base = app.open_base(to_write=True)
    try:
        saved = base.add_all([(draft, record.links) for draft, record in zip(drafts, records, strict=True)])
    except (InvalidInput, NotFound, Ambiguous) as error:
        error.hint = f"nothing was added; {error.hint}"
        raise
    print_added(base, saved, as_json=as_json, one=len(saved) == 1)


def _file_text(name: str) -> str:
    from pathlib import Path

    return as_text(Path(name).read_bytes(), name)
