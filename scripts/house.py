"""Counts what the house is like: circles, arrows between modules, the root, constructors, and where one fact stands.

    python scripts/house.py [FOLDER]      the package, or another checkout's (for instance of an earlier commit)

Every import counts, in functions and for types too. A fact stands in a module that names its marker, as a name, an
argument, an attribute or a text of its own.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

CONSTRUCTORS = ("KnowledgeBase", "EntryService", "EmbeddingService", "Searcher", "SpaceKeeper", "Importer")

MARKERS: Mapping[str, tuple[str, ...]] = {
    "a filter (since)": ("since",),
    "a type of entry (pitfall)": ("pitfall", "PITFALL"),
    "a context field (what_failed)": ("what_failed",),
    "an architecture (modernbert)": ("modernbert", "ModernBert"),
    "a vector backend (NumpyIndex)": ("NumpyIndex", "SqliteVecIndex", "choose_backend", "open_index"),
    "a store (Database)": ("Database", "apsw"),
    "what supersedes (superseded_by)": ("superseded_by",),
    "SQL (SELECT)": ("SELECT",),
}


def main() -> None:
    """Print the counts."""
    root = Path(sys.argv[1] if sys.argv[1:] else Path(__file__).parent.parent) / "rekall"
    trees = {name_of(path, root): ast.parse(path.read_text("utf-8")) for path in sorted(root.rglob("*.py"))}
    edges = {module: set(imports_of(module, tree, trees)) - {module} for module, tree in trees.items()}
    groups = [group for group in connected(edges) if len(group) > 1]
    print(f"modules                     {len(trees)}")
    print(f"modules at the root         {sum(path.stem[0] != '_' for path in root.glob('*.py'))}")
    print(f"imports between modules     {sum(map(len, edges.values()))}")
    print(f"circles                     {len(groups)}  {'; '.join(', '.join(sorted(group)) for group in groups)}")
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and node.name in CONSTRUCTORS:
                print(f"arguments of {node.name:<15}{arguments_of(node)}")
    for fact, markers in MARKERS.items():
        found = sorted(module.removeprefix("rekall.") for module, tree in trees.items() if names(tree) & set(markers))
        print(f"{fact:<34}{len(found):>3}  {', '.join(found)}")


def name_of(path: Path, root: Path) -> str:
    """The dotted name of a module."""
    parts = ("rekall", *path.relative_to(root).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(module: str, tree: ast.Module, known: Iterable[str]) -> Iterator[str]:
    """The modules of ours that a module imports, wherever and why ever."""
    known = set(known)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from inside & known
            if inside - known and node.module in known:
                yield node.module


def connected(edges: Mapping[str, set[str]]) -> list[set[str]]:
    """Groups of modules that reach each other (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    groups: list[set[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in edges.get(name, ()):
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            place = stack.index(name)
            groups.append(set(stack[place:]))
            del stack[place:]

    for name in edges:
        if name not in index:
            visit(name)
    return groups


def arguments_of(node: ast.ClassDef) -> int:
    """How many arguments a class is made with."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            return len(each.args.args) - 1 + len(each.args.kwonlyargs)
    return 0


def names(tree: ast.Module) -> set[str]:
    """Every name, argument, attribute and text in a module; of SQL each word; docstrings left out."""
    found: set[str] = set()
    documents = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, (ast.arg, ast.keyword)):
            found.add(node.arg or "")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
        elif isinstance(node, ast.alias):
            found |= {node.name, node.name.rpartition(".")[2]}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            found |= {node.value, *node.value.split()[:1], *_columns(node.value)}
    return found


def _columns(text: str) -> list[str]:
    """The words of a text that looks like SQL or a list of columns."""
    looks_like_sql = text.lstrip().startswith(("SELECT", "INSERT", "CREATE", "key, ", "id, "))
    return text.replace(",", " ").split() if looks_like_sql else []


if __name__ == "__main__":
    main()
