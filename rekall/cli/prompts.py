"""Answers the question of a shell what a command line may go on with, as each shell wants to hear it."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from rekall.app import App
from rekall.cli.commands import COMPLETE, SCREEN
from rekall.cli.completing import complete
from rekall.cli.offers import Kind, Offer, Offers
from rekall.wording import in_a_row

BREAKS = " \t\n\"'><=;|&(:"
"""Where bash begins a new word by default, whatever its own parser says."""

_MOST_BYTES = 1_000_000
"""Of a screen."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-")
"""What no shell takes for anything else."""

_LISTED = ("63", "33", "64", "")
"""COMP_TYPE when bash shows a list, and from a bash that does not say."""


def answer(cli: click.Group, asked: str, arguments: Sequence[str]) -> int:
    """Answer a script of `rekall init`, on stdout. Returns the exit code."""
    if asked == COMPLETE:
        shell, *words = [*arguments, ""]
        complete_in = _SHELLS.get(shell)
        click.echo("\n".join(complete_in(cli, words[:-1])) if complete_in else "")
        return 0
    from rekall.cli.inserting import after_command, inserted

    line = "".join(arguments[:1]).removeprefix("=")
    if asked == SCREEN:
        click.echo(after_command(sys.stdin.buffer.read(_MOST_BYTES).decode("utf-8", "replace"), line))
        return 0
    with contextlib.closing(App(tell=lambda remark: None)) as app:
        click.echo(inserted(app, line), nl=False)
    return 0


def _in_bash(cli: click.Group, asked: Sequence[str]) -> Iterator[str]:
    """Bash: the line up to the cursor, $COMP_WORDBREAKS, $COMP_TYPE. The kind first, then a word a line, as it is inserted."""
    line, breaks, kind = [*asked, "", "", ""][:3]
    typed = take_apart(line, breaks or BREAKS)
    found = complete(cli, typed.words[1:], typed.last)
    if found.kind is not Kind.VALUES:
        yield found.kind.value
        return
    offers = [each for each in found.offers if _fits(found.before + each.value, typed, each)]
    yield "values" if any(each.is_whole for each in offers) or not offers else "open"
    texts = [(found.before + each.value)[0 if each.is_found else len(typed.fixed) :] for each in offers]
    texts = [_quoted(text, typed.quote) for text in texts]
    if len(texts) > 1 and kind in _LISTED:
        width = max(map(len, texts))
        room = min(max(shutil.get_terminal_size().columns - width - 4, 20), 100)
        helps = [said if len(said) <= room else f"{said[: room - 1]}…" for said in map(_help, offers)]
        yield from (f"{text:<{width}}  {said}".rstrip() for text, said in zip(texts, helps))
    else:
        yield from texts
    if len(texts) > 1 and any(each.is_found for each in offers) and len({text[:1] for text in texts}) == 1:
        yield " "  # begins like none of them, so that what was typed stays


def _in_zsh(cli: click.Group, asked: Sequence[str]) -> Iterator[str]:
    """Zsh: the words, the last behind `=`. The kind first, then three lines for each: value, help, what follows."""
    found = _of_words(cli, asked)
    yield _how(found)
    for each in found.offers:
        yield from (found.before + each.value, _help(each) or "-", "blank" if each.is_whole else "open")


def _in_fish(cli: click.Group, asked: Sequence[str]) -> Iterator[str]:
    """Fish: the words, the last behind `=`. The kind first, then value and help, a tab between them.

    Fish shows only what begins like the word or holds it: what was found by its title is offered by its title, which names
    an entry as well.
    """
    found = _of_words(cli, asked)
    yield _how(found)
    for each in found.offers:
        if not each.is_found:
            yield f"{found.before}{each.value}\t{_help(each)}"
        elif each.help == _help(each):
            yield f"{found.before}{each.help}\t{each.value}"


def _in_powershell(cli: click.Group, asked: Sequence[str]) -> Iterator[str]:
    """PowerShell: the words, the last behind `=`. The kind first, then a line each: as inserted, as listed, help."""
    found = _of_words(cli, asked)
    yield _how(found)
    for each in found.offers:
        value = found.before + each.value
        inserted = value if set(value) <= _PLAIN - {"@", "%", ","} else "'" + value.replace("'", "''") + "'"
        yield "\t".join((inserted, value, _help(each) or value))


_SHELLS: Mapping[str, Callable[[click.Group, Sequence[str]], Iterator[str]]] = {
    "bash": _in_bash,
    "zsh": _in_zsh,
    "fish": _in_fish,
    "powershell": _in_powershell,
}


def _of_words(cli: click.Group, asked: Sequence[str]) -> Offers:
    """The offers for words that the shell took apart itself; what cannot be shown or typed is left out."""
    *words, last = asked or [""]
    words = [word for word in words if word]  # an empty list of words is one empty word to some shells
    found = complete(cli, words, last.removeprefix("="))
    offers = tuple(each for each in found.offers if _is_typable(each.value))
    return Offers(found.kind, found.before, offers)


def _how(found: Offers) -> str:
    if found.kind is Kind.VALUES and any(each.is_found for each in found.offers):
        return "found"
    return found.kind.value


def _help(offer: Offer) -> str:
    """What a list shows beside an offer: one line without anything that a terminal would obey."""
    return in_a_row(" ".join(offer.help.split()))


def _is_typable(value: str) -> bool:
    return bool(value) and value.isprintable() and value == in_a_row(value)


def _fits(value: str, typed: Typed, offer: Offer) -> bool:
    """Whether bash can put a value where it stands: it replaces only what comes after the last break."""
    return _is_typable(value) and (value.startswith(typed.fixed) or (offer.is_found and not typed.fixed))


@dataclass(frozen=True, slots=True)
class Typed:
    """A line of bash up to the cursor.

    Attributes:
        words: The words before the last.
        last: The last, without its quotes.
        fixed: What of it bash leaves as it stands.
        quote: The quote that is open in it, or empty.
    """

    words: tuple[str, ...]
    last: str
    fixed: str
    quote: str


def take_apart(line: str, breaks: str = BREAKS) -> Typed:
    """Take a line apart as bash does, where its last word may be unfinished."""
    words: list[str] = []
    word, fixed, quote, is_word = "", "", "", False
    rest = iter(line)
    for letter in rest:
        if quote:
            if letter == quote:
                quote = ""
            elif letter == "\\" and quote == '"':
                word += next(rest, "")
            else:
                word += letter
        elif letter in "'\"":
            quote, is_word, fixed = letter, True, word
        elif letter == "\\":
            word, is_word = word + next(rest, ""), True
        elif letter in " \t\n":
            if is_word:
                words.append(word)
            word, fixed, is_word = "", "", False
        else:
            word, is_word = word + letter, True
            if letter in breaks:
                fixed = word
    return Typed(tuple(words), word, fixed, quote)


def _quoted(text: str, quote: str) -> str:
    """A text as it stands in a line of bash, inside an open quote or outside."""
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote == '"':
        return "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in text)
    return "".join(letter if letter in _PLAIN or not letter.isascii() else f"\\{letter}" for letter in text)
