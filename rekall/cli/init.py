"""`rekall init`: what a shell reads at its start to complete `rekall`, and to search what is being typed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click

from rekall.cli.render import out
from rekall.errors import InvalidInput, NotFound
from rekall.wording import printable

KEY = "alt-k"
"""The key that searches: free in bash, zsh, fish and PowerShell as they come."""

SECOND_KEY = "ctrl-x k"
"""Bound besides in bash and zsh, for terminals in which alt writes a character; fish and PowerShell cut with ctrl-x."""

KEY_VARIABLE = "REKALL_KEY"

_STROKE = re.compile(r"(?:(ctrl|alt)-)?([a-z0-9])")


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell that can be set up.

    Attributes:
        ending: Of the names of its scripts.
        file: Where its owner writes the line, below the home folder where it begins with `~`.
        line: The line.
        stroke: How it writes a key that is pressed with ctrl, alt or alone.
        between: What stands between the strokes of a sequence.
        bind: The lines that bind a key, from its strokes and whether alt is among them.
    """

    name: str
    ending: str
    file: str
    line: str
    stroke: Mapping[str, str]
    between: str
    bind: Callable[[str, bool], list[str]]

    def line_with(self, options: str) -> str:
        """The line, with options of `rekall init` in it."""
        asked = f"rekall init {self.name}"
        return self.line.replace(asked, f"{asked} {options}".strip())


def _bind_in_bash(keys: str, has_alt: bool) -> list[str]:
    maps = ["emacs-standard"] if has_alt else ["emacs-standard", "vi-insert"]  # there escape goes to commands
    return [f"    bind -m {each} -x '\"{keys}\": _rekall_pick'" for each in maps]


def _bind_in_zsh(keys: str, has_alt: bool) -> list[str]:
    return [f"    bindkey -M {each} '{keys}' _rekall_pick" for each in (["emacs"] if has_alt else ["emacs", "viins"])]


def _bind_in_fish(keys: str, has_alt: bool) -> list[str]:
    return [f"    bind {keys} __rekall_pick"]


def _bind_in_powershell(keys: str, has_alt: bool) -> list[str]:
    return [
        f"    Set-PSReadLineKeyHandler -Chord '{keys}' -BriefDescription Rekall -ScriptBlock {{ Invoke-RekallPick }}"
    ]


SHELLS: Mapping[str, Shell] = {
    each.name: each
    for each in (
        Shell(
            "bash",
            ".bash",
            "~/.bashrc",
            'eval "$(rekall init bash)"',
            {"ctrl": r"\C-", "alt": r"\e", "": ""},
            "",
            _bind_in_bash,
        ),
        Shell(
            "zsh", ".zsh", "~/.zshrc", 'eval "$(rekall init zsh)"', {"ctrl": "^", "alt": "^[", "": ""}, "", _bind_in_zsh
        ),
        Shell(
            "fish",
            ".fish",
            "~/.config/fish/config.fish",
            "rekall init fish | source",
            {"ctrl": r"\c", "alt": r"\e", "": ""},
            "",
            _bind_in_fish,
        ),
        Shell(
            "powershell",
            ".ps1",
            "$PROFILE",
            "rekall init powershell | Out-String | Invoke-Expression",
            {"ctrl": "Ctrl+", "alt": "Alt+", "": ""},
            ",",
            _bind_in_powershell,
        ),
    )
}

_WHERE_BOUND = {
    "bash": ("if [[ $- == *i* ]] && ((BASH_VERSINFO[0] >= 4)); then", "fi"),
    "zsh": ("if [[ -o zle ]]; then", "fi"),
    "fish": ("if status is-interactive", "end"),
    "powershell": ("if (Get-Module PSReadLine) {", "}"),
}
"""Around the lines that bind: only where somebody types. Bash 3.2 cannot hand over what was typed."""


@click.command()
@click.argument("shell", required=False, metavar="[SHELL]")
@click.option("--key", metavar="KEY", help=f"The key that searches, such as ctrl-g; `none` for no key ({KEY}).")
@click.option(
    "--last-error", is_flag=True, help="Define `rk` and `rk!` too, which search what a command said on stderr."
)
def init(shell: str | None, key: str | None, last_error: bool) -> None:
    """Print what your shell needs: completion, and a key that searches.

    Without SHELL, say how to install it. SHELL is bash, zsh, fish or powershell. The script completes commands, options and values (types, tags, projects,
    settings, entries by id or title), and binds a key that searches what is on the line and puts in what you pick.
    $REKALL_KEY names another key.
    """
    if shell is None:
        import shlex  # the lines are those of shells that have single quotes, on Windows too

        given = ([f"--key {shlex.quote(key)}"] if key else []) + (["--last-error"] if last_error else [])
        out(how_to_install(os.environ, " ".join(given)))
        return
    asked = key if key is not None else os.environ.get(KEY_VARIABLE, "")
    out(script(_shell(shell), asked.strip().lower(), last_error=last_error).rstrip("\n"))


def script(shell: Shell, key: str, *, last_error: bool = False) -> str:
    """What a shell reads.

    Args:
        shell: Whose script.
        key: The key that searches; empty for the usual ones, `none` for none.
        last_error: Whether `rk` and `rk!` are defined.

    Raises:
        InvalidInput: That is no key.
    """
    folder = Path(__file__).with_name("scripts")
    parts = [(folder / f"rekall{shell.ending}").read_text("utf-8")]
    if last_error:
        parts.append((folder / f"rekall-errors{shell.ending}").read_text("utf-8"))
    keys = [key] if key else [KEY, SECOND_KEY] if shell.name in ("bash", "zsh") else [KEY]
    if keys != ["none"]:
        begin, end = _WHERE_BOUND[shell.name]
        bound = [line for each in keys for line in shell.bind(*_strokes(shell, each))]
        parts.append("\n".join(["", begin, *bound, end, ""]))
    return "".join(parts)


def _strokes(shell: Shell, key: str) -> tuple[str, bool]:
    """A key as a shell writes it, and whether alt is pressed."""
    strokes = [_STROKE.fullmatch(each) for each in key.split()]
    found = [each for each in strokes if each]
    if not found or len(found) != len(strokes) or len(found) > 2 or not found[0][1]:
        raise InvalidInput(
            f"{printable(key)!r} is no key", "write it as ctrl-g, alt-k or 'ctrl-x k'; `none` binds no key"
        )
    names = [
        shell.stroke[each[1] or ""] + (each[2].upper() if shell.name == "zsh" and each[1] == "ctrl" else each[2])
        for each in found
    ]
    return shell.between.join(names), any(each[1] == "alt" for each in found)


def _shell(name: str) -> Shell:
    """The shell of a name or a path of its program. Raises NotFound."""
    plain = Path(name.strip().lower()).name.removesuffix(".exe")
    plain = "powershell" if plain == "pwsh" else plain
    if plain not in SHELLS:
        raise NotFound(f"no completion for {printable(name)!r}", f"one of: {', '.join(SHELLS)}")
    return SHELLS[plain]


def shell_in_use(environ: Mapping[str, str]) -> Shell | None:
    """The shell of this user as far as the environment tells."""
    named = environ.get("SHELL") or ("powershell" if environ.get("PSModulePath") or os.name == "nt" else "")
    try:
        return _shell(named) if named else None
    except NotFound:
        return None


def how_to_install(environ: Mapping[str, str], options: str = "") -> str:
    """What a person types once; the options, if any, in the line of each shell."""
    shell = shell_in_use(environ)
    lines = []
    if shell is not None:
        lines += [f"add this line to {shell.file}, then open a new terminal:", "", f"  {shell.line_with(options)}", ""]
    lines += [f"for {'another shell' if shell else 'your shell'}:", ""]
    others = [each for each in SHELLS.values() if each is not shell]
    lines += [f"  {each.file:<28}{each.line_with(options)}" for each in others]
    lines += [
        "",
        f"tab completes commands, options and values; {KEY} searches what is on the line",
        "and puts in what you pick. REKALL_KEY=ctrl-g or --key names another key;",
        "--last-error also defines rk and rk!, which search what a command said on stderr.",
        "the base itself needs no init: `rekall add` makes it.",
    ]
    return "\n".join(lines)
