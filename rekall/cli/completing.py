"""What a command line that is being typed may go on with; the shells ask by `rekall __complete` (rekall/cli/init.py)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

from rekall.cli.commands import SUMMARIES
from rekall.cli.offering import values_of
from rekall.cli.offers import Offer, Offers, Place


def complete(cli: click.Group, words: Sequence[str], last: str) -> Offers:
    """What the last word of a command line may become.

    Args:
        cli: The command.
        words: The words before it, without the name of the command.
        last: What was typed of it; may be empty.
    """
    place = find_place(cli, words)
    if place is None:
        return Offers()
    if place.waiting is not None:
        return values_of(place, place.waiting, last, "")
    if last.startswith("--") and "=" in last and not place.is_over:
        name, _, begun = last.partition("=")
        option = _named(place.command, name)
        return values_of(place, option, begun, f"{name}=") if option is not None and not option.is_flag else Offers()
    if last.startswith("-") and ":" not in last and not place.is_over:
        return Offers(offers=tuple(_options(place, last)))
    if isinstance(place.command, click.Group):
        return Offers(offers=tuple(_commands(place, place.command, last)))
    parameter = place.parameter()
    return values_of(place, parameter, last, "") if parameter is not None else Offers()


def find_place(cli: click.Group, words: Sequence[str]) -> Place | None:
    """Where a command line has come to; None where it names no command."""
    place = Place((), cli)
    for word in words:
        if place.waiting is not None:
            place.waiting = None
        elif word == "--" and not place.is_over:
            place.is_over = True
        elif word.startswith("-") and len(word) > 1 and not place.is_over:
            _take_option(place, word)
        elif isinstance(place.command, click.Group):
            found = place.command.get_command(click.Context(place.command), word)
            if found is None:
                return None
            is_elsewhere = place.is_elsewhere or (not place.path and "base" in place.used)
            place = Place((*place.path, found.name or word), found, is_elsewhere=is_elsewhere)
        else:
            place.arguments.append(word)
    return place


def _take_option(place: Place, word: str) -> None:
    name, equals, _ = word.partition("=")
    option = _named(place.command, name if name.startswith("--") else word[:2])
    if option is None:
        return
    place.used.add(option.name or "")
    has_value = bool(equals) if name.startswith("--") else len(word) > 2
    if not option.is_flag and not option.count and not has_value:
        place.waiting = option


def _named(command: click.Command, name: str) -> click.Option | None:
    options = (each for each in command.params if isinstance(each, click.Option))
    return next((each for each in options if name in (*each.opts, *each.secondary_opts)), None)


def _options(place: Place, last: str) -> Iterable[Offer]:
    """Options by their long names; short ones are shorter typed than completed."""
    for each in place.options():
        for name in (*each.opts, *each.secondary_opts):
            if name.startswith("--") and name.startswith(last):
                yield Offer(name, (each.help or "").split("\n")[0])
    if "--help".startswith(last):
        yield Offer("--help", "Show how the command is used.")


def _commands(place: Place, group: click.Group, last: str) -> Iterable[Offer]:
    """The commands of a group; those of `rekall` itself are not imported for it."""
    if not place.path:
        yield from (Offer(name, said) for name, said in SUMMARIES.items() if name.startswith(last))
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None and not command.hidden and name.startswith(last):
            yield Offer(name, command.get_short_help_str(200))
