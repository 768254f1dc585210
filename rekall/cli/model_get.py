"""The commands that get models (export, pull, import), and pack, for another machine."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.progress import progress_bar
from rekall.cli.render import out, out_json, talk
from rekall.errors import ExportFailed, InvalidInput
from rekall.wording import install_command

if TYPE_CHECKING:
    from rekall.models.export.exporter import ExportReport
    from rekall.models.export.options import ExportOptions

Command = TypeVar("Command", bound=Callable[..., Any])
_NEEDED = ("onnx", "safetensors", "ml_dtypes")
_NEEDED_WITH_TORCH = ("torch", "sentence_transformers", "onnxscript")
_LICENCE_FILES = ("LICENSE*", "LICENCE*", "NOTICE*", "COPYING*")


def _export_options(command: Command) -> Command:
    """The options that export and pull share; the command receives them as `options`."""
    for option in (
        click.option("--name", metavar="NAME", help="The name to install it under (the source's)."),
        click.option(
            "--precision",
            type=click.Choice(["q8", "fp32"]),
            default="q8",
            help="q8 is 8-bit blocks, fp32 unchanged float32 (q8).",
        ),
        click.option(
            "--dimensions",
            type=click.IntRange(1),
            metavar="N",
            help="Keep the first N dimensions, for models trained for that.",
        ),
        click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="Read at most N tokens of a text."),
        click.option(
            "--query-prompt", metavar="TEXT", help="Text to put before every query, instead of the model's own."
        ),
        click.option(
            "--document-prompt", metavar="TEXT", help="Text to put before every document, instead of the model's own."
        ),
        click.option(
            "--min-cosine",
            type=float,
            default=0.999,
            metavar="X",
            help="Fail if any text's cosine to its reference is lower (0.999).",
        ),
        click.option(
            "--task",
            default="",
            metavar="NAME",
            help="Of a model with an adapter for each of several tasks, the one to merge; `none` for no adapter.",
        ),
        click.option(
            "--ignore",
            "ignored",
            multiple=True,
            metavar="NAME",
            help="A key of its files, or a tensor, that you know to change no vector; `*` stands for any text.",
        ),
        click.option(
            "--tokenizer",
            type=click.Choice(["file", "class"]),
            help="Where its files contradict each other: follow tokenizer.json, or the class it names.",
        ),
        click.option(
            "--via", type=click.Choice(["torch"]), help="Use torch to trace a model that Rekall cannot build itself."
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--out",
    "folder",
    type=click.Path(path_type=Path),
    help="The model folder to create (in Rekall's own models folder).",
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='JSON with "texts" and "vectors" to measure against, or X.vectors.npy beside X.texts.json.',
)
@click.option(
    "--licence-file",
    "licence_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A notice to copy into the folder.",
)
@_export_options
@json_option
@pass_app
def export(
    app: App,
    /,
    source: Path,
    folder: Path | None,
    name: str | None,
    reference: Path | None,
    licence_files: tuple[Path, ...],
    as_json: bool,
    **options: Any,
) -> None:
    """Turn a sentence-transformers or model2vec folder into a model, without torch.

    Needs the extra: pip install 'rekall-memory[export]', or 'rekall-memory[export-torch]' for `--via torch`.
    """
    from rekall.models.engine.card import checked_name

    asked = _checked_options(options)
    name = checked_name(name or (folder.name if folder else source.resolve().name))
    if folder is None:
        _check_shadow(app, name)
    asked = replace(asked, name=name, reference=reference, licence_files=licence_files)
    _show(_export(source, folder or app.places.models / name, asked), as_json)
    tell_what_is_held(app)


@click.command()
@click.argument("repository", metavar="REPOSITORY[@REVISION]")
@click.option(
    "--from-dir",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Use the files in this folder, fetched elsewhere, without opening a connection.",
)
@_export_options
@json_option
@pass_app
def pull(app: App, /, repository: str, from_dir: Path | None, name: str | None, as_json: bool, **options: Any) -> None:
    """Fetch a model from a hub once, and turn it into one that Rekall runs.

    Only the files needed are fetched, from one commit, and checked. HF_ENDPOINT, HF_HOME, HF_TOKEN and HF_HUB_OFFLINE
    are honoured. Needs the extra: pip install 'rekall-memory[export]'.
    """
    from rekall.models.engine.card import checked_name
    from rekall.models.export.hub import fetch, parse_repository

    asked = _checked_options(options)
    repository, revision = parse_repository(repository)
    name = checked_name(name or repository.rpartition("/")[2])
    _check_shadow(app, name)
    asked = replace(asked, name=name, repository=repository, revision=revision)
    target = app.places.models / name
    if from_dir:
        report = _export(from_dir, target, asked)
    else:
        with (
            progress_bar(f"fetching {repository}", unit="bytes") as progress,
            fetch(
                repository,
                revision,
                progress=lambda file, done, total: progress(done, total),
                inspect=lambda folder: _inspect(folder, asked),
            ) as fetched,
        ):
            found = replace(asked, revision=fetched.commit, licence_files=_notices(fetched.folder))
            report = _export(fetched.folder, target, found)
    _show(report, as_json)
    tell_what_is_held(app)
    if not as_json:
        talk(f"\nhint: `rekall model use {name}` embeds your notes with it, and searches use it from then on")


@click.command()
@click.argument("name")
@click.option("--out", "archive", type=click.Path(path_type=Path, dir_okay=False), help="The file to write (NAME.tar).")
@json_option
@pass_app
def pack(app: App, name: str, archive: Path | None, as_json: bool) -> None:
    """Write a model to a single file, for a machine without a network."""
    from rekall.models.archive import pack as pack_folder

    archive = archive or Path(f"{name}.tar")
    card = pack_folder(app.library.folder(name), archive)
    if as_json:
        out_json(
            {"model": name, "file": str(archive), "bytes": archive.stat().st_size, "fingerprint": card.fingerprint}
        )
    else:
        out(f"packed {name} into {archive}; on the other machine: rekall model import {archive.name}")


@click.command("import")
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", default="", metavar="NAME", help="The name to install it under (its own).")
@click.option("--replace", "in_place", is_flag=True, help="Replace an installed model of the same name.")
@json_option
@pass_app
def import_model(app: App, archive: Path, name: str, in_place: bool, as_json: bool) -> None:
    """Import a model that `rekall model pack` wrote, after checking every hash and letting it run once."""
    from rekall.models.archive import unpack
    from rekall.models.trial import try_out

    shipped = [folder for folder in app.library.folders() if folder.parent != app.places.models]
    folder, card = unpack(archive, app.places.models, name, replace=in_place, shipped=shipped, check=try_out)
    tell_what_is_held(app)
    if as_json:
        out_json({"model": folder.name, "folder": str(folder), "fingerprint": card.fingerprint})
        return
    out(f"imported {folder.name} to {folder}")
    talk(f"\nhint: `rekall model use {folder.name}` embeds your notes with it, and searches use it from then on")


def tell_what_is_held(app: App) -> None:
    """Say which files of models are gone but for a program that still has them open, and which program that is."""
    from rekall.system.leftovers import set_aside

    left = set_aside(app.places.models)
    if left:
        from rekall.system.processes import Processes

        holders = dict.fromkeys(each for path in left for each in Processes().of_ours_with(path))
        who = " and ".join(holders) or "a program"
        talk(
            f"\nnote: {who} still uses files that were replaced or removed; the next `rekall model` command after it ended removes them"
        )


def _checked_options(given: dict[str, Any]) -> ExportOptions:
    """The options, checked before anything is fetched or read: their values, and that the extra is installed."""
    from rekall.models.export.options import ExportOptions

    via_torch = given.pop("via") == "torch"
    if not 0 <= given["min_cosine"] <= 1:
        raise InvalidInput(f"--min-cosine is {given['min_cosine']}", "give a number from 0 to 1")
    needed = (*_NEEDED, *_NEEDED_WITH_TORCH) if via_torch else _NEEDED
    missing = [name for name in needed if not _is_installed(name)]
    if missing:
        extra = "export-torch" if via_torch else "export"
        raise ExportFailed(
            f"exporting needs {', '.join(missing)}, which is not installed", f"run `{install_command(extra)}`"
        )
    given["tokenizer"] = given["tokenizer"] or "agreed"
    return ExportOptions(**given, via_torch=via_torch)


def _is_installed(name: str) -> bool:
    """Whether a package can be imported, without importing it."""
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # a module without a spec took its place
        return False


def _inspect(folder: Path, options: ExportOptions) -> None:
    """Refuse a model that cannot be exported before its weights are fetched."""
    from rekall.models.export.checkpoint import read_checkpoint
    from rekall.models.export.modules import STATIC_KIND
    from rekall.models.export.transformer import check_architecture

    checkpoint = read_checkpoint(folder, options, complete=False)
    if checkpoint.chain.kind != STATIC_KIND and not options.via_torch:
        check_architecture(checkpoint)


def _check_shadow(app: App, name: str) -> None:
    """Refuse the name of a model that comes with Rekall: the base may be using that one."""
    if not (app.places.models / name).exists() and name in (folder.name for folder in app.library.folders()):
        raise InvalidInput(f"a model {name!r} came with Rekall", "choose another name with --name")


def _notices(folder: Path) -> tuple[Path, ...]:
    return tuple(sorted(path for pattern in _LICENCE_FILES for path in folder.glob(pattern) if path.is_file()))


def _export(source: Path, folder: Path, options: ExportOptions) -> ExportReport:
    from rekall.models.export.exporter import export_model  # numpy and tokenizers

    return export_model(source, folder, options)


def _show(report: ExportReport, as_json: bool) -> None:
    if as_json:
        out_json(
            {
                "model": report.card.name,
                "folder": str(report.folder),
                "fingerprint": report.card.fingerprint,
                "revision": report.card.source.revision,
                "prompts": asdict(report.card.prompts),
                "fidelity": {kind: asdict(figures) for kind, figures in report.fidelity.items()},
                "notes": list(report.notes),
            }
        )
        return
    from rekall.models.proof import named, proof_text

    card = report.card
    out(f"exported {card.name} to {report.folder}")
    out(f"{card.dimensions} dimensions, reads {card.max_tokens:,} tokens")
    for kind, prompt in asdict(card.prompts).items():
        out(f"{kind} prompt: {repr(prompt) if prompt else 'none'}")
    for kind, figures in report.fidelity.items():
        out(
            f"cosine to {named(kind)}: at least {figures.min_cosine:.5f} ({figures.worst_text[:40]!r}), mean {figures.mean_cosine:.5f} over {figures.texts} texts"
        )
    out(f"proof: {proof_text(report.fidelity)}")
    for note in report.notes:
        talk(f"\nnote: {note}")
