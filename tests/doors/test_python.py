"""The face: `rekall.open()` does what the shell does, and every example of docs/python.md runs."""

import contextlib
import io
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from support import CHECKOUT, FakeEncoder

import rekall
from rekall.cli.commands import COMMANDS

DOCUMENT = (CHECKOUT / "docs" / "python.md").read_text("utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)


def test_the_examples_of_the_document_run_one_after_the_other(
    quick_model: FakeEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        for example in EXAMPLES:
            exec(compile(example, "docs/python.md", "exec"), names)
    said = out.getvalue()
    assert len(EXAMPLES) == 7
    assert "CORS fails on Safari send Vary: Origin" in said
    assert "obsolete Reference(id=" in said
    assert "superseded by" in said
    assert "no entry 'ZZZZ'" in said
    assert "(1, 384)" in said


def test_the_version_is_the_package_s() -> None:
    assert rekall.__version__ == version("rekall-memory")


def test_the_face_has_the_verbs_of_the_shell() -> None:
    verbs = {"list": "list_entries", "show": "get", "import": "files", "export": "files"}
    verbs |= {"edit": "change", "tags": "facets", "projects": "facets", "today": "journal"}
    verbs |= {**dict.fromkeys(("undo", "history", "diff"), "past"), "stale": "review"}
    verbs |= {**dict.fromkeys(("related", "suggest", "generalize"), "graph"), "merge": "conflicts", "supersede": "link"}
    not_of_a_base = {"bench", "tui", "model", "embed", "mcp", "config", "version", "check", "backup", "restore-base"}
    not_of_a_base |= {"pick", "doctor", "hook", "init", "help", "base", "share", "take"}
    for command in COMMANDS:
        if command not in not_of_a_base:
            name = verbs.get(command, command)
            found = getattr(rekall.KnowledgeBase, name, None)
            assert name in ("files", "index") or isinstance(found, property) or callable(found), command


def test_a_base_of_its_own_lies_in_the_folder_that_was_named(
    quick_model: FakeEncoder, tmp_path: Path, home: Path
) -> None:
    with rekall.open(tmp_path / "own") as base:
        base.add("til", "kept apart")
    assert (tmp_path / "own" / "rekall.db").exists()
    assert not home.exists()
    with rekall.open(tmp_path / "own") as base:
        assert [entry.title for entry in base.list_entries().entries] == ["kept apart"]


def test_settings_may_be_given(tmp_path: Path) -> None:
    with rekall.open(tmp_path, {"performance.vector_index_backend": "numpy"}) as base:
        assert base.index.status().backend.name == "numpy"
    with pytest.raises(rekall.errors.NotFound, match="no setting"):
        rekall.open(tmp_path, {"search.limits": "3"})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"titel": "x"}, "no field 'titel'"),
        ({"status": "done"}, "unknown status 'done'"),
        ({"type": "bgu"}, "did you mean `bug`"),
        ({"confidence": 9}, "must be from 0 to 5"),
    ],
)
def test_what_cannot_be_stored_is_named(quick_model: FakeEncoder, values: dict[str, object], message: str) -> None:
    with rekall.open() as base:
        entry = base.add("til", "one").entry
        with pytest.raises(rekall.errors.InvalidInput) as raised:
            base.change(entry.id, **values)
        assert message in f"{raised.value.message} {raised.value.hint}"
        assert base.get(entry.id).entry == entry


def test_none_takes_a_value_away(quick_model: FakeEncoder) -> None:
    with rekall.open() as base:
        entry = base.add("til", "one", project="api", solution="it", tags="x").entry
        assert (entry.project, entry.solution, entry.tags) == ("api", "it", ("x",))
        changed = base.change(entry.id, project=None, solution=None, tags=None).entry
        assert (changed.project, changed.solution, changed.tags) == (None, "", ())


def test_importing_the_face_loads_nothing_heavy() -> None:
    program = (
        "import sys, rekall; rekall.__version__; rekall.errors; "
        "print([name for name in ('numpy', 'onnxruntime', 'tokenizers', 'apsw', 'click', 'textual', 'mcp') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "[]"


def test_what_python_leaves_loose_is_made_firm_or_refused(quick_model: FakeEncoder, tmp_path: Path) -> None:
    (tmp_path / "one.md").write_text("# One\n\nzebra\n")
    with rekall.open() as base:
        assert base.files.import_paths(str(tmp_path)).added == 1
        entry = base.list_entries().entries[0]
        assert base.change(entry.id, add_tags="git").entry.tags == ("git",)
        assert base.change(entry.id, remove_tags="git", confidence=True).entry.tags == ()
        assert type(base.get(entry.id).entry.confidence) is int
        loose = rekall.Filters(types=["reference"], tags=[], status="active", since="2026-01-01")  # type: ignore[arg-type]
        assert loose == rekall.Filters.read(
            {"types": ["reference"], "status": ["active"], "since": ["2026-01-01"], "tags": []}
        )
        assert [hit.entry.id for hit in base.search("zebra", loose, mode="words").hits] == [entry.id]
        assert base.search("zebra", limit=-1).hits == ()
        for wrong in (
            lambda: base.add(rekall.Draft("til", "x"), tags=["a"]),  # type: ignore[arg-type]
            lambda: base.add(rekall.Draft(rekall.EntryType.TIL, "x", id="hello")),
            lambda: base.add("til", 5),  # type: ignore[arg-type]
            lambda: base.change(entry.id, error_messages=[None]),
            lambda: base.search("x", mode="fast"),
            lambda: base.link(entry.id, entry.id, "replaces"),
            lambda: rekall.Filters(types=("bgu",)),  # type: ignore[arg-type]
            lambda: rekall.Filters(tags=tuple(map(str, range(40)))),
        ):
            with pytest.raises(rekall.errors.InvalidInput):
                wrong()
        assert base.delete(entry.id[:10].lower()).entry_id == entry.id
        assert base.count() == 0


def test_a_draft_may_name_its_type_by_text(quick_model: FakeEncoder) -> None:
    with rekall.open() as base:
        entry = base.add(rekall.Draft("til", "x", tags=["a", "b"])).entry  # type: ignore[arg-type]
        assert (entry.type, entry.tags) == (rekall.EntryType.TIL, ("a", "b"))
