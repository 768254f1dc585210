"""`rekall index`: status, rebuild, prune."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from rekall.app import App
from rekall.cli.options import json_option, pass_app
from rekall.cli.progress import how_far_when_interrupted, progress_bar
from rekall.cli.render import columns, fit, out, out_json, talk
from rekall.wording import count_text, in_a_row, printable, size_text

if TYPE_CHECKING:
    from rekall.knowledge.reports import IndexStatus
    from rekall.knowledge.spaces import SpaceReport
    from rekall.knowledge_base import KnowledgeBase
    from rekall.models.engine.runtimes import Runtime
    from rekall.store.values import SetAside

_MOST_NAMED = 20
_TITLE_CELLS = 50


@click.group()
def index() -> None:
    """Show the indexes, or rebuild them."""


@index.command()
@json_option
@pass_app
def status(app: App, as_json: bool) -> None:
    """Show what the indexes hold, and which backend and model serve them."""
    base = app.open_base()
    state = base.index.status()
    engine = app.runtime(state.model.name) if state.model else None
    if as_json:
        out_json(
            {
                "backend": {"name": state.backend.name, "reason": state.backend.reason or None},
                "entries": state.entries,
                "words": state.words,
                "passages": state.passages,
                "vectors": state.vectors,
                "pending_passages": state.pending_passages,
                "pending_entries": state.pending_entries,
                "set_aside_passages": state.aside_passages,
                "set_aside_entries": state.aside_entries,
                "set_aside": [_aside_fields(each) for each in state.aside],
                "space": next((_space_fields(space) for space in state.spaces if space.serves), None),
                "other_spaces": [_space_fields(space) for space in state.spaces if not space.serves],
                "model": state.model.name if state.model else None,
                "fingerprint": state.model.fingerprint if state.model else None,
                "dimensions": state.model.dim if state.model else None,
                "engine": _engine_fields(engine) if engine else None,
                "problem": state.model_problem or None,
                "embedding": _embedder_fields(state),
                "wants_rebuild": state.wants_rebuild,
            }
        )
        return
    reason = f"  ({state.backend.reason})" if state.backend.reason else ""
    rows = [
        ["entries", f"{state.entries:,}"],
        ["words", f"{state.words:,} entries indexed"],
        ["vectors", f"{state.vectors:,} of {count_text(state.passages, 'passage')}"],
        *_aside_rows(base, state),
        ["searched by", state.backend.name + reason],
        [
            "model",
            f"{printable(state.model.name)}  ({state.model.dim} dimensions, fingerprint {state.model.fingerprint})"
            if state.model
            else "none",
        ],
        *([["run by", str(engine)]] if engine else []),
        *(["also", _space_text(space, state.passages)] for space in state.spaces if not space.serves),
    ]
    out(columns(rows))
    if state.words != state.entries:
        talk("\nhint: the words index is incomplete; run `rekall index rebuild --words`")
    if state.model_problem:
        talk(f"\nproblem: {printable(state.model_problem)}")
    elif state.pending_passages:
        without = count_text(state.pending_entries, "entry", "entries")
        kind = "note" if state.embedder else "hint"
        talk(f"\n{kind}: {without} without vectors; {base.index.advice()}")
    if state.wants_rebuild:
        talk(
            "\nhint: a search compares every vector; `rekall index rebuild --vectors` makes an index of them, "
            "while which nobody can write"
        )
    if state.aside_passages:
        talk(
            "\nhint: words find what is set aside; change the text, or use another model, and "
            "`rekall index rebuild --vectors` tries it again"
        )


@index.command()
@click.option("--unfinished", is_flag=True, help="Also drop vectors that `rekall model use` has not finished.")
@json_option
@pass_app
def prune(app: App, unfinished: bool, as_json: bool) -> None:
    """Drop the vectors of models that searches no longer use."""
    with progress_bar("freeing"):
        gone = app.open_base(to_write=app.places.database.exists()).index.prune(unfinished=unfinished)
    if as_json:
        out_json({"pruned": [_space_fields(space) for space in gone]})
    elif not gone and any(not space.serves for space in app.open_base().index.status().spaces):
        out("nothing to prune except vectors that `rekall model use` has not finished; --unfinished drops those too")
    elif not gone:
        out("nothing to prune: every vector belongs to the model in use")
    for space in gone if not as_json else ():
        out(f"dropped {count_text(space.vectors, 'vector')} of {printable(space.model)} ({size_text(space.bytes)})")


def _aside_rows(base: KnowledgeBase, state: IndexStatus) -> list[list[str]]:
    """What the model cannot embed: how much, then which entries and why."""
    if not state.aside_passages:
        return []
    passages, entries = count_text(state.aside_passages, "passage"), count_text(state.aside_entries, "entry", "entries")
    rows = [["set aside", f"{passages} of {entries}, which the model cannot embed"]]
    shown = state.aside[:_MOST_NAMED]
    short = base.short_ids([each.entry_id for each in shown])
    for each in shown:
        where = f", passage {each.position + 1}" if each.position else ""
        title = fit(in_a_row(each.title), _TITLE_CELLS)
        rows.append(["", f"{short[each.entry_id]}  {title}{where}: {printable(each.reason)}"])
    if state.aside_passages > len(shown):
        rows.append(["", f"and {state.aside_passages - len(shown):,} more (`rekall index status --json`)"])
    return rows


def _engine_fields(engine: Runtime) -> dict[str, Any]:
    return {"name": engine.name, "version": engine.version or None, "reason": engine.reason or None}


def _aside_fields(each: SetAside) -> dict[str, Any]:
    return {"id": each.entry_id, "title": each.title, "passage": each.position, "reason": each.reason}


def _embedder_fields(state: IndexStatus) -> dict[str, Any] | None:
    who = state.embedder
    return {"pid": who.pid, "host": who.host or None, "done": who.done, "total": who.total} if who else None


def _space_fields(space: SpaceReport) -> dict[str, Any]:
    return {
        "model": space.model,
        "fingerprint": space.fingerprint,
        "state": space.state.name.lower(),
        "vectors": space.vectors,
        "bytes": space.bytes,
    }


def _space_text(space: SpaceReport, passages: int) -> str:
    model = printable(space.model)
    held = f"{space.vectors:,} of {passages:,} vectors of {model} ({size_text(space.bytes)})"
    if space.state.name == "BUILDING":
        return f"{held}, unfinished; `rekall model use {model}` continues"
    return f"{held}, not in use; `rekall index prune` drops them"


@index.command()
@click.option("--vectors", is_flag=True, help="Rebuild only the vectors.")
@click.option("--words", is_flag=True, help="Rebuild only the words index.")
@click.option("--from-scratch", is_flag=True, help="Embed every passage again, even those that have a vector.")
@json_option
@pass_app
def rebuild(app: App, vectors: bool, words: bool, from_scratch: bool, as_json: bool) -> None:
    """Rebuild the indexes from the entries.

    If interrupted, run it again to continue where it stopped. Vectors that another process is making are left to it.
    The signs by which many vectors are told apart are taken anew, in parts, so that others can write in between.
    """
    base = app.open_base(to_write=True)
    done = {}
    if words or not vectors:
        with progress_bar("words") as progress:
            done["words"] = base.index.rebuild_words(progress)
    embedded = None
    if vectors or not words:
        with how_far_when_interrupted(base), progress_bar("vectors") as progress:
            embedded = base.index.rebuild_vectors(progress, from_scratch=from_scratch)
            done["vectors"] = embedded.done
    if as_json:
        out_json({"rebuilt": done})
        return
    if "words" in done:
        out(f"words of {count_text(done['words'], 'entry', 'entries')} indexed")
    if embedded is not None:
        rest = f"{embedded.left:,} to go" if embedded.left else "the others already had a vector"
        out(f"{count_text(embedded.done, 'passage')} embedded; {rest}")
        if embedded.remark:
            talk(f"\nnote: {embedded.remark}")
        if embedded.left:
            talk(f"\nnote: {base.index.advice()}")
