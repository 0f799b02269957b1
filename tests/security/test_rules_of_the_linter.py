"""ruff's security rules hold for the whole product; what one line may do all the same says why."""

import re
import tomllib
from fnmatch import fnmatch

from tests.source import ROOT, our_files

PRODUCT = (
    "receiver/web/app.py",
    "receiver/cli/processes.py",
    "receiver/store/copying.py",
    "recognition/pool.py",
    "schemas/api.py",
)
EXCEPTION = re.compile(r"# noqa:[^#]*\bS\d{3}\b(?P<why>[^#]*)")

SHORTEST_WHY = 5


def lint() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"][
        "lint"
    ]
    return found


def is_security(rule: object) -> bool:
    return bool(re.fullmatch(r"S\d*", str(rule)))


def test_all_rules_are_on_and_only_asserts_are_let_through() -> None:
    config = lint()
    assert config["select"] == ["ALL"]
    assert [rule for rule in config["ignore"] if is_security(rule)] == ["S101"]  # type: ignore[attr-defined]


def test_no_part_of_the_server_is_left_out() -> None:
    ignored: dict[str, list[str]] = lint()["per-file-ignores"]  # type: ignore[assignment]
    for pattern, rules in ignored.items():
        if any(map(is_security, rules)):
            assert not [name for name in PRODUCT if fnmatch(name, pattern)], pattern
    for name in PRODUCT:
        assert (ROOT / name).is_file()


def test_every_line_that_is_let_through_says_why() -> None:
    silent = []
    for path in our_files():
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in {"receiver", "recognition", "schemas"}:
            lines = path.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines):
                found = EXCEPTION.search(line)
                before = lines[number - 1].strip() if number else ""
                if found and len(found["why"].strip(" -")) < SHORTEST_WHY and not before.startswith("#"):
                    silent.append(f"{path.relative_to(ROOT)}:{number + 1}")
    assert silent == []
