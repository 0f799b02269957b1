"""Compiles the two locks from pyproject.toml and stamps each with the digest of what it was compiled from."""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {"requirements.txt": [], "requirements-dev.txt": ["--group", "dev"]}
OPTIONS = [
    "--universal", "--python-version", "3.11", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links",
    "--no-annotate", "--no-header", "--only-binary", ":all:", "--no-binary", "face-recognition-models", "--quiet",
]  # fmt: skip


def inputs_digest() -> str:
    """SHA-256 over everything in pyproject.toml that decides what the locks hold."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    inputs = [
        project["project"]["requires-python"],
        project["project"]["dependencies"],
        project["dependency-groups"],
        project["tool"]["uv"],
    ]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def stamp() -> str:
    return f"# Compiled by scripts/lock from pyproject.toml, inputs sha256:{inputs_digest()}\n"


def compile_lock(name: str, extra: list[str], upgrade: list[str]) -> None:
    output = ROOT / name
    command = ["uv", "pip", "compile", *OPTIONS, *extra, *upgrade, "-o", str(output), "pyproject.toml"]
    subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=True)
    output.write_text(stamp() + output.read_text(encoding="utf-8"), encoding="utf-8")
    print(f"{name}: {sum(line.startswith('    --hash') for line in output.read_text().splitlines())} hashes")


if __name__ == "__main__":
    for lock_name, lock_extra in LOCKS.items():
        compile_lock(lock_name, lock_extra, sys.argv[1:])
