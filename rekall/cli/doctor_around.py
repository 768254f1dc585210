"""What `rekall doctor` looks at around the base: the installation, settings, editor, shell, terminal, assistants."""

from __future__ import annotations

import locale
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rekall.app import App
from rekall.cli.looks import Health, Look
from rekall.cli.options import is_installed
from rekall.errors import RekallError
from rekall.system.homes import expanded
from rekall.wording import DISTRIBUTION, install_command, installed_version

_EXTRAS = {
    "tui": ("textual",),
    "mcp": ("mcp",),
    "team": ("psycopg",),
    "watch": ("watchfiles",),
    "export": ("onnx", "safetensors", "ml_dtypes", "huggingface_hub"),
}

_KNOWN_VARIABLES = frozenset(
    (
        "REKALL_HOME",
        "REKALL_KEY",
        "REKALL_PAGER",
        "REKALL_TERMINAL",
        "REKALL_MCP_TOKEN",
        "REKALL_HOOKS",
        "REKALL_DB_PATH",
    )
)
_START_FILES = {
    "bash": ("~/.bashrc", "~/.bash_profile", "~/.profile", "~/.bash_completion"),
    "zsh": ("$ZDOTDIR/.zshrc", "~/.zshrc", "~/.zshenv", "~/.zprofile"),
    "fish": (
        "~/.config/fish/config.fish",
        "~/.config/fish/conf.d/rekall.fish",
        "~/.config/fish/completions/rekall.fish",
    ),
    "powershell": ("~/.config/powershell/profile.ps1", "~/.config/powershell/Microsoft.PowerShell_profile.ps1"),
}
_MOST_BYTES = 2_000_000
"""Of a start file or a client's file; nobody's is longer."""


def _versions(app: App) -> Iterator[Look]:
    import importlib.util

    version = installed_version()
    text = f"rekall {version}, Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    if version == "unknown":
        yield Look(
            "version",
            Health.WARN,
            f"{text}: no package {DISTRIBUTION} is installed",
            "in a checkout: `pip install -e .`",
        )
    else:
        yield Look("version", Health.GOOD, text)
    missing = [name for name in ("apsw", "numpy", "tokenizers") if importlib.util.find_spec(name) is None]
    if missing:
        yield Look(
            "version",
            Health.BAD,
            f"not installed: {', '.join(missing)}",
            f"`pip install --force-reinstall {DISTRIBUTION}`",
        )


def _strangers(app: App) -> Iterator[Look]:
    """Other programs that are installed into the same folder of the same name: `rekall` on the index is one."""
    from importlib.metadata import distributions

    for found in distributions():
        name = found.metadata["Name"] or ""
        if not name.lower().startswith("rekall") or name.lower().replace("_", "-") == DISTRIBUTION:
            continue
        if any(file.parts[0] == "rekall" for file in found.files or ()):
            yield Look(
                "version",
                Health.BAD,
                f"the package {name} {found.version} is installed here too: another program with files of the same names",
                f"`pip uninstall {name}`, then `pip install --force-reinstall {DISTRIBUTION}`",
            )


def _redirected(app: App) -> Iterator[Look]:
    """Whether the folder lies elsewhere than it says, as with a Python from the Microsoft Store."""
    from rekall.system.redirected import redirected, redirected_text

    folder = app.places.database.parent
    real = redirected(folder)
    if real:
        said, hint = redirected_text(folder, real)
        yield Look("path", Health.WARN, said, hint)


def _extras(app: App) -> Iterator[Look]:
    there = [name for name, packages in _EXTRAS.items() if all(map(is_installed, packages))]
    lacking = [name for name in _EXTRAS if name not in there]
    text = f"installed: {', '.join(there) or 'none'}" + (f"; not: {', '.join(lacking)}" if lacking else "")
    yield Look("extras", Health.GOOD, text, f"`{install_command(lacking[0])}`" if lacking else "")


def _path(app: App) -> Iterator[Look]:
    """Whether `rekall` can be typed, and is this one."""
    found = shutil.which("rekall")
    own = Path(sys.executable).with_name("rekall.exe" if os.name == "nt" else "rekall")
    if found is None:
        hint = "`pipx ensurepath`, `uv tool update-shell`, or add its folder to PATH"
        yield Look("path", Health.WARN, f"no folder of PATH has `rekall`; it lies in {own.parent}", hint)
    elif own.exists() and os.path.realpath(found) != os.path.realpath(own):
        yield Look(
            "path",
            Health.WARN,
            f"`rekall` is {found}, and this one is {own}",
            "remove one of them, or put the other folder first in PATH",
        )
    else:
        yield Look("path", Health.GOOD, found)


def _settings(app: App) -> Iterator[Look]:
    settings = app.settings
    places = app.places
    changed = [item.setting.key for item in settings if item.origin != "default"]
    for remark in settings.remarks:
        yield Look("settings", Health.WARN, remark.removeprefix(f"{places.config_file}: "), "`rekall config edit`")
    there = places.config_file if places.config_file.exists() else f"all defaults; no {places.config_file}"
    yield Look("settings", Health.GOOD, f"{there}" + (f": {', '.join(changed)}" if changed else ""))


def _environment(app: App) -> Iterator[Look]:
    """Variables that begin as ours do."""
    from rekall.entry.rules import nearest
    from rekall.settings import SETTINGS

    known = _KNOWN_VARIABLES | {setting.environment_name for setting in SETTINGS}
    given = sorted(name for name in os.environ if name.startswith("REKALL_"))
    for name in given:
        if name not in known and not name.startswith("_"):
            near = nearest(name, sorted(known), cutoff=0.8)
            yield Look(
                "environment",
                Health.WARN,
                f"nothing reads {name}",
                f"did you mean {near}?" if near else "`rekall help environment`",
            )
    ours = [f"{name}={os.environ[name]}" if name == "REKALL_HOME" else name for name in given if name in known]
    yield Look("environment", Health.GOOD, ", ".join(ours) or "no REKALL_ variable is set")


def _editor(app: App) -> Iterator[Look]:
    from rekall.system.editor import find_editor, leaves_window, program_of

    try:
        configured = app.settings.text("ui.editor")
    except RekallError:  # the line of the settings says what is wrong
        configured = ""
    command = find_editor(configured)
    where = (
        "ui.editor"
        if configured
        else next((name for name in ("VISUAL", "EDITOR") if os.environ.get(name)), "the system")
    )
    if not shutil.which(os.path.expanduser(program_of(command) or command)):
        hint = "`rekall config set ui.editor nano`, or set EDITOR"
        yield Look("editor", Health.BAD, f"{command} ({where}) cannot be found", hint)
    elif leaves_window(command):
        yield Look(
            "editor", Health.WARN, f"{command} ({where}) may end before you have written", leaves_window(command)
        )
    else:
        yield Look("editor", Health.GOOD, f"{command} ({where})")


def _picker(app: App) -> Iterator[Look]:
    wanted, fzf = app.settings.text("ui.picker"), shutil.which("fzf")
    if wanted == "fzf" and not fzf:
        text = "ui.picker is fzf, and fzf is not installed"
        yield Look("picker", Health.BAD, text, "`rekall config set ui.picker auto` takes what is there")
        return
    used = "a numbered list"
    if fzf and wanted in ("auto", "fzf"):
        used = f"fzf ({fzf})"
    elif wanted in ("auto", "tui") and is_installed("textual"):
        used = "the terminal UI"
    yield Look("picker", Health.GOOD, f"entries are chosen in {used}")


def _shell(app: App) -> Iterator[Look]:
    """Whether the shell's start file asks for completion."""
    from rekall.cli.init import shell_in_use

    shell = shell_in_use(os.environ)
    if shell is None:
        yield Look(
            "completion",
            Health.GOOD,
            "the shell is not known; bash, zsh, fish and powershell can complete",
            "`rekall init`",
        )
        return
    for name in _START_FILES[shell.name]:
        file = expanded(os.path.expandvars(name))
        if "rekall init" in _text_of(file) or (file.name == "rekall.fish" and file.exists()):
            yield Look("completion", Health.GOOD, f"{shell.name} completes: {file}")
            return
    yield Look(
        "completion", Health.WARN, f"{shell.name} does not complete `rekall` yet", f"add to {shell.file}: {shell.line}"
    )


def _terminal(app: App) -> Iterator[Look]:
    encoding = (sys.stdout.encoding or locale.getpreferredencoding(False)).lower()
    size = shutil.get_terminal_size()
    colour = (
        "no colours (NO_COLOR)"
        if os.environ.get("NO_COLOR")
        else "colours"
        if os.environ.get("TERM", "") not in ("", "dumb")
        else "no colours"
    )
    text = f"{os.environ.get('TERM') or 'no TERM'}, {size.columns}x{size.lines}, {encoding}, {colour}"
    if encoding.replace("-", "") != "utf8":
        yield Look(
            "terminal",
            Health.WARN,
            text,
            "set PYTHONUTF8=1, or a UTF-8 locale such as LANG=C.UTF-8; other characters show as ?",
        )
    else:
        yield Look("terminal", Health.GOOD, text)


def _clients(app: App) -> Iterator[Look]:
    """The assistants that know Rekall, and whether what they start is there."""
    from rekall.mcp.client_files import standing
    from rekall.mcp.clients import CLIENTS

    known, is_wrong = [], False
    for client in CLIENTS:
        if not client.files:  # what it keeps, no other program reads
            continue
        path = client.path()
        found = standing(client, path)
        is_wrong = is_wrong or found.state in ("unreadable", "missing")
        if found.state == "unreadable":
            text = f"{client.title}: {path} cannot be read: {found.problem}"
            yield Look("assistants", Health.WARN, text, "correct the file")
        elif found.state == "missing":
            text = f"{client.title} starts {found.command}, which is not there"
            yield Look("assistants", Health.BAD, text, f"`rekall mcp install {client.name} --write`")
        elif found.state == "configured":
            known.append(client.title)
    if known:
        yield Look("assistants", Health.GOOD, f"set up: {', '.join(known)}")
    elif not is_wrong:
        yield Look("assistants", Health.GOOD, "none is set up", "`rekall mcp install` lists those that can be")


def _hooks(app: App) -> Iterator[Look]:
    from rekall.hooks.hosts import HOSTS
    from rekall.hooks.standing import home_named, scopes, standing
    from rekall.mcp.launching import this_launch

    launch = this_launch(None)
    start = [launch.command, *launch.arguments[: launch.arguments.index("mcp")]]
    found = [standing(host, folder, start, home_named()) for host in HOSTS for folder in scopes(host)]
    for each in found:
        if each.problem:
            yield Look("hooks", Health.WARN, f"{each.host.title}: {each.path}: {each.problem}", "correct the file")
        elif each.moments and not each.is_current:
            yield Look(
                "hooks",
                Health.WARN,
                f"{each.host.title} runs another rekall, or over another base: {each.path}",
                f"`rekall hook install {each.host.name}{' --project' if each.folder else ''}`",
            )
    names = dict.fromkeys(each.host.title for each in found if each.moments and each.is_current)
    if names:
        yield Look("hooks", Health.GOOD, f"installed: {', '.join(names)}")
    elif not any(each.moments or each.problem for each in found):
        yield Look("hooks", Health.GOOD, "none is installed", "`rekall hook install` shows where they can be")


def _text_of(path: Path) -> str:
    """What a file says, as far as it can be read; empty where it cannot."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return ""


Look_ = Callable[[App], Iterator[Look]]

AROUND: tuple[tuple[tuple[str, Look_], ...], tuple[tuple[str, Look_], ...]] = (
    (
        ("version", _versions),
        ("version", _strangers),
        ("extras", _extras),
        ("path", _path),
        ("path", _redirected),
        ("settings", _settings),
        ("environment", _environment),
    ),
    (
        ("editor", _editor),
        ("picker", _picker),
        ("completion", _shell),
        ("terminal", _terminal),
        ("assistants", _clients),
        ("hooks", _hooks),
    ),
)
"""What comes before the base on the page, and what comes behind it."""
