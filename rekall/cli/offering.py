"""The values that a place of a command line can take: from the tables, from the base, or names of files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import click

from rekall.app import OWN, App
from rekall.cli.offers import Kind, Offer, Offers, Place
from rekall.errors import NotFound, RekallError

MOST_NAMES = 60
"""So many a list at a prompt may have; more are typed on for."""

DATES = ("today", "yesterday", "7d", "2w", "3 months ago", "monday")


def values_of(place: Place, parameter: click.Parameter | None, begun: str, before: str) -> Offers:
    """The values that a parameter can take.

    Args:
        place: Where in the command line it stands.
        parameter: The option or argument.
        begun: What was typed of the value.
        before: What stands before it in the same word.
    """
    if parameter is None:
        return Offers()
    kind = parameter.type
    if isinstance(kind, click.Choice):
        return _chosen((Offer(str(choice)) for choice in kind.choices), begun, before)
    if isinstance(kind, click.Path):
        return Offers(Kind.FILES if kind.file_okay else Kind.FOLDERS, before)
    source = _source(place, parameter)
    if source is _files:
        return Offers(Kind.FILES, before)
    try:
        return _chosen(source(place, begun), begun, before) if source else Offers()
    except RekallError:  # a setting is wrong: the command itself will say so
        return Offers()


def _chosen(offers: Iterable[Offer], begun: str, before: str) -> Offers:
    """Those that go on with what was typed; in either case of letters where none does as it stands.

    Quotes count for nothing: `tag:two` goes on with `tag:"two words"`.
    """
    every, bare = list(offers), begun.replace('"', "")
    fit = [each for each in every if each.is_found or each.value.replace('"', "").startswith(bare)]
    if not fit:
        fit = [each for each in every if each.value.replace('"', "").lower().startswith(bare.lower())]
    return Offers(before=before, offers=tuple(fit[:MOST_NAMES]))


Source = Callable[[Place, str], Iterable[Offer]]


def _source(place: Place, parameter: click.Parameter) -> Source | None:
    """Who knows the values of a parameter: by its command and name, by its name, else by what help calls it."""
    name = parameter.name or ""
    metavar = (parameter.metavar or name.upper()).strip("[].|")
    return (
        _BY_PLACE.get((" ".join(place.path), name))
        or _BY_NAME.get(name)
        or next(
            (_BY_METAVAR[word] for word in (metavar, metavar.split("|")[0].rstrip(".")) if word in _BY_METAVAR), None
        )
    )


def _types(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.entry.types import EntryType

    yield from (Offer(each.value) for each in EntryType)


def _statuses(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.entry.types import Status

    yield from (Offer(each.value) for each in Status)


def _link_types(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.entry.types import LinkType

    yield from (Offer(each.value) for each in LinkType)


def _own(place: Place) -> App:
    """The app over one's own base. Raises NotFound: Another one is meant, whose names would be mixed up with these."""
    app = App()
    if place.is_elsewhere or (app.places.bases.exists() and app.in_use != OWN):
        raise NotFound("names of another base are not offered")  # a server would be asked at every key
    return app


def _tags(place: Place, begun: str) -> Iterator[Offer]:
    yield from (Offer(name) for name in _own(place).names(MOST_NAMES).tags())


def _projects(place: Place, begun: str) -> Iterator[Offer]:
    yield from (Offer(name) for name in _own(place).names(MOST_NAMES).projects())


def _entries(place: Place, begun: str) -> Iterator[Offer]:
    for each in _own(place).names(MOST_NAMES).entries(begun):
        yield Offer(each.id, each.title, is_found=not each.id.startswith(begun))


def _deleted(place: Place, begun: str) -> Iterator[Offer]:
    for each in _own(place).names(MOST_NAMES).deleted(begun):
        yield Offer(each.id, each.title, is_found=not each.id.startswith(begun))


def _undoable(place: Place, begun: str) -> Iterator[Offer]:
    """What was done, by its number."""
    yield from (
        Offer(str(number), f"{verb}, {day[:10]}") for number, day, verb in _own(place).names(MOST_NAMES).operations()
    )


def _versions(place: Place, begun: str) -> Iterator[Offer]:
    """The versions of the entry that was named before."""
    for number, day, verb in _own(place).names(MOST_NAMES).versions(place.arguments[0] if place.arguments else ""):
        yield Offer(str(number), f"{verb}, {day[:10]}")


def _entries_or_versions(place: Place, begun: str) -> Iterator[Offer]:
    """Entries, and behind an @ the versions of one."""
    name, at, _ = begun.rpartition("@")
    if not (name and at):
        yield from _entries(place, begun)
        return
    for number, day, verb in _own(place).names(MOST_NAMES).versions(name):
        yield Offer(f"{name}@{number}", f"{verb}, {day[:10]}")


def _restorable(place: Place, begun: str) -> Iterator[Offer]:
    """Deleted entries, and behind an @ the versions of any."""
    yield from _entries_or_versions(place, begun) if "@" in begun.lstrip("@") else _deleted(place, begun)


def _dates(place: Place, begun: str) -> Iterator[Offer]:
    yield from map(Offer, DATES)


def _confidences(place: Place, begun: str) -> Iterator[Offer]:
    yield from (Offer(str(number)) for number in range(6))


def _models(place: Place, begun: str) -> Iterator[Offer]:
    yield from (Offer(folder.name) for folder in App().library.folders())


def _keys(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.settings import SETTINGS

    yield from (Offer(each.key, each.doc) for each in SETTINGS)


def _keys_that_are_set(place: Place, begun: str) -> Iterator[Offer]:
    """What can be unset: saved searches, too."""
    from rekall.config import SEARCHES

    yield from _keys(place, begun)
    yield from (Offer(f"{SEARCHES}.{name}", line) for name, line in App().settings.searches.items())


def _saved(place: Place, begun: str) -> Iterator[Offer]:
    yield from (Offer(name, line) for name, line in App().settings.searches.items())


def _setting_values(place: Place, begun: str) -> Iterator[Offer]:
    """What the setting that was named before can be, what it is by default among them."""
    yield from _values_of_setting(place.arguments[0] if place.arguments else "")


def _values_of_setting(key: str, before: str = "") -> Iterator[Offer]:
    from rekall.settings import SETTINGS

    for each in SETTINGS:
        if each.key == key:
            if key == "engine.model":
                yield from (Offer(f"{before}{folder.name}") for folder in App().library.folders())
            default = f"{each.default:g}" if isinstance(each.default, float) else str(each.default)
            values = each.choices or ((default,) if default else ())
            yield from (Offer(f"{before}{value}", "the default" if value == default else "") for value in values)


def _assignments(place: Place, begun: str) -> Iterator[Offer]:
    """`--set`: a key, then its values."""
    key, equals, _ = begun.partition("=")
    if equals:
        yield from _values_of_setting(key, f"{key}=")
    else:
        yield from (Offer(f"{each.value}=", each.help, is_whole=False) for each in _keys(place, begun))


def _clients(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.mcp.clients import CLIENTS

    yield from (Offer(each.name, each.title) for each in CLIENTS)


def _hosts(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.hooks.hosts import HOSTS

    yield from (Offer(each.name, each.title) for each in HOSTS)


def _assistants(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.exchange.assistants import ASSISTANTS

    yield from (Offer(name) for name in ASSISTANTS)


def _topics(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.cli.commands import SUMMARIES
    from rekall.cli.topics import TOPICS

    yield from (Offer(each.name, each.title) for each in TOPICS)
    yield from (Offer(name, said) for name, said in SUMMARIES.items())


def _shells(place: Place, begun: str) -> Iterator[Offer]:
    from rekall.cli.init import SHELLS

    yield from map(Offer, SHELLS)


def _line(place: Place, begun: str) -> Iterator[Offer]:
    """A query: filters and their values; words are nobody's to guess."""
    from rekall.entry.filters import BY_KEY, FILTERS

    key, colon, value = begun.partition(":")
    if begun.startswith("@"):
        if not place.arguments:
            yield from (Offer(f"@{name}", line) for name, line in App().settings.searches.items())
        return
    if not colon:
        if begun:
            yield from (Offer(f"{each.key}:", each.help, is_whole=False) for each in FILTERS)
        return
    dash = "-" if key.startswith("-") else ""
    source = _BY_FILTER.get(key.removeprefix("-"))
    if source is None and (each := BY_KEY.get(key.removeprefix("-"))) is not None:
        yield from (Offer(f"{key}:{known}") for known in each.values)
    elif source is not None:
        for offer in source(place, value):
            name = f'"{offer.value}"' if " " in offer.value else offer.value
            yield Offer(f"{dash}{key.removeprefix('-')}:{name}", offer.help)


def _entries_or_line(place: Place, begun: str) -> Iterator[Offer]:
    yield from _line(place, begun) if ":" in begun else _entries(place, begun)


def _type_first(place: Place, begun: str) -> Iterator[Offer]:
    """The first word of `add` may be a type; every other is a thought."""
    yield from _types(place, begun) if not place.arguments else ()


def _files(place: Place, begun: str) -> Iterator[Offer]:
    """Names of files, which the shell knows."""
    yield from ()


_BY_FILTER: dict[str, Source] = {
    "tag": _tags,
    "project": _projects,
    "since": _dates,
    "until": _dates,
    "created": _dates,
    "changed": _dates,
}

_BY_PLACE: dict[tuple[str, str], Source] = {
    ("link", "kind"): _link_types,
    ("unlink", "kind"): _link_types,
    ("related", "kinds"): _link_types,
    ("graph", "kinds"): _link_types,
    ("suggest", "kind"): _link_types,
    ("restore", "names"): _restorable,
    ("show", "names"): _entries_or_versions,
    ("undo", "number"): _undoable,
    ("diff", "older"): _versions,
    ("diff", "newer"): _versions,
    ("config set", "value"): _setting_values,
    ("config unset", "key"): _keys_that_are_set,
    ("search", "save"): _saved,
    ("search", "forget"): _saved,
    ("similar", "words"): _entries_or_line,
    ("bench", "models"): _models,
    ("embed", "name"): _models,
    ("import", "kind"): _types,
    ("import", "assistant"): _assistants,
    ("add", "kind"): _type_first,
    ("add", "words"): _type_first,
    **{(f"hook {each}", "client"): _hosts for each in ("install", "uninstall", "status", "run")},
    ("model import", "name"): _files,
    ("model export", "name"): _files,
    ("model pull", "name"): _files,
    ("tags rename", "new"): _tags,
    **{(f"model {each}", "name"): _models for each in ("info", "pack", "remove", "use", "verify")},
    ("model bench", "names"): _models,
}

_BY_NAME: dict[str, Source] = {
    "tags": _tags,
    "remove_tags": _tags,
    "add_tags": _tags,
    "project": _projects,
    "projects": _projects,
    "type": _types,
    "types": _types,
    "status": _statuses,
    "superseded_by": _entries,
    "replaced_by": _entries,
    "confidence": _confidences,
    "settings": _assignments,
    "client": _clients,
    "clients": _clients,
    "topic": _topics,
    "shell": _shells,
    "files": _files,
    "line": _line,
}

_BY_METAVAR: dict[str, Source] = {
    "ENTRY": _entries,
    "ID": _entries,
    "OTHER": _entries,
    "TAG": _tags,
    "PROJECT": _projects,
    "TYPE": _types,
    "STATUS": _statuses,
    "DATE": _dates,
    "KEY": _keys,
    "FILE": _files,
    "PATH": _files,
    "WORDS": _line,
}
"""What is called the same in help takes the same values."""
