"""The project's own files and syntax trees, for the tests that read the source."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = ("receiver", "recognition", "schemas", "scripts", "Event_Receive_server.py")


def ignored() -> set[str]:
    """The names that .gitignore leaves out."""
    return {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()} | {".git"}


@cache
def our_files() -> tuple[Path, ...]:
    """Every file of the project."""
    left_out = ignored()

    def walk(folder: Path) -> Iterator[Path]:
        for path in sorted(folder.iterdir()):
            if path.name in left_out or path.suffix in {".pyc", ".egg-info"}:
                continue
            if path.is_dir():
                yield from walk(path)
            else:
                yield path

    return tuple(walk(ROOT))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def modules() -> dict[str, ast.Module]:
    """Path from the root -> syntax tree, of every Python file."""
    python = [path for path in our_files() if path.suffix == ".py"]
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in python}


def product() -> dict[str, ast.Module]:
    return {name: tree for name, tree in modules().items() if name.startswith(PRODUCT)}


def imports_of(tree: ast.AST) -> Iterator[str]:
    """The packages that a piece of source imports, anywhere in it; imports for types only do not count."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif not is_for_types(node):
            yield from imports_of(node)


def is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and dotted(node.test).endswith("TYPE_CHECKING")


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a chain of names; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (above := dotted(node.value)):
        return f"{above}.{node.attr}"
    return ""


def imports_at_import(tree: ast.Module) -> Iterator[str]:
    """The packages that importing a module imports: not those inside functions."""
    outside = [node for node in tree.body if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    yield from imports_of(ast.Module(outside, []))
