"""`rekall config`: list, get, set, path."""

from __future__ import annotations

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import columns, out, out_json, talk
from rekall.errors import RekallError, StorageError, in_our_words


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
