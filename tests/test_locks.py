"""The two locks: complete, hashed, compiled from the present pyproject.toml, and silent about where packages come from."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
RUN_TIME, DEVELOPMENT = "requirements.txt", "requirements-dev.txt"
LOCKS = pytest.mark.parametrize("name", [RUN_TIME, DEVELOPMENT])
HASH = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?")
PIN = re.compile(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[^ ;@]+( ; [^@:/]+)? \\")
# A lock of another tool would name the registry that it was made from.
FOREIGN_LOCKS = (
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
)
NOT_OURS = {".git", ".venv", ".photos", ".clients", "data", "node_modules"}


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def pins(name: str) -> dict[tuple[str, str], str]:
    """(package, marker) -> version."""
    found: dict[tuple[str, str], str] = {}
    for line in lines(name):
        if not line.startswith(("#", " ")):
            pin = Requirement(line.rstrip(" \\"))
            found[canonicalize_name(pin.name), str(pin.marker or "")] = str(pin.specifier).removeprefix("==")
    return found


def packages(name: str) -> set[str]:
    return {package for package, _ in pins(name)}


def project() -> dict[str, list[str]]:
    """What pyproject.toml asks for, by the lock that must hold it."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {RUN_TIME: document["project"]["dependencies"], DEVELOPMENT: document["dependency-groups"]["dev"]}


@LOCKS
def test_a_lock_is_compiled_from_the_present_pyproject(name: str) -> None:
    stamp = runpy.run_path(str(ROOT / "scripts" / "lock.py"))["stamp"]()
    assert lines(name)[0] == stamp.rstrip("\n"), f"{name} is stale: run ./scripts/lock"


@LOCKS
def test_a_lock_holds_pins_and_hashes_and_nothing_else(name: str) -> None:
    odd = [line for line in lines(name)[1:] if not HASH.fullmatch(line) and not PIN.fullmatch(line)]
    assert not odd, f"{name} has lines that are neither a pin nor a hash: run ./scripts/lock"


@LOCKS
def test_every_pin_has_a_hash(name: str) -> None:
    found = lines(name)
    bare = [
        line
        for line, following in zip(found, [*found[1:], ""], strict=True)
        if PIN.fullmatch(line) and not HASH.fullmatch(following)
    ]
    assert not bare


@LOCKS
def test_a_lock_names_no_index_and_no_host(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").lower()
    for word in ("http:", "https:", "index-url", "find-links", "trusted-host", "://", "@", "pypi", ".org", ".com"):
        assert word not in text, f"{name} says {word!r}: compile it with ./scripts/lock, which leaves addresses out"


@LOCKS
def test_a_lock_holds_a_fitting_version_of_everything_asked_for(name: str) -> None:
    found = pins(name)
    for text in project()[RUN_TIME] + (project()[DEVELOPMENT] if name == DEVELOPMENT else []):
        wanted = Requirement(text)
        versions = [version for (package, _), version in found.items() if package == canonicalize_name(wanted.name)]
        assert versions, f"{wanted.name} is not in {name}: run ./scripts/lock"
        assert all(wanted.specifier.contains(version, prereleases=True) for version in versions), f"{text}: {versions}"


def test_the_development_lock_holds_every_pin_of_the_run_time_lock() -> None:
    assert pins(RUN_TIME).items() <= pins(DEVELOPMENT).items()


def test_the_run_time_lock_brings_no_tools() -> None:
    tools = {canonicalize_name(Requirement(text).name) for text in project()[DEVELOPMENT]}
    assert not tools & packages(RUN_TIME)


@LOCKS
def test_dlib_comes_as_a_wheel_and_never_as_the_sources_that_compile_for_minutes(name: str) -> None:
    assert "dlib" not in packages(name)
    assert "dlib-bin" in packages(name)


@LOCKS
def test_setuptools_still_has_pkg_resources(name: str) -> None:
    """face_recognition_models imports it."""
    (version,) = (version for (package, _), version in pins(name).items() if package == "setuptools")
    assert Version(version) < Version("81")


@LOCKS
def test_opencv_still_has_its_people_detector(name: str) -> None:
    (version,) = (version for (package, _), version in pins(name).items() if package == "opencv-python-headless")
    assert Version(version) < Version("5")


def test_no_lock_that_names_a_registry_lies_in_the_tree() -> None:
    tops = [path for path in ROOT.iterdir() if path.name not in NOT_OURS]
    files = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    locks = [path for path in files if path.name in FOREIGN_LOCKS]
    assert not [path for path in locks if "://" in path.read_text(encoding="utf-8")]
