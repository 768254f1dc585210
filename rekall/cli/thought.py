"""What `rekall add` is told in plain words: which of them are options, which is the type, and what is the title."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import click

from rekall.cli.typed import NOTES, Options, begin_of_words, end_of_words, is_dashed, refuse_without_value
from rekall.entry import rules
from rekall.entry.types import EntryType
from rekall.errors import InvalidInput

TYPES = tuple(kind.value for kind in EntryType)
_NO_OPTIONS = ("--title", "--body", "--message", "--text")
"""What others call what needs no option here."""
_LABEL = re.compile(r"(?P<type>[A-Za-z]+):[ \t]+(?=\S)")


@dataclass(frozen=True, slots=True)
class Thought:
    """What somebody wrote without saying which part of it is what.

    Attributes:
        kind: The type that it names; None where it names none.
        text: All the rest.
    """

    kind: EntryType | None
    text: str


class ThoughtCommand(click.Command):
    """A command whose arguments are a thought: options stand before it or behind it, every other dash is text."""

    takes_type = True
    """Whether the first word may be a type."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Read the options off both ends of the line; what is left are the words."""
        if not context.resilient_parsing:
            named = {way: each for each in self.params if isinstance(each, click.Option) for way in each.opts}
            options, words, notes = _apart(
                Options(named, context.help_option_names, context), args, takes_type=self.takes_type
            )
            context.meta[NOTES] = notes
            refuse_without_value(named, options, context)
            args = [*options, "--", *words] if words else options
        return super().parse_args(context, args)


def _apart(options: Options, args: Sequence[str], *, takes_type: bool) -> tuple[list[str], list[str], tuple[str, ...]]:
    """The options of a command line, its words, and what was read otherwise than it may have been meant.

    Where one argument alone is the thought, or a type and a title, what looks like an option behind them is one.
    """
    end = args.index("--") if "--" in args else len(args)
    before, behind = list(args[:end]), list(args[end + 1 :])
    place = begin_of_words(options, before)
    taken, body = before[:place], before[place:]
    if not body:
        return taken, behind, ()
    is_typed = takes_type and _type_word(body[0]) is not None
    if is_typed:  # `add bug --tag cors it fails`
        place = begin_of_words(options, body[1:])
        taken, body = [*taken, *body[1 : 1 + place]], [body[0], *body[1 + place :]]
    first_dash = next((at for at, token in enumerate(body) if at and is_dashed(token)), len(body))
    is_sure = first_dash == 1 or (first_dash == 2 and is_typed)
    start = end_of_words(options, body, surely=is_sure, slips=is_sure)
    if start > first_dash:  # flags of another command stand between: `til docker run -it maps a terminal`
        start = end_of_words(options, body, surely=False, slips=False)
    words = body[:start]
    known = next((token for token in words[1:] if is_dashed(token) and token.partition("=")[0] in options.named), "")
    notes = [f"{known} is part of the text: options stand before the words or behind them"] if known else []
    slip = next((token for token in words if token.partition("=")[0] in _NO_OPTIONS), "")
    if slip:
        notes.append(f"{slip.partition('=')[0]} is part of the text: the first line is the title, the rest the content")
    return [*taken, *body[start:]], [*words, *behind], tuple(notes)


def thought_of(words: Sequence[str], is_named: bool) -> Thought:
    """What the words say, and the type that their first one is.

    Args:
        words: The arguments; one in quotes may hold several words.
        is_named: The type is known, so that no word is one.

    Raises:
        InvalidInput: A word before a title in quotes is nearly a type.
    """
    text = " ".join(words)
    if is_named or not words:
        return Thought(None, text)
    first, rest = words[0], words[1:]
    is_title = len(rest) == 1 and " " in rest[0].strip()
    kind = _type_word(first)
    if kind is not None and rest and (is_title or not _is_sentence_case(first)):
        return Thought(kind, " ".join(rest))
    alone = _type_word(first.rstrip(": \t")) if not rest and first == first.lower() else None
    if alone is not None:
        return Thought(alone, "")
    label = _LABEL.match(text)
    if label is not None and (kind := _type_word(label["type"])) is not None:
        return Thought(kind, text[label.end() :])
    if is_title and first.isalpha() and rules.nearest(first.lower(), TYPES):
        checked_type(first)  # says what was meant
    return Thought(None, text)


def _type_word(word: str) -> EntryType | None:
    try:
        return EntryType(word.lower())
    except ValueError:
        return None


def _is_sentence_case(word: str) -> bool:
    """Whether a word is written as the first of a sentence: Bug, but neither bug nor BUG."""
    return word[:1].isupper() and word[1:] == word[1:].lower()


def checked_type(name: str) -> EntryType:
    """The type of that name. Raises InvalidInput."""
    try:
        return rules.entry_type(name)
    except InvalidInput as error:
        error.hint = f"{error.hint}; quote the whole text to write it down without a type"
        raise
