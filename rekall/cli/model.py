"""`rekall model`: list, info, use, verify, bench, remove."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli import model_get
from rekall.cli.curated import CHOICES, CURATED
from rekall.cli.model_get import tell_what_is_held
from rekall.cli.options import Duration, json_option, pass_app
from rekall.cli.progress import progress_bar
from rekall.cli.render import columns, out, out_json, talk
from rekall.errors import InvalidInput, ModelDamaged, RekallError, StorageError, in_our_words
from rekall.wording import count_text, size_text

if TYPE_CHECKING:
    from rekall.knowledge.spaces import Switch
    from rekall.models.engine.card import Fidelity, ModelCard


@click.group()
@pass_app
def model(app: App) -> None:
    """List, get, measure and switch embedding models."""
    from rekall.system.leftovers import sweep_folders

    sweep_folders([app.places.models])  # what was replaced or removed while a program used it


@model.command("list")
@json_option
@pass_app
def list_models(app: App, as_json: bool) -> None:
    """List installed models, * marking the one in use, and some worth pulling."""
    used = app.model_in_use()
    models = [_listed(folder, used=folder.name == used) for folder in app.library.folders()]
    known = [each for each in CURATED if each.name not in {fields["name"] for fields in models}]
    if as_json:
        out_json({"models": models, "known": [asdict(each) for each in known]})
        return
    if models:
        out(columns([_list_row(fields) for fields in models]))
    else:
        talk("no model is installed")
    out("\nAvailable with `rekall model pull REPOSITORY`:")
    for each in known:
        reads = f"{each.max_tokens:,} tokens" if each.max_tokens else "texts of any length"
        out(f"  {each.repository}")
        out(f"      {each.languages}, {each.dimensions} dimensions, {reads}, {each.licence}")
        score = "no retrieval score known" if each.score is None else f"{each.score:g} on {each.benchmark}"
        about = "about " if each.reckoned else ""
        out(f"      {about}{each.disk_mb} MB on disk, {about}{each.ram_mb} MB of RAM, {score}")
    out("")
    for need, repository in CHOICES:
        out(f"For {need}: {repository}")
    out("\nRAM is the peak of a search. Retrieval scores of different benchmarks cannot be compared.")


def _listed(folder: Path, *, used: bool) -> dict[str, Any]:
    """What the list says about a model; for a damaged one, what is wrong with it."""
    from rekall.models.engine.card import read_card

    fields: dict[str, Any] = {"name": folder.name, "in_use": used}
    try:
        card = read_card(folder)
    except ModelDamaged as error:
        return {**fields, "problem": error.message}
    return {
        **fields,
        "architecture": card.architecture,
        "dimensions": card.dimensions,
        "max_tokens": card.max_tokens,
        "precision": card.precision,
        "bytes": card.size,
        "licence": card.licence,
    }


def _list_row(fields: dict[str, Any]) -> list[str]:
    mark = "*" if fields["in_use"] else " "
    if "problem" in fields:
        return [mark, fields["name"], "damaged", "", "", "", ""]
    return [
        mark,
        fields["name"],
        fields["architecture"],
        f"{fields['dimensions']} dimensions",
        fields["precision"],
        size_text(fields["bytes"]),
        fields["licence"],
    ]


@model.command()
@click.argument("name", required=False)
@json_option
@pass_app
def info(app: App, name: str | None, as_json: bool) -> None:
    """Describe a model; without NAME, the one in use."""
    from rekall.models.engine.card import read_card
    from rekall.models.proof import named, proof_text

    folder = app.library.folder(name or app.model_in_use())
    card = read_card(folder)
    if as_json:
        out_json(_described(folder, card))
        return
    rows = [
        ["name", folder.name],
        ["folder", str(folder)],
        ["source", card.source.name + (f" at {card.source.revision}" if card.source.revision else "")],
        ["weights", f"sha256 {card.source.sha256}"],
        [
            "architecture",
            ", ".join([card.architecture, f"{card.pooling} pooling", *(f"dense {d}" for d in card.dense)]),
        ],
        ["vectors", f"{card.dimensions} dimensions"],
        ["reads", f"{card.max_tokens:,} tokens"],
        ["precision", card.precision],
        ["runs on", _runs_on(card)],
        ["query prompt", _prompt_text(card.prompts.query)],
        ["document prompt", _prompt_text(card.prompts.document)],
        [
            "compared by",
            card.similarity if card.similarity == "cosine" else f"cosine, though trained for {card.similarity}",
        ],
        ["licence", card.licence],
        ["fingerprint", card.fingerprint],
        ["proof", proof_text(card.fidelity)],
        *(
            [
                "fidelity",
                f"to {named(kind)}: cosine at least {figures.min_cosine}, mean at least {figures.mean_cosine} over {figures.texts} texts",
            ]
            for kind, figures in card.fidelity.items()
        ),
        *([["of bytes", _bytes_text(card.integers)]] if card.integers else []),
        *([["passed over", ", ".join(card.unread)]] if card.unread else []),
        *(["file", f"{file}  {size_text(record.size)}"] for file, record in card.files.items()),
    ]
    out(columns(rows))


def _runs_on(card: ModelCard) -> str:
    from rekall.models.proof import SOURCE

    if card.is_static:
        return "numpy"
    either = "" if SOURCE in card.fidelity else ", or numpy"  # torch writes operators that ours are not made for
    return f"onnxruntime {card.minimum_onnxruntime} or later{either}"


def _bytes_text(figures: Fidelity) -> str:
    return (
        "on processors with VNNI or dotprod, which are faster with bytes: "
        f"cosine at least {figures.min_cosine}, mean at least {figures.mean_cosine}"
    )


def _prompt_text(prompt: str) -> str:
    return repr(prompt) if prompt else "none"


def _described(folder: Path, card: ModelCard) -> dict[str, Any]:
    """A card as JSON: under the model's name here, and with its files' sizes in bytes."""
    fields = asdict(card)
    del fields["name"]
    files = {
        file: {"sha256": record.sha256, "crc32": record.crc32, "bytes": record.size}
        for file, record in card.files.items()
    }
    return {"model": folder.name, "folder": str(folder), **fields, "files": files}


@model.command()
@click.argument("name", required=False)
@json_option
@pass_app
def verify(app: App, name: str | None, as_json: bool) -> None:
    """Check a model's files, load it and measure it; without NAME, the one in use."""
    from rekall.models.proof import GIVEN, named, proof_text

    name = name or app.model_in_use()
    card, measured, runtime = app.library.verify(name, app.engine_backend)
    own = next(figures for kind, figures in measured.items() if kind != GIVEN)
    if as_json:
        given = measured.get(GIVEN)
        out_json(
            {
                "model": name,
                "ok": True,
                "texts": own.texts,
                "min_cosine": own.min_cosine,
                "mean_cosine": own.mean_cosine,
                "proof": proof_text(card.fidelity),
                "engine": runtime,
                "reference": None if given is None else asdict(given),
            }
        )
        return
    out(f"{name} is intact: {len(card.files)} files match their hashes")
    for kind, figures in measured.items():
        out(
            f"cosine to {named(kind)}: at least {figures.min_cosine:.5f}, mean {figures.mean_cosine:.5f} over {figures.texts} texts"
        )
    out(f"proof: {proof_text(card.fidelity)}")
    out(f"run by {runtime}")


@model.command()
@click.argument("name")
@click.option(
    "--budget",
    type=Duration(),
    metavar="TIME",
    help="Stop after about this long (30s, 5m, 2h); run it again to continue.",
)
@json_option
@pass_app
def use(app: App, name: str, budget: float | None, as_json: bool) -> None:
    """Embed everything with another model, then search with it.

    Searches use the old vectors until the new ones are complete. After an interruption, run the command again to
    continue.
    """
    from rekall.cli.settings_file import check_writable, write_setting
    from rekall.config import Settings

    try:  # before hours of work
        if Settings(app.places, environ={}).text("engine.model") != name:
            check_writable(app.places, "engine.model", name)
    except (OSError, RekallError) as error:
        said = in_our_words(error)
        raise StorageError(f"the model cannot be changed in the config file: {said.message}", said.hint) from error
    with progress_bar(f"embedding with {name}") as progress:
        switch = app.open_base(to_write=app.places.database.exists()).index.use_model(name, progress, budget)
    if switch.is_active and Settings(app.places, environ={}).text("engine.model") != name:
        try:
            write_setting(app.places, "engine.model", name)
        except (OSError, RekallError) as error:
            raise _half_done(name, error) from error
    if as_json:
        out_json(
            {
                "model": name,
                "fingerprint": switch.model.fingerprint,
                "before": switch.before or None,
                "embedded": switch.embedded,
                "pending": switch.pending,
                "set_aside": switch.aside,
                "in_use": switch.is_active,
            }
        )
    else:
        _tell(name, switch)


def _tell(name: str, switch: Switch) -> None:
    """How far the change to a model came, for people."""
    embedded = count_text(switch.embedded, "passage")
    rest = f", {switch.pending:,} to go" if switch.pending else ""
    if switch.is_active:
        out(f"searches use {name} now; {embedded} embedded{rest}")
    else:
        out(f"embedded {embedded} with {name}{rest}; searches stay with the old model until then")
    if switch.aside:
        aside = count_text(switch.aside, "passage")
        talk(f"\nnote: {name} cannot embed {aside}; `rekall index status` says which and why")
    if switch.holder:
        talk(
            f"\nnote: {switch.holder.text}" + ("" if switch.is_active else "; it changes searches over when it is done")
        )
    elif switch.pending:
        talk(f"\nhint: run `rekall model use {name}` again to continue")
    elif switch.replaced:
        talk(f"\nhint: the vectors of {switch.before} are kept; `rekall index prune` deletes them")


def _half_done(name: str, error: OSError | RekallError) -> StorageError:
    """The error for a switch that the base has made and the config file does not know of."""
    said = in_our_words(error)
    return StorageError(
        f"searches use {name} now, but the config file could not be changed: {said.message}",
        f"nothing has to be embedded again; `rekall config set engine.model {name}` makes it the model of new bases too",
    )


@model.command()
@click.argument("name")
@json_option
@pass_app
def remove(app: App, name: str, as_json: bool) -> None:
    """Remove a pulled, exported or imported model, unless it is in use."""
    if name in (app.model_in_use(), app.settings.text("engine.model")):
        raise InvalidInput(f"model {name} is in use", "switch to another one first: `rekall model use NAME`")
    folder, is_gone = app.library.remove(name, app.places.models)
    if as_json:
        out_json({"removed": name, "folder": str(folder)})
    else:
        out(f"removed {name}")
    if not is_gone:
        tell_what_is_held(app)


@model.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@json_option
@pass_app
def bench(app: App, names: tuple[str, ...], as_json: bool) -> None:
    """Measure models on this machine, each in its own process; without NAME, all installed ones."""
    from rekall.cli.bench import measure_models

    measure_models(app, names, as_json=as_json)


model.add_command(model_get.export)
model.add_command(model_get.pull)
model.add_command(model_get.pack)
model.add_command(model_get.import_model)
