"""A query typed without quotes: which words with a dash are options of the command, and which are part of the query.

Options stand before the query or after it, whole and with values that they can take; every other dash is text, so that
`rekall search docker run -it` searches for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import click

from rekall.errors import InvalidInput

NOTES = "rekall.typed"
"""Where the context keeps what a person should know of how the command line was read."""

_ALIKE = 0.8
"""How alike a word and an option must be (difflib's ratio) to be a slip: `--limt`, but not `--oneline`."""


_FIRST = ("--save", "--saved", "--forget")
"""Options that stand before the query only: behind it they are those of other programs, as in `npm install --save x`."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command line taken apart.

    Attributes:
        options: The options with their values, for click.
        words: The query.
        notes: What was read otherwise than it may have been meant.
    """

    options: tuple[str, ...]
    words: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Options:
    """The options of a command.

    Attributes:
        named: Each by every way to write it: `--limit`, `-n`.
        helping: What asks for help.
        context: For reading values.
    """

    named: Mapping[str, click.Option]
    helping: Sequence[str]
    context: click.Context = field(repr=False)

    def taken(self, tokens: Sequence[str], *, surely: bool, slips: bool = False, foreign: bool = False) -> int:
        """How many of the tokens are the option that the first of them names; 0 where it is text.

        Args:
            tokens: The command line from here on.
            surely: The query is known to be elsewhere, so that an option with a wrong value is a mistake.
            slips: A mistake in a long option is one, too.
            foreign: Options of another command stand before it, so that `--since today` is one of them.
        """
        token = tokens[0]
        if token in self.helping:
            return int(surely or token.startswith("--"))
        name, equals, value = token.partition("=")
        is_long = name.startswith("--")
        option = self.named.get(name)
        if option is None:
            return self._glued(token) if not is_long else self._slip(name, tokens) if slips else 0
        if option.is_flag:
            return int(not equals)
        if equals and not is_long:
            return 0
        is_mistake = surely or (slips and is_long)
        if not equals and len(tokens) == 1:
            return int(is_mistake)
        value = value if equals else tokens[1]
        is_whole = self._can_take(option, value) and (is_long or any(map(str.isalpha, value)) or _has_choices(option))
        if foreign and option.metavar == "DATE" and not any(map(str.isdigit, value)):
            return 0
        return (1 if equals else 2) if is_whole or is_mistake else 0

    def near(self, token: str) -> str:
        """The long option that a token is or resembles, or empty."""
        name = token.partition("=")[0]
        if not name.startswith("--"):
            return ""
        import difflib  # most lines have nothing that needs it

        names = [each for each in self.named if each.startswith("--")]
        found = difflib.get_close_matches(name, names, n=1, cutoff=_ALIKE)
        return found[0] if found else ""

    def _slip(self, name: str, tokens: Sequence[str]) -> int:
        """A misspelt option with its value; click says so."""
        return min(len(tokens), 2) if self.near(name) else 0

    def _glued(self, token: str) -> int:
        """A short option with its value in one: `-n5`; of free values nobody could tell `-p80` from a flag."""
        option = self.named.get(token[:2])
        if option is None or option.is_flag or len(token) < 3 or not _has_choices(option):
            return 0
        return int(self._can_take(option, token[2:]))

    def date(self, token: str, words: Sequence[str]) -> str:
        """The date of several words that the option would have taken in quotes; empty where there is none."""
        from rekall.entry.filters import FILTERS, MOST_WORDS

        option = self.named.get(token)
        if option is None or not any(each.is_date and each.name == option.name for each in FILTERS):
            return ""
        longest = (" ".join(words[:count]) for count in range(min(len(words), MOST_WORDS), 1, -1))
        return next((value for value in longest if self._can_take(option, value)), "")

    def _can_take(self, option: click.Option, value: str) -> bool:
        from rekall.entry.filters import FILTERS

        each = next((each for each in FILTERS if each.name == option.name), None)
        try:
            if each is not None:
                each.read(value)
            else:
                option.type.convert(value, option, self.context)
        except (InvalidInput, click.UsageError):
            return False
        return True


class LineCommand(click.Command):
    """A command whose arguments are a query as a person types it."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Read the options off both ends of the line; what is left is the query."""
        if not context.resilient_parsing:
            named = {way: each for each in self.params if isinstance(each, click.Option) for way in each.opts}
            typed = read_line(Options(named, context.help_option_names, context), args)
            context.meta[NOTES] = typed.notes
            refuse_without_value(named, typed.options, context)
            args = [*typed.options, "--", *typed.words] if typed.words else list(typed.options)
        return super().parse_args(context, args)


def refuse_without_value(named: Mapping[str, click.Option], tokens: Sequence[str], context: click.Context) -> None:
    """Refuse options of which the last one lacks its value, before it takes the dashes behind it for one.

    Raises:
        click.BadOptionUsage: It does.
    """
    place = 0
    while place < len(tokens):
        option = named.get(tokens[place])
        takes_value = option is not None and not option.is_flag
        if takes_value and place + 1 == len(tokens):
            raise click.BadOptionUsage(tokens[place], f"Option {tokens[place]!r} requires an argument.", context)
        place += 1 + takes_value


def read_line(options: Options, args: Sequence[str]) -> Typed:
    """Tell the options of a command line from the query.

    Where one argument alone is the query, a mistake in a long option behind it is reported; where it stands in quotes
    (it holds a blank), in a short one too.
    """
    end = args.index("--") if "--" in args else len(args)
    before, behind = args[:end], args[end + 1 :]
    place = begin_of_words(options, before)
    taken, body = before[:place], before[place:]
    if not body:
        return Typed(tuple(taken), tuple(behind))
    first_dash = next((at for at, token in enumerate(body) if at and is_dashed(token)), len(body))
    is_quoted = first_dash == 1 and " " in body[0].strip()
    behind_words = options if is_quoted else replace(options, named=_without_first(options.named))
    start = end_of_words(behind_words, body, surely=is_quoted, slips=first_dash == 1)
    if start > 1 and not is_quoted:  # flags of another command stand between: `journalctl -u nginx --since today`
        foreign = any(map(is_dashed, body[1:start]))
        start = end_of_words(behind_words, body, surely=False, slips=False, foreign=foreign)
    after, words = body[start:], (*body[:start], *behind)
    notes = [] if is_quoted else [*_surprises(options, words, after), *_no_options(options, body[:start])]
    return Typed((*taken, *after), words, tuple(notes[:2]))


def _without_first(named: Mapping[str, click.Option]) -> Mapping[str, click.Option]:
    return {way: option for way, option in named.items() if way not in _FIRST}


def is_dashed(token: str) -> bool:
    """Whether a word may be an option; a lone dash is none."""
    return len(token) > 1 and token.startswith("-")


def begin_of_words(options: Options, tokens: Sequence[str]) -> int:
    """Where the query begins: behind the options that stand before it."""
    place = 0
    while place < len(tokens) and is_dashed(tokens[place]):
        number = options.taken(tokens[place:], surely=True, slips=True)
        if not number:
            break
        place += number
    return min(place, len(tokens))


def end_of_words(options: Options, body: Sequence[str], *, surely: bool, slips: bool, foreign: bool = False) -> int:
    """Where the options behind the query begin: from there on, each token belongs to one."""
    are_options = {len(body)}
    for place in range(len(body) - 1, 0, -1):
        if is_dashed(body[place]):
            number = options.taken(body[place:], surely=surely, slips=slips, foreign=foreign)
            if number and place + number in are_options:
                are_options.add(place)
    return min(are_options)


def _surprises(options: Options, words: Sequence[str], after: Sequence[str]) -> list[str]:
    """Short options behind what begins as a command line does: `tail -n 5`."""
    import shutil

    place, short = 0, []
    while place < len(after):
        number = options.taken(after[place:], surely=True, slips=True)
        if not after[place].startswith("--"):
            short.append((" ".join(after[place : place + number]), options.named.get(after[place][:2])))
        place += max(number, 1)
    if not short or not shutil.which(words[0]):
        return []
    token, option = short[0]
    meant = next((way for way in option.opts if way.startswith("--")), token) if option else token
    return [f"{token} was taken as the option {meant}; quote the whole line to search for it"]


def _no_options(options: Options, words: Sequence[str]) -> list[str]:
    """Words of the query that are, or resemble, options of ours."""
    for place, token in enumerate(words[1:], 2):
        name = options.near(token)
        date = options.date(token, words[place:]) if name == token else ""
        if date:
            return [f'{token} was searched as text: a date of several words goes in quotes, {token} "{date}"']
        if name == token and name in _FIRST:
            return [f"{token} was searched as text: as an option it stands before the query"]
        if name and name == token.partition("=")[0]:
            return [f"{token} was searched as text: options stand before the query or after it, with a valid value"]
        if name:
            return [f"{token} was searched as text; did you mean the option {name}?"]
    return []


def _has_choices(option: click.Option) -> bool:
    """Whether only some values are possible, so that a word is seldom one of them."""
    from rekall.entry.filters import FILTERS

    closed = {each.name for each in FILTERS if each.values}
    return option.name in closed or isinstance(option.type, (click.Choice, click.IntRange))
