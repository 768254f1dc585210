"""`rekall model`: list, info, verify, export."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.render import columns, out, out_json, size_text, talk
from rekall.errors import ExportFailed, ModelDamaged


@click.group()
def model() -> None:
    """Look at embedding models, check them, make them."""


@model.command("list")
@json_option
@pass_app
def list_models(app: App, as_json: bool) -> None:
    """The installed models; * marks the one in use."""
    models = [
        _listed(folder, used=folder.name == app.settings.text("engine.model")) for folder in app.library.folders()
    ]
    if as_json:
        out_json({"models": models})
    elif models:
        out(columns([_list_row(fields) for fields in models]))
    else:
        talk("no model is installed; `rekall model export` makes one")


def _listed(folder: Path, *, used: bool) -> dict[str, Any]:
    """What the list says of a model; of a damaged one, what is wrong with it."""
    from rekall.engine.card import read_card

    fields: dict[str, Any] = {"name": folder.name, "in_use": used}
    try:
        card = read_card(folder)
    except ModelDamaged as error:
        return {**fields, "problem": error.message}
    size = sum(file.size for file in card.files.values())
    return {
        **fields,
        "dimensions": card.dimensions,
        "precision": card.precision,
        "bytes": size,
        "licence": card.licence,
    }


def _list_row(fields: dict[str, Any]) -> list[str]:
    mark = "*" if fields["in_use"] else " "
    if "problem" in fields:
        return [mark, fields["name"], "damaged", "", "", ""]
    return [
        mark,
        fields["name"],
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
    """What a model is; without NAME the one in use."""
    from rekall.engine.card import read_card

    folder = app.library.folder(name or app.settings.text("engine.model"))
    card = read_card(folder)
    if as_json:
        out_json({"model": {**asdict(card), "fingerprint": card.fingerprint, "folder": str(folder)}})
        return
    rows = [
        ["name", card.name],
        ["folder", str(folder)],
        ["source", f"{card.source.name}  sha256 {card.source.sha256}"],
        [
            "architecture",
            f"{card.architecture}, {card.pooling} pooling, {card.dimensions} dimensions, {card.max_tokens} tokens",
        ],
        ["precision", f"{card.precision}, onnxruntime {card.minimum_onnxruntime} or later"],
        ["prompts", f"query {card.prompts.query!r}, document {card.prompts.document!r}"],
        ["licence", card.licence],
        ["fingerprint", card.fingerprint],
        *(
            [
                "fidelity",
                f"to {kind}: cosine at least {figures.min_cosine}, mean at least {figures.mean_cosine} over {figures.texts} texts",
            ]
            for kind, figures in card.fidelity.items()
        ),
        *(["file", f"{file}  {size_text(record.size)}"] for file, record in card.files.items()),
    ]
    out(columns(rows))


@model.command()
@click.argument("name", required=False)
@json_option
@pass_app
def verify(app: App, name: str | None, as_json: bool) -> None:
    """Check a model's files, load it and measure it; without NAME the one in use."""
    verdict = app.library.verify(name or app.settings.text("engine.model"))
    if as_json:
        out_json(
            {
                "model": verdict.card.name,
                "ok": True,
                "texts": verdict.texts,
                "min_cosine": verdict.min_cosine,
                "mean_cosine": verdict.mean_cosine,
            }
        )
    else:
        out(
            f"{verdict.card.name} is whole: {len(verdict.card.files)} files match their hashes, cosine to its reference {verdict.min_cosine:.5f} at least, {verdict.mean_cosine:.5f} on average over {verdict.texts} texts"
        )


@model.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--out", "folder", type=click.Path(path_type=Path), help="The model folder to make (in Rekall's own models folder)."
)
@click.option("--name", metavar="NAME", help="The model's name (that of SOURCE).")
@click.option(
    "--precision", type=click.Choice(["q8", "fp32"]), default="q8", help="8-bit blocks, or float32 as it is (q8)."
)
@click.option(
    "--reference",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help='JSON with "texts" and "vectors" to measure against, or X.vectors.npy beside X.texts.json.',
)
@click.option(
    "--min-cosine", type=float, default=0.999, metavar="X", help="Fail when any text comes out further away (0.999)."
)
@click.option(
    "--licence-file",
    "licence_files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A notice to put into the folder.",
)
@json_option
@pass_app
def export(
    app: App,
    source: Path,
    folder: Path | None,
    name: str | None,
    precision: str,
    reference: Path | None,
    min_cosine: float,
    licence_files: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Turn a sentence-transformers folder into a model, without torch.

    Needs the extra: pip install 'rekall[export]'.
    """
    from rekall.engine.card import checked_name

    name = checked_name(name or (folder.name if folder else source.resolve().name))
    try:
        from rekall.export.exporter import export_model

        report = export_model(
            source,
            folder or app.places.models / name,
            name=name,
            precision=precision,
            reference=reference,
            min_cosine=min_cosine,
            licence_files=licence_files,
        )
    except ImportError as error:
        raise ExportFailed(
            f"exporting needs {error.name}, which is not installed", "run `pip install 'rekall[export]'`"
        ) from error
    if as_json:
        out_json(
            {
                "model": name,
                "folder": str(report.folder),
                "fingerprint": report.card.fingerprint,
                "fidelity": {kind: asdict(figures) for kind, figures in report.fidelity.items()},
            }
        )
        return
    out(f"exported {name} to {report.folder}")
    for kind, figures in report.fidelity.items():
        out(
            f"cosine to {kind}: {figures.min_cosine:.5f} at least ({figures.worst_text[:40]!r}), {figures.mean_cosine:.5f} on average over {figures.texts} texts"
        )
