"""`rekall config`: list, get, set, unset, edit, path."""

from __future__ import annotations

import click

from rekall.app import App
from rekall.cli.options import as_text, json_option, on_terminal, pass_app
from rekall.cli.render import columns, error_text, out, out_json, talk
from rekall.errors import InvalidInput, NotFound, RekallError, StorageError, in_our_words


@click.group()
def config() -> None:
    """Show and change settings."""


@config.command("list")
@json_option
@pass_app
def list_settings(app: App, as_json: bool) -> None:
    """List every setting, its value, and where the value comes from."""
    settings = list(app.settings)
    if as_json:
        out_json(
            {
                "settings": [
                    {
                        "key": item.setting.key,
                        "value": item.value,
                        "origin": item.origin,
                        "default": item.setting.default,
                        "doc": item.setting.doc,
                    }
                    for item in settings
                ]
            }
        )
    else:
        out(columns([[item.setting.key, item.text or '""', item.origin, item.setting.doc] for item in settings]))


@config.command()
@click.argument("key")
@json_option
@pass_app
def get(app: App, key: str, as_json: bool) -> None:
    """Print the value of one setting."""
    item = app.settings.of(key)
    if as_json:
        out_json({"key": key, "value": item.value, "origin": item.origin})
    else:
        out(item.text)


@config.command("set")
@click.argument("key")
@click.argument("value")
@json_option
@pass_app
def set_value(app: App, key: str, value: str, as_json: bool) -> None:
    """Change one setting in the config file; comments and other keys are kept."""
    from rekall.cli.settings_file import write_setting
    from rekall.config import Settings

    try:
        write_setting(app.places, key, value)
    except OSError as error:
        raise _not_sure(app, key, value, in_our_words(error)) from error
    settings = Settings(app.places)
    for remark in settings.remarks:
        app.tell(remark)
    item = settings.of(key)
    if as_json:
        out_json({"key": key, "value": item.value, "origin": item.origin})
        return
    talk(f"{key} = {item.text}")
    if item.origin != "file":
        talk(f"note: {item.origin} in the environment overrides the file")
    if key == "engine.model":
        talk(f"\nhint: a base that already has vectors keeps its model; `rekall model use {item.text}` switches it")


@config.command()
@click.argument("key")
@json_option
@pass_app
def unset(app: App, key: str, as_json: bool) -> None:
    """Take one setting out of the config file, so that its default holds again."""
    from rekall.cli.settings_file import unset_setting
    from rekall.config import SEARCHES, find_setting

    was_there = unset_setting(app.places, key)
    try:
        find_setting(key)
    except NotFound:  # a key that is none of ours, and is gone from the file now
        value, text, origin = None, "", "file"
    else:
        item = app.settings.of(key)
        value, text, origin = item.value, item.text or '""', item.origin
    if as_json:
        out_json({"key": key, "was_set": was_there, "value": value, "origin": origin})
    elif value is None:
        is_search = key.startswith(f"{SEARCHES}.")
        talk(f"{key} is {'forgotten' if is_search else 'no setting, and no longer in the file'}")
    else:
        talk(f"{key} = {text}" + ("" if was_there else f"  (it was not set in {app.places.config_file})"))
        if origin != "default":
            talk(f"note: {origin} in the environment still sets it")


@config.command()
@pass_app
def edit(app: App) -> None:
    """Open the config file in your editor, and take it over once every value can be used."""
    from rekall.cli.settings_file import begun_edit, replace_settings
    from rekall.config import not_toml
    from rekall.system.editor import find_editor, open_editor
    from rekall.system.replacing import discard

    places = app.places
    scratch, is_new = begun_edit(places)
    before = scratch.read_bytes()
    try:
        editor = app.settings.text("ui.editor")
    except RekallError:  # what is wrong is what is to be edited
        editor = ""
    while True:
        closed = open_editor(scratch, editor)
        if closed.code != 0:
            raise InvalidInput(
                f"the editor {find_editor(editor)!r} failed; nothing was changed",
                f"`rekall --set ui.editor=nano config edit` takes another one; the text is kept in {scratch}",
            )
        text = scratch.read_bytes()
        if text == before and closed.is_soon:
            talk(
                f"note: the editor ended at once, and nothing was changed yet: {scratch} stays, for the same command again"
                f"\n\nhint: {closed.advice}"
            )
            return
        if is_new and text == before:
            discard(scratch)
            talk("nothing changed")
            return
        try:
            replace_settings(places, as_text(text, str(scratch)))
        except (RekallError, ValueError) as error:
            wrong = error if isinstance(error, RekallError) else not_toml(scratch, error)
            talk(error_text(wrong))
            if on_terminal() and click.confirm("edit again?", default=True, err=True):
                continue
            raise InvalidInput(
                "the settings are as they were", f"`rekall config edit` goes on with {scratch}; remove it to start over"
            ) from error
        talk(f"changed {places.config_file}")
        return


def _not_sure(app: App, key: str, value: str, said: RekallError) -> StorageError:
    """The error of a change that could not be written, with whether it took effect all the same."""
    from rekall.config import Settings, find_setting

    try:
        is_changed = Settings(app.places, environ={}).of(key).value == find_setting(key).parse(value, "value")
    except RekallError:
        is_changed = False
    if is_changed:
        return StorageError(
            f"{key} is changed, but that may not outlast a power loss: {said.message}", "check the disk"
        )
    return StorageError(f"{key} is as it was: {said.message}", said.hint)


@config.command()
@json_option
@pass_app
def path(app: App, as_json: bool) -> None:
    """Print where settings, database and models are kept."""
    places = app.places
    if as_json:
        out_json({"config": str(places.config_file), "database": str(places.database), "models": str(places.models)})
    else:
        out(
            columns(
                [
                    ["config", str(places.config_file)],
                    ["database", str(places.database)],
                    ["models", str(places.models)],
                ]
            )
        )
    from rekall.system.redirected import redirected, redirected_text

    real = redirected(places.database.parent)
    if real:
        said, hint = redirected_text(places.database.parent, real)
        talk(f"\nnote: {said}\nhint: {hint}")
