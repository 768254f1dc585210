"""`rekall base`: bases beside one's own, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rekall.app import OWN, App
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.errors import DatabaseReadOnly, StorageError, UsageError
from rekall.wording import count_text, printable, shell_word

if TYPE_CHECKING:
    from rekall.bases import KnownBase
    from rekall.beside import Looked


@click.group()
def base() -> None:
    """Name bases beside your own: a team's PostgreSQL, a second folder.

    `rekall search` asks all of them, `rekall -b NAME COMMAND` works with one, `rekall share` and `rekall take` copy entries.
    """


@base.command()
@click.argument("name")
@click.argument("location")
@click.option("--read-only", is_flag=True, help="Never change anything in it from here.")
@json_option
@pass_app
def add(app: App, name: str, location: str, read_only: bool, as_json: bool) -> None:
    """Give a base a name, after a look at it.

    LOCATION is a folder as REKALL_HOME names it, or a PostgreSQL: postgresql://host/name, or keywords as service=team. A
    password has no place in it: ~/.pgpass, a service file or PGPASSWORD give it.
    """
    from rekall.bases import KnownBase, checked_location, checked_name
    from rekall.beside import visit

    known = KnownBase(checked_name(name), checked_location(location), read_only)
    count = visit(known)
    was_there = app.bases.add(known)
    if as_json:
        out_json({"base": _fields(app, known), "entries": count})
        return
    talk(f"{'changed' if was_there else 'added'} {name}: {count_text(count, 'entry', 'entries')}")
    talk(f"\nhint: `rekall search` asks it, too; `rekall -b {name} list` lists it alone")


@base.command("list")
@json_option
@pass_app
def list_bases(app: App, as_json: bool) -> None:
    """List the bases that have a name, your own first."""
    known = list(app.bases)
    if as_json:
        own = {
            "name": OWN,
            "location": str(app.places.database),
            "read_only": False,
            "in_use": app.in_use == OWN,
        }
        out_json({"bases": [own, *(_fields(app, each) for each in known)]})
        return
    rows = [[OWN, printable(str(app.places.database)), _how(app, OWN)]]
    rows += [[each.name, printable(each.location), _how(app, each.name, each)] for each in known]
    out(columns(rows))
    if not known:
        talk("\nhint: `rekall base add NAME LOCATION` names another one")


@base.command()
@click.argument("name")
@json_option
@pass_app
def use(app: App, name: str, as_json: bool) -> None:
    """Let commands work with a base from now on; `own` is your own.

    `rekall -b NAME` does so for one command, the variable REKALL_BASES_USE for one shell.
    """
    from rekall.cli.settings_file import write_setting

    app.beside(name)
    write_setting(app.places, "bases.use", name)
    if as_json:
        out_json({"in_use": name})
    else:
        talk(f"commands work with {'your own base' if name == OWN else name}")


@base.command()
@click.argument("name")
@json_option
@pass_app
def remove(app: App, name: str, as_json: bool) -> None:
    """Forget the name of a base; the base itself stays as it is."""
    from rekall.cli.settings_file import write_setting
    from rekall.config import Settings

    if name == OWN:
        raise UsageError("your own base has no name to forget", "`rekall config path` shows where it lies")
    gone = app.bases.remove(name)
    was_used = Settings(app.places, environ={}).text("bases.use") == name
    if was_used:
        write_setting(app.places, "bases.use", OWN)
    if as_json:
        out_json({"forgotten": name, "location": gone.location})
        return
    talk(f"forgot {name}; everything in it stays at {printable(gone.location)}")
    if was_used:
        talk("note: commands work with your own base again")


@base.command()
@click.argument("name", required=False)
@json_option
@pass_app
def check(app: App, name: str | None, as_json: bool) -> None:
    """Look whether bases answer, and whether meaning can be compared with yours.

    The command ends with 5 if one does not answer.
    """
    from rekall.beside import look

    names = [name] if name else [OWN, *(each.name for each in app.bases)]
    found = [look(each, app.open_base) for each in names]
    if as_json:
        out_json({"bases": [_looked_fields(each) for each in found]})
    else:
        out(columns([[each.name, each.said] for each in found]))
        for each in found:
            if each.wants_rebuild:
                talk(
                    f"\nhint: {each.name} compares every vector; `rekall -b {each.name} index rebuild` makes an index of them"
                )
    problem = next((each for each in found if each.problem), None)
    if problem is not None and as_json:
        raise SystemExit(StorageError.exit_code)
    if problem is not None:
        raise StorageError(f"{problem.name} does not answer: {problem.problem}", problem.hint)


@base.command()
@click.argument("location")
@json_option
def init(location: str, as_json: bool) -> None:
    """Make a base where there is none: a folder, or the schema and roles in a PostgreSQL.

    On a PostgreSQL the roles rekall_reader and rekall_writer are made as well. What your own role may not do there is said, as the statements that an administrator runs once.
    """
    from rekall.bases import checked_location
    from rekall.beside import make

    made = make(checked_location(location))
    if as_json:
        out_json({"location": made.location, "made": list(made.made), "to_do": list(made.to_do)})
        if made.to_do:
            raise SystemExit(DatabaseReadOnly.exit_code)
        return
    for line in made.made:
        talk(line)
    for line in made.to_do:
        out(line)
    if made.to_do:
        raise DatabaseReadOnly(
            "some of it is for an administrator of the server",
            "have the statements above run once, then run this again",
        )
    talk(f"\nhint: `rekall base add team {shell_word(made.location)}` names it here, and on everybody's machine")


def _fields(app: App, known: KnownBase) -> dict[str, Any]:
    return {
        "name": known.name,
        "location": known.location,
        "read_only": known.read_only,
        "in_use": app.in_use == known.name,
    }


def _how(app: App, name: str, known: KnownBase | None = None) -> str:
    said = ["read-only"] if known is not None and known.read_only else []
    return ", ".join([*said, *(["in use"] if app.in_use == name else [])])


def _looked_fields(looked: Looked) -> dict[str, Any]:
    return {
        "name": looked.name,
        "answers": not looked.problem,
        "entries": looked.entries,
        "model": looked.model or None,
        "same_model": looked.is_same_model,
        "wants_rebuild": looked.wants_rebuild,
        "problem": looked.problem or None,
        "took_s": round(looked.took_s, 6),
    }
