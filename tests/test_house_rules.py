"""The rules of the house, read off the source: sizes, names, who may import what, and what never stands in a file."""

import ast
import io
import re
import stat
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from receiver.settings import Settings
from tests.source import ROOT, dotted, imports_at_import, imports_of, modules, name_of, our_files, product

MODULE_WALL, FUNCTION_WALL = 400, 60
SCRIPT_LINES = range(3, 21)
BINARY = frozenset({".png", ".jpg", ".jpeg", ".ico", ".woff2", ".gz"})

# Declarations: one line a column.
LONG_MODULES = ("receiver/store/migrations/versions/",)
# Whoever catches everything says why; all others name what they can answer. The 500 page is registered, not caught.
CATCH_ALL = {
    "receiver/worker.py": "the worker outlives any task",
    "receiver/services/intake/group_commit.py": "handed to whoever waits for the result",
    "receiver/web/calling.py": "handed to whoever waits for the answer",
    "receiver/web/sophon.py": "one request's trouble is not the others' of its round: its view meets it again, and says it",
    "receiver/web/frame_rounds.py": "one frame's trouble is not the others' of its round: its view meets it again, and says it",
    "receiver/services/forwarding/forwarding.py": "a turn's own mistake is told, and its lanes come back with the lease",
    "receiver/web/hub.py": "one thread follows for everybody who is told live, and outlives any trouble",
    "receiver/services/forwarding/sending.py": "a channel's own mistake holds up its destination alone, not the thread",
}
CATCH_ALL_REGISTERED = ("receiver/web/problems.py",)
# Loading these takes tens of megabytes; only whoever looks at faces pays for it.
HEAVY = frozenset({"dlib", "cv2", "face_recognition", "face_recognition_models", "onnx", "onnxruntime"})
ENGINE_MODULES = frozenset(
    f"recognition/{name}.py"
    for name in (
        "cnn_detector",
        "detectors",
        "embedders",
        "face_recognition_engine",
        "images",
        "landmarks",
        "onnx_graphs",
        "onnx_models",
        "quality",
    )
)
HOME_OF = {
    "marshmallow": "schemas/",
    "flask": "receiver/web/",
    "flask_smorest": "receiver/web/",
    "flask_limiter": "receiver/web/",
    "argon2": "receiver/services/accounts/passwords.py",
    "jwt": "receiver/services/accounts/signing.py",
    "sqlalchemy": "receiver/store/",
    "alembic": "receiver/store/",
    "psycopg": "receiver/store/",
    # Its cron expressions are reckoned with where they are read, and where schedules are; only the worker has a clock.
    "apscheduler": ("receiver/worker.py", "receiver/setting_values.py", "receiver/domain/schedules.py"),
}
VAGUE_NAMES = frozenset({"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"})
# A foreign system is found, and can be deleted, by its name.
FOREIGN_SYSTEMS = {
    "sophon": (
        "schemas/sophon.py",
        "receiver/translation/sophon.py",
        "receiver/web/sophon.py",
        "tests/**/test_sophon*.py",
        "docs/compat/sophon.md",
    )
}
FIVE_PLACES = (
    "schemas/{}.py",
    "receiver/translation/{}.py",
    "receiver/web/compat/{}.py",
    "tests/conversations/test_{}.py",
    "docs/compat/{}.md",
)
CLOCKS = frozenset({"time", "monotonic", "perf_counter", "process_time", "time_ns", "monotonic_ns", "perf_counter_ns"})


def test_no_module_is_longer_than_the_wall() -> None:
    lengths = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in modules()}
    assert not {
        name: length for name, length in lengths.items() if length > MODULE_WALL and not name.startswith(LONG_MODULES)
    }


def test_no_function_is_longer_than_the_wall() -> None:
    long = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in modules().items()
        if not name.startswith(LONG_MODULES)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > FUNCTION_WALL
    ]
    assert not long


def test_every_module_opens_with_one_sentence() -> None:
    assert not [
        name for name, tree in modules().items() if tree.body and not is_one_sentence(ast.get_docstring(tree) or "")
    ]


def is_one_sentence(docstring: str) -> bool:
    """Whether the first paragraph is one sentence; more may follow in further paragraphs."""
    opening = " ".join(docstring.partition("\n\n")[0].split())
    return opening.endswith(".") and not re.search(r"[.!?] [A-Z]", opening)


def test_everything_is_caught_in_the_listed_places_only() -> None:
    found = {
        name
        for name, tree in product().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and not isinstance(node.body[-1], ast.Raise)
    }
    assert found == CATCH_ALL.keys(), "list a new place with its reason, or name what is caught; take an old one off"


def catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or dotted(kind).rpartition(".")[2] in {"Exception", "BaseException"} for kind in kinds)


def test_a_handler_for_everything_is_registered_in_the_table_of_problems_only() -> None:
    found = [
        name
        for name, tree in product().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and dotted(node.func).rpartition(".")[2]
        in {"register_error_handler", "errorhandler", "app_errorhandler", "suppress"}
        and any(dotted(argument) in {"Exception", "BaseException"} for argument in node.args)
    ]
    assert sorted(found) == sorted(CATCH_ALL_REGISTERED)


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [f"{name}: {text}" for name in modules() for text in remarks(name) if marks.search(text)]
    found += [name_of(path) for path in scripts_in_bash() if marks.search(path.read_text(encoding="utf-8"))]
    found += [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "NotImplementedError"
    ]
    assert not found


def remarks(name: str) -> Iterator[str]:
    """Comments and docstrings of a file."""
    source = (ROOT / name).read_text(encoding="utf-8")
    yield from (
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    )
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    yield from (ast.get_docstring(node) or "" for node in ast.walk(modules()[name]) if isinstance(node, documented))


def test_no_test_skips_itself() -> None:
    skips = {"pytest.skip", "pytest.importorskip", "pytest.mark.skip", "pytest.mark.skipif", "unittest.skip"}
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and dotted(node) in skips
    ]
    assert not found


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {name: set(re.split(r"[/_.]", name)) for name in modules()}
    assert not [name for name, words in names.items() if words & VAGUE_NAMES]


@pytest.mark.parametrize(("package", "home"), HOME_OF.items())
def test_a_framework_stays_in_its_home(package: str, home: str | tuple[str, ...]) -> None:
    homes = (home,) if isinstance(home, str) else home
    found = [
        name
        for name, tree in product().items()
        if package in imports_of(tree) and not name.startswith((*homes, "scripts/"))
    ]
    assert not found, f"{package} belongs to {home}"


def test_only_the_engine_modules_load_the_engines() -> None:
    loading = {
        name
        for name, tree in product().items()
        if not name.startswith("scripts/") and HEAVY & set(imports_at_import(tree))
    }
    assert loading <= ENGINE_MODULES


@pytest.mark.parametrize("module", ["receiver.cli", "Event_Receive_server", "recognition", "receiver.settings"])
def test_importing_what_every_process_imports_costs_nothing(module: str) -> None:
    dear = {"sqlalchemy", "flask", "marshmallow", "numpy", "requests", "apscheduler", *HEAVY}
    assert not dear & loaded_by(f"import {module}")


def test_the_web_process_loads_no_engine() -> None:
    assert not HEAVY & loaded_by(
        "import receiver.web.app, receiver.web.front, receiver.web.serving, receiver.bootstrap"
    )


def loaded_by(source: str) -> set[str]:
    """The top-level packages that are loaded after running ``source`` in a fresh interpreter."""
    program = f"{source}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in run.stdout.split()}


# Notes what our own modules do while they are imported; what a foreign package does at its import is its own business.
WATCHING = """
import importlib, os, sys, threading
DEEDS = {"socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.mkdir", "os.remove", "sqlite3.connect"}
def watch(deed, facts):
    is_writing = deed == "open" and isinstance(facts[2], int) and facts[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    frame = sys._getframe(1) if deed in DEEDS or is_writing else None
    while frame and "site-packages" not in frame.f_code.co_filename:
        if frame.f_code.co_filename.startswith(os.getcwd()):
            print(frame.f_code.co_filename, frame.f_lineno, deed)
            return
        frame = frame.f_back
sys.addaudithook(watch)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*(thread.name for thread in threading.enumerate() if thread is not threading.main_thread()))
"""


def test_importing_a_module_does_no_work() -> None:
    """No file is written, no address spoken to, no process and no thread started."""
    names = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in product() if "/" in name]
    ours = [name for name in names if not name.startswith(("scripts.", "receiver.store.migrations"))]
    command = [sys.executable, "-B", "-c", WATCHING, *ours]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == ""


def test_public_functions_of_recognition_and_the_domain_are_explained() -> None:
    bare = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in modules().items()
        if name.startswith(("recognition/", "receiver/domain/"))
        for node in public_functions(tree)
        if not ast.get_docstring(node)
    ]
    assert not bare


def public_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public functions, classes and their methods; a property is explained by its name or its class."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            methods = [
                each for each in node.body if isinstance(each, ast.FunctionDef) and not each.name.startswith("_")
            ]
            yield from (each for each in methods if "property" not in map(dotted, each.decorator_list))


@pytest.mark.parametrize("places", FOREIGN_SYSTEMS.values(), ids=FOREIGN_SYSTEMS)
def test_a_foreign_system_has_its_name_in_five_places(places: tuple[str, ...]) -> None:
    assert not [place for place in places if not any(ROOT.glob(place))]


def test_a_compatible_interface_has_its_name_in_five_places() -> None:
    """Found by any of the places that hold nothing else."""
    pages = {path.stem for path in (ROOT / "docs" / "compat").glob("*.md")} - FOREIGN_SYSTEMS.keys()
    conversations = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / "conversations").glob("test_*.py")}
    blueprints = {path.stem for path in (ROOT / "receiver" / "web" / "compat").glob("[!_]*.py")}
    names = (pages | conversations | blueprints) - FOREIGN_SYSTEMS.keys()
    places = [place.format(name) for name in sorted(names) for place in FIVE_PLACES]
    assert not [place for place in places if not (ROOT / place).is_file()]


def scripts_in_bash() -> list[Path]:
    return [path for path in our_files() if path.parent == ROOT / "scripts" and not path.suffix]


def test_a_script_is_a_short_page_of_bash_that_says_what_it_does() -> None:
    bad = []
    for path in scripts_in_bash():
        lines = path.read_text(encoding="utf-8").splitlines()
        is_good = lines[0] == "#!/usr/bin/env bash" and lines[1].startswith("# ") and lines[2] == "set -euo pipefail"
        if not is_good or len(lines) not in SCRIPT_LINES or not path.stat().st_mode & stat.S_IXUSR:
            bad.append(path.name)
    assert not bad


def test_what_is_more_than_a_page_is_the_script_of_that_name_in_python() -> None:
    twins = [path for path in our_files() if path.parent == ROOT / "scripts" and path.suffix]
    assert not [path.name for path in twins if path.suffix != ".py" or not path.with_suffix("").is_file()]


def test_text_is_utf_8() -> None:
    assert not [name_of(path) for path in our_files() if text_of(path) is None]


def text_of(path: Path) -> str | None:
    """The text of a file; empty for pictures, None if it is not UTF-8."""
    try:
        return "" if path.suffix in BINARY else path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def test_text_names_no_machine_and_no_registry() -> None:
    folders = re.compile(r"/(?:root|home|work)/")
    scratch = re.compile(r"/(?:tmp)/")
    registry = re.compile(r"\b(?:py[p]i|python[h]osted|npm[j]s|yarn[p]kg|con[d]a|go[l]ang)\.(?:org|com|io)")
    found = {}
    for path in our_files():
        text = text_of(path) or ""
        wrong = folders.search(text) or registry.search(text) or (path.suffix != ".md" and scratch.search(text))
        if wrong:
            found[name_of(path)] = wrong.group()
    assert not found


def test_no_test_judges_by_the_clock() -> None:
    """A loop that waits may have a limit; how long something took is never asserted."""
    found = [
        f"{name}:{line}"
        for name, tree in modules().items()
        if name.startswith("tests/")
        for line in timed_asserts(tree)
    ]
    assert not found


def timed_asserts(tree: ast.Module) -> Iterator[int]:
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        waiting = {id(inner) for node in ast.walk(function) if isinstance(node, ast.While) for inner in ast.walk(node)}
        assignments = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
        timed = {dotted(target) for node in assignments if reads_clock(node.value) for target in node.targets} - {""}
        for node in ast.walk(function):
            if isinstance(node, ast.Assert) and id(node) not in waiting:
                names = {dotted(inner) for inner in ast.walk(node.test)}
                if timed & names or reads_clock(node.test):
                    yield node.lineno


def reads_clock(tree: ast.AST) -> bool:
    calls = (dotted(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(call.startswith(("time.", "timeit.")) and call.partition(".")[2] in CLOCKS for call in calls)


def test_every_declared_metric_is_counted_somewhere() -> None:
    declared = {
        dotted(node.targets[0]) for node in modules()["receiver/metrics.py"].body if isinstance(node, ast.Assign)
    }
    counted = {
        dotted(node) for tree in product().values() for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    assert not [name for name in sorted(declared) if f"metrics.{name}" not in counted]


def test_every_declared_setting_is_read_somewhere() -> None:
    """Those of later parts are accepted already, and their documentation says so."""
    declared = {each.name: each.metadata["doc"] for each in fields(Settings) if each.metadata}
    trees = [tree for name, tree in product().items() if name != "receiver/settings.py"]
    read = {node.attr for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    own = {
        node.attr
        for node in ast.walk(modules()["receiver/settings.py"])
        if isinstance(node, ast.Attribute) and dotted(node).startswith("self.")
    }
    assert not [name for name, doc in declared.items() if name not in read | own and "not built yet" not in doc]
