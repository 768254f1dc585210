"""The house: who may import whom, and what every room looks like from outside."""

from __future__ import annotations

import ast
import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import rekall
from rekall.exchange import catalog

ROOT = Path(rekall.__file__).parent
LONGEST_LINES = 400

FLOORS = {
    "errors": ["rekall.errors"],
    "entry": ["rekall.entry", "rekall.entry.*"],
    "system": [
        "rekall.system",
        "rekall.system.*",
        "rekall.bases",
        "rekall.config",
        "rekall.open_bases",
        "rekall.settings",
    ],
    "contract": [
        "rekall.store",
        "rekall.store.agreements",
        "rekall.store.contract",
        "rekall.store.derived",
        "rekall.store.findings",
        "rekall.store.pairs",
        "rekall.store.past",
        "rekall.store.reviews",
        "rekall.store.sources",
        "rekall.store.values",
        "rekall.vector_index",
    ],
    "models": ["rekall.models", "rekall.models.*", "rekall.model_manager"],
    "store": ["rekall.db", "rekall.store.*"],
    "meaning": [
        "rekall.embeddings",
        "rekall.backlog",
        "rekall.embedder",
        "rekall.claims",
        "rekall.cache",
        "rekall.prepared",
        "rekall.questions",
        "rekall.spread",
    ],
    "search": ["rekall.search", "rekall.search.*"],
    "exchange": ["rekall.exchange", "rekall.exchange.*"],
    "wording": ["rekall.wording", "rekall.unseen"],
    "typeset": ["rekall.typeset", "rekall.typeset.*"],
    "knowledge": ["rekall.knowledge", "rekall.knowledge.*"],
    "sync": ["rekall.sync", "rekall.sync.*"],
    "base": ["rekall.knowledge_base", "rekall.side_by_side"],
    "builder": ["rekall.app", "rekall.beside", "rekall.face", "rekall.wiring"],
    "cli": ["rekall.cli", "rekall.cli.*", "rekall.__main__"],
    "mcp": ["rekall.mcp", "rekall.mcp.*"],
    "hooks": ["rekall.hooks", "rekall.hooks.*"],
    "tui": ["rekall.tui", "rekall.tui.*"],
    "face": ["rekall"],
}
"""The rooms, from the ground up. A module belongs to the first that names it."""

_BASE = {
    "errors",
    "entry",
    "system",
    "contract",
    "models",
    "search",
    "exchange",
    "wording",
    "knowledge",
    "sync",
    "base",
}
_DOOR = _BASE | {"builder", "typeset"}
BELOW = {
    "errors": set(),
    "entry": {"errors"},
    "system": {"errors", "entry"},
    "contract": {"errors", "entry"},
    "models": {"errors", "system", "wording"},
    "store": {"errors", "entry", "system", "contract", "wording"},
    "meaning": {"errors", "entry", "system", "contract", "models"},
    "search": {"errors", "entry", "contract", "meaning", "wording"},
    "exchange": {"errors", "entry", "system", "wording"},
    "wording": set(),
    "typeset": {"wording"},
    "knowledge": {"errors", "entry", "system", "contract", "models", "meaning", "search", "exchange"},
    "sync": {"errors", "entry", "system", "contract", "exchange", "knowledge"},
    "base": {"errors", "entry", "contract", "search", "knowledge", "sync"},
    "builder": _BASE | {"store", "meaning"},
    "cli": _DOOR | {"mcp", "tui", "hooks"},
    "mcp": _DOOR,
    "hooks": _DOOR | {"mcp"},
    "tui": _DOOR,
    "face": {"errors", "entry", "search", "base", "builder", "wording"},
}
"""Whom each room may import, at any time and for any reason, types included. A store is known to the builder alone, and
stores and models do not know each other."""

WALLS = {
    "onnxruntime": ["rekall.models.engine.session"],
    "tokenizers": ["rekall.models.engine.tokenizer"],
    "apsw": ["rekall.db", "rekall.store.as_is", "rekall.store.driver", "rekall.store.opening", "rekall.store.tokens"],
    "sqlite_vec": ["rekall.store.vectors", "rekall.db"],
    "click": ["rekall.cli.*"],
    "rich": ["rekall.cli.*"],
    "huggingface_hub": ["rekall.models.export.hub_client"],
    "onnx": ["rekall.models.export.*"],
    "safetensors": ["rekall.models.export.*"],
    "mcp": ["rekall.mcp.*"],
    "mcp_types": ["rekall.mcp.*"],
    "pydantic": ["rekall.mcp.*"],
    "textual": ["rekall.tui.*"],
    "bs4": ["rekall.exchange.*"],
    "markdownify": ["rekall.exchange.*"],
    "defusedxml": ["rekall.exchange.*"],
    "charset_normalizer": ["rekall.system.code_pages"],
    "pathspec": ["rekall.exchange.folders"],
    "dateutil": ["rekall.entry.times"],
    "psycopg": ["rekall.store.postgres.*"],
    "fsrs": ["rekall.knowledge.review_memory"],
    "yaml": ["rekall.exchange.*", "rekall.mcp.yaml_entry", "rekall.models.export.checkpoint"],
    "sqlite3": ["rekall.exchange.dialects.original_base"],
    "watchfiles": ["rekall.sync.watching"],
    "torch": ["rekall.models.export.via_torch"],
    "transformers": ["rekall.models.export.via_torch"],
    "sentence_transformers": ["rekall.models.export.via_torch"],
}

DOORS = ["rekall.cli.main", "rekall.__main__", "rekall", "rekall.cli.shapes", "rekall.mcp.shapes"]
"""Where people come in: commands, Python, and the document of every answer, which is made from the shapes."""

DOOR_ROOMS = ("cli", "mcp", "tui", "hooks")


@dataclass(frozen=True)
class Import:
    """One import statement, from one module to another."""

    importer: str
    imported: str
    line: int
    at_load: bool
    for_types: bool

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported}"


@cache
def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = ("rekall", *path.relative_to(ROOT).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text("utf-8"))


@cache
def constants() -> set[str]:
    """Every text in the code."""
    return {
        constant.value
        for module in modules()
        for constant in ast.walk(tree_of(module))
        if isinstance(constant, ast.Constant) and isinstance(constant.value, str)
    }


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for module in modules() for found in imports_of(module))


def imports_of(module: str) -> Iterator[Import]:
    def visit(nodes: Sequence[ast.AST], at_load: bool, for_types: bool) -> Iterator[Import]:
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from (Import(module, alias.name, node.lineno, at_load, for_types) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                for target in targets(module, node):
                    yield Import(module, target, node.lineno, at_load, for_types)
            elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                yield from visit(node.body, at_load, True)
                yield from visit(node.orelse, at_load, for_types)
            else:
                inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
                yield from visit(list(ast.iter_child_nodes(node)), at_load and not inside, for_types)

    return visit(tree_of(module).body, at_load=True, for_types=False)


def targets(module: str, node: ast.ImportFrom) -> Iterator[str]:
    """What `from x import a, b` imports: the submodules a and b where there are such, x otherwise."""
    base = node.module or ""
    if node.level:
        package = module.split(".") if modules()[module].name == "__init__.py" else module.split(".")[:-1]
        base = ".".join([*package[: len(package) - node.level + 1], *([node.module] if node.module else [])])
    names = {f"{base}.{alias.name}" for alias in node.names}
    yield from sorted(names & modules().keys())
    if names - modules().keys():
        yield base


@cache
def floor_of(module: str) -> str:
    """The room of a module; empty for one that the table does not know, which its own test tells."""
    fit = (room for room, names in FLOORS.items() if any(fnmatch.fnmatchcase(module, name) for name in names))
    return next(fit, "")


def own() -> list[Import]:
    return [found for found in imports() if found.imported.split(".")[0] == "rekall"]


def test_every_module_has_a_room():
    assert [module for module in modules() if not floor_of(module)] == []


def test_the_root_holds_only_what_belongs_there():
    kept = {"app", "cache", "config", "db", "embeddings", "errors", "knowledge_base", "model_manager", "vector_index"}
    beside = {
        "backlog",
        "bases",
        "beside",
        "claims",
        "embedder",
        "face",
        "open_bases",
        "prepared",
        "questions",
        "settings",
        "side_by_side",
        "spread",
        "unseen",
        "wiring",
        "wording",
    }
    assert {path.stem for path in ROOT.glob("*.py")} == kept | beside | {"__init__", "__main__"}


def test_every_floor_is_lived_on():
    assert set(FLOORS) - {floor_of(module) for module in modules()} == set()


def test_imports_of_our_own_lead_to_modules_that_exist():
    assert [str(found) for found in own() if found.imported not in modules()] == []


def test_no_module_imports_upward():
    upward = [
        found
        for found in own()
        if floor_of(found.imported) not in BELOW.get(floor_of(found.importer), set()) | {floor_of(found.importer)}
    ]
    assert [str(found) for found in upward] == []


def test_only_the_command_that_makes_models_knows_the_export_wing():
    wing = "rekall.models.export"
    importers = {found.importer for found in own() if found.imported.startswith(wing)}
    assert {importer for importer in importers if not importer.startswith(wing)} <= {"rekall.cli.model_get"}


def test_running_a_model_needs_nothing_of_how_models_are_kept_or_made():
    engine = [found for found in own() if found.importer.startswith("rekall.models.engine")]
    above = ("rekall.models.library", "rekall.models.archive", "rekall.models.bench", "rekall.models.export")
    assert [str(found) for found in engine if found.imported.startswith(above)] == []


def test_only_the_builder_and_the_doors_read_the_settings():
    readers = {floor_of(found.importer) for found in own() if found.imported == "rekall.config"}
    assert readers <= {"builder", "cli", "mcp", "tui", "system"}


def test_no_two_modules_need_each_other():
    """Lazy imports and those for types count too: what one cannot be read without, it depends on."""
    edges: dict[str, set[str]] = {module: set() for module in modules()}
    for found in own():
        if found.imported != found.importer and found.imported != "rekall":
            edges[found.importer].add(found.imported)
    assert circles(edges) == []


def test_no_two_rooms_need_each_other():
    edges: dict[str, set[str]] = {room: set() for room in FLOORS}
    for found in own():
        if floor_of(found.importer) != floor_of(found.imported):
            edges[floor_of(found.importer)].add(floor_of(found.imported))
    assert circles(edges) == []


def circles(edges: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()
    found: list[str] = []

    def walk(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            found.append(" → ".join((*way[way.index(name) :], name)))
        elif name not in done:
            for following in sorted(edges[name]):
                walk(following, (*way, name))
            done.add(name)

    for name in edges:
        walk(name, ())
    return found


@pytest.mark.parametrize("library", WALLS)
def test_a_library_stays_behind_its_wall(library):
    importers = {found.importer for found in imports() if found.imported.split(".")[0] == library}
    assert {
        module for module in importers if not any(fnmatch.fnmatchcase(module, pattern) for pattern in WALLS[library])
    } == set()


@pytest.mark.parametrize("library", [library for library, rooms in WALLS.items() if rooms])
def test_a_wall_has_something_behind_it(library):
    assert library in constants() | {found.imported.split(".")[0] for found in imports()}


def test_no_door_touches_arrays():
    assert [
        str(found)
        for found in imports()
        if floor_of(found.importer) in DOOR_ROOMS and found.imported.split(".")[0] == "numpy"
    ] == []


def test_no_sql_crosses_the_store_s_door():
    verbs = ("SELECT ", "INSERT ", "UPDATE ", "DELETE FROM", "CREATE ", "PRAGMA ")
    texts = [
        (module, node.value)
        for module in modules()
        if floor_of(module) not in ("store",) and not module.endswith(("probe_texts", "dialects.original_base"))
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    assert [(module, text) for module, text in texts if text.lstrip().startswith(verbs)] == []


def test_every_module_is_reached_from_a_door():
    edges: dict[str, set[str]] = {module: set() for module in modules()}
    for found in own():
        edges[found.importer].add(found.imported)
    for node in ast.walk(tree_of("rekall.cli.commands")):  # named there and imported when they are called
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            edges["rekall.cli.main"] |= {f"rekall.cli.{node.value.partition(':')[0]}"} & modules().keys()
    for starter in (
        "rekall.models.engine.process_encoder",
        "rekall.models.engine.tried",
    ):  # name the programs they start
        for node in ast.walk(tree_of(starter)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "import main" in node.value:
                edges[starter] |= {name for name in modules() if f"from {name} import" in node.value}
    dialects = {f"rekall.exchange.dialects.{name}" for name in catalog.MODULES}  # imported by these names
    edges["rekall.exchange.catalog"] |= dialects & modules().keys()
    reached: set[str] = set()
    waiting = list(DOORS)
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            parts = module.split(".")
            waiting += [*edges[module], *(".".join(parts[:length]) for length in range(1, len(parts)))]
    assert modules().keys() - reached == set()


def test_every_module_says_what_lives_there():
    first_lines = {module: (ast.get_docstring(tree_of(module)) or "").split("\n")[0].strip() for module in modules()}
    assert {module: line for module, line in first_lines.items() if not line} == {}
    assert all(tree_of(module).body[0].lineno == 1 for module in modules())


def test_no_module_is_longer_than_a_room_should_be():
    lengths = {module: len(path.read_text("utf-8").splitlines()) for module, path in modules().items()}
    assert {module: length for module, length in lengths.items() if length > LONGEST_LINES} == {}


def test_a_package_face_defines_nothing():
    faces = [module for module, path in modules().items() if path.name == "__init__.py" and module != "rekall"]
    for module in faces:
        for node in tree_of(module).body[1:]:
            named = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
            assert isinstance(node, (ast.Import, ast.ImportFrom)) or named, f"{module}:{node.lineno}"


def test_the_face_shows_exactly_what_it_declares():
    node = next(node for node in tree_of("rekall").body if isinstance(node, ast.If))
    declared = {
        alias.asname or alias.name
        for each in node.body
        if isinstance(each, ast.ImportFrom) and each.module != "typing"
        for alias in each.names
    }
    assert declared | {"__version__"} == set(rekall.__all__)
    public = {name for name in dir(rekall) if not name.startswith("_")} - {"annotations", "TYPE_CHECKING", "Any"}
    assert {name for name in public if f"rekall.{name}" not in modules()} | {"errors", "__version__"} == set(
        rekall.__all__
    )
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = rekall.nothing_of_the_kind


CONSTRUCTORS = (
    "KnowledgeBase",
    "EntryService",
    "EmbeddingService",
    "Searcher",
    "SpaceKeeper",
    "Index",
    "Files",
    "Importer",
)


def test_what_the_builder_joins_takes_few_arguments():
    most = {}
    for module in modules():
        for node in ast.walk(tree_of(module)):
            if isinstance(node, ast.ClassDef) and node.name in CONSTRUCTORS:
                made = next(each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
                most[node.name] = len(made.args.args) - 1 + len(made.args.kwonlyargs)
    assert set(most) == set(CONSTRUCTORS)
    assert {name: count for name, count in most.items() if count > 5} == {}


def test_what_the_package_shows_is_sorted_and_exists():
    assert list(rekall.__all__) == sorted(rekall.__all__)
    assert [name for name in rekall.__all__ if not hasattr(rekall, name)] == []
