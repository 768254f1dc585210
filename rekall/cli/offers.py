"""What completion speaks of: a place in a command line, and the ways to go on from there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

import click


class Kind(Enum):
    """What stands at a place of a command line."""

    VALUES = "values"
    FILES = "files"
    FOLDERS = "folders"


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to go on.

    Attributes:
        value: What is typed, without quotes.
        help: What a list shows beside it, one line.
        is_whole: Whether a blank follows; after `type:` a value does.
        is_found: Whether the value does not begin with what was typed, as an id that was found by its title.
    """

    value: str
    help: str = ""
    is_whole: bool = True
    is_found: bool = False


@dataclass(frozen=True, slots=True)
class Offers:
    """All ways to go on.

    Attributes:
        kind: Whether they are ours, or names of files that the shell knows itself.
        before: What stands before the value in the same word, such as `--type=`.
        offers: Ours.
    """

    kind: Kind = Kind.VALUES
    before: str = ""
    offers: tuple[Offer, ...] = ()


@dataclass(slots=True)
class Place:
    """Where in a command line the cursor stands.

    Attributes:
        path: The commands so far, the first left out.
        command: The last of them.
        waiting: The option of which the value is to come.
        arguments: What stands for arguments so far.
        used: The options so far.
        is_over: Whether `--` ended the options.
        is_elsewhere: Whether `-b` names a base.
    """

    path: tuple[str, ...]
    command: click.Command
    waiting: click.Option | None = None
    arguments: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    is_over: bool = False
    is_elsewhere: bool = False

    def parameter(self) -> click.Parameter | None:
        """The argument that the next word is."""
        before = 0
        for each in self.command.params:
            if isinstance(each, click.Argument):
                if each.nargs == -1 or before + each.nargs > len(self.arguments):
                    return each
                before += each.nargs
        return None

    def options(self) -> Iterable[click.Option]:
        """The options that may be given here."""
        for each in self.command.params:
            if isinstance(each, click.Option) and not each.hidden and (each.multiple or each.name not in self.used):
                yield each
