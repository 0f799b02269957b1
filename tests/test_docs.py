"""The pages say what the code says: generated pages are fresh, links lead somewhere, every reason and setting is explained."""

import ast
import re
import runpy
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from benchmarks.contenders import CONTENDERS
from benchmarks.intake import SIZES
from receiver import settings
from tests.source import ROOT, dotted, name_of, our_files, product

REFERENCE = ROOT / "docs" / "reference"
# Written by hand from what ./scripts/bench says.
MEASURED = {"performance.md"}
TROUBLE = ROOT / "docs" / "how-to" / "trouble.md"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")
WORD = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)*")

ERROR_ROOTS = frozenset({"GatehouseError", "WireError", "RecognitionError", "_Refused"})
# Calls that carry a machine word, beside the errors.
CARRIERS = frozenset(
    {"problem", "Verdict", "Recorded", "Registered", "Limit", "RefusedPicture", "give_up", "note_problem"}
)
# What these say is read by the person who typed the command, as a sentence.
SPEAKING_IN_SENTENCES = ("receiver/simulator/", "receiver/cli/", "scripts/")


def markdown() -> list[Path]:
    return [path for path in our_files() if path.suffix == ".md"]


@pytest.mark.parametrize("name", ["settings.md", "metrics.md", "api.md", "cli.md"])
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    pages = runpy.run_module("scripts.docs")["pages"]()
    assert (REFERENCE / name).read_text(encoding="utf-8") == pages[name], "run ./scripts/docs"


def test_nothing_else_lies_among_the_generated_pages() -> None:
    generated = set(runpy.run_module("scripts.docs")["pages"]())
    assert {path.name for path in REFERENCE.iterdir()} == generated | MEASURED


def test_the_page_of_measurements_has_every_contender_at_every_size() -> None:
    text = (REFERENCE / "performance.md").read_text(encoding="utf-8")
    rows = [f"| ({each.letter}) {each.name} | {size} |" for size in SIZES for each in CONTENDERS]
    assert not [row for row in rows if row not in text]


def test_every_link_leads_somewhere() -> None:
    dead = [
        f"{name_of(page)}: {target}"
        for page in markdown()
        for target in links(page)
        if "://" not in target
        and not target.startswith(("#", "mailto:"))
        and not (page.parent / target.partition("#")[0]).exists()
    ]
    assert not dead


def test_every_anchor_is_a_heading() -> None:
    lost = [
        f"{name_of(page)}: {target}"
        for page in markdown()
        for target in links(page)
        if "#" in target and "://" not in target and target.partition("#")[2] not in anchors(page, target)
    ]
    assert not lost


def anchors(page: Path, target: str) -> set[str]:
    """The headings of the page that a link leads to, as anchors."""
    other = target.partition("#")[0]
    text = (page.parent / other if other else page).read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / target.partition("#")[0]).resolve() for target in links(index) if "://" not in target}
    assert not [name_of(path) for path in markdown() if ROOT / "docs" in path.parents and path not in {index, *listed}]


def links(page: Path) -> Iterator[str]:
    for match in LINK.finditer(page.read_text(encoding="utf-8")):
        yield match[1] or match[2]


def test_every_setting_that_the_pages_speak_of_exists() -> None:
    known = settings.names().keys() | {"GATEHOUSE_X"}
    unknown = []
    for page in markdown():
        found = re.findall(r"\bGATEHOUSE_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))
        names = {name for name in found if not name.startswith(settings.IGNORED) and name != "GATEHOUSE_TEST"}
        unknown += [f"{name_of(page)}: {name}" for name in names if name.removesuffix("_FILE") not in known]
    assert not unknown


def test_every_script_that_the_pages_speak_of_exists() -> None:
    spoken = {name for page in markdown() for name in re.findall(r"\./(scripts/\w+)", page.read_text(encoding="utf-8"))}
    assert not [name for name in sorted(spoken) if not (ROOT / name).is_file()]


def test_every_reason_has_its_line_in_the_page_for_trouble() -> None:
    missing = {word: sorted(places) for word, places in reasons().items() if word not in explained()}
    assert not missing


def test_the_page_for_trouble_explains_no_word_that_the_code_does_not_say() -> None:
    spoken = {
        node.value
        for tree in product().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not explained() - spoken


def explained() -> set[str]:
    """The words in the first column of the tables."""
    cells = re.findall(r"^\| (`[^|]+) \|", TROUBLE.read_text(encoding="utf-8"), re.MULTILINE)
    return {word for cell in cells for word in re.findall(r"`([a-z0-9_]+)`", cell)}


def reasons() -> dict[str, set[str]]:
    """Machine word -> where it is said, of everything that is raised, decided or answered."""
    trees = {name: tree for name, tree in product().items() if not name.startswith(SPEAKING_IN_SENTENCES)}
    carriers = CARRIERS | error_names(trees.values())
    found: dict[str, set[str]] = {}
    for name, tree in trees.items():
        for node in ast.walk(tree):
            for word in carried(node, carriers):
                found.setdefault(word, set()).add(name)
    return found


def carried(node: ast.AST, carriers: frozenset[str]) -> Iterator[str]:
    """The machine words that a call, or something named ``reasons``, carries."""
    parts: list[ast.AST] = []
    if isinstance(node, ast.Call):
        called = dotted(node.func)
        if called.rpartition(".")[2] in carriers or called.endswith("reasons.append"):
            parts += node.args[: 1 if called == "Limit" else 3]  # a limit's measure is no reason
    elif is_named(node, "reasons"):
        parts += ast.walk(node)
    for part in parts:
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and WORD.fullmatch(part.value):
            yield part.value


def is_named(node: ast.AST, name: str) -> bool:
    """Whether something is assigned to that name, or handed over under it."""
    return (isinstance(node, ast.Assign) and dotted(node.targets[0]) == name) or (
        isinstance(node, ast.keyword) and node.arg == name
    )


def error_names(trees: Iterable[ast.Module]) -> frozenset[str]:
    """The classes of the house's errors, however deep they derive."""
    classes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    names = set(ERROR_ROOTS)
    for _ in range(3):
        names |= {each.name for each in classes if names & {dotted(base) for base in each.bases}}
    return frozenset(names)
