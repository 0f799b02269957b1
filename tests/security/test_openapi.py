"""The running server is asked whatever its own OpenAPI document allows, and whatever it forbids."""

import subprocess
import sys
from pathlib import Path

import requests

from tests.receiver.boxes import history, text_of
from tests.security.servers import server
from tests.system.processes import Site

__all__ = ["server"]  # fixtures of another module

CONFIG = Path(__file__).parent / "schemathesis.toml"
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip


def test_no_question_is_a_500_and_every_answer_is_as_documented(server: Site) -> None:
    inner = {"recognize_face": text_of(1)}
    for number in range(3):
        requests.post(f"{server.url}/HistoryEvent", json=history(number, ext_data=inner), timeout=30).raise_for_status()
    for _ in range(2):
        requests.post(f"{server.url}/HistoryEvent", data=b"{broken", timeout=30)
    server.http.post(f"{server.url}/v1/people", json={"name": "Ann Example"}, timeout=30).raise_for_status()
    login = ["--header", f"Authorization: {server.http.headers['Authorization']!s}"]
    asked = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *(
                "run",
                f"{server.url}/v1/openapi.json",
                "--checks",
                ",".join(CHECKS),
                "--phases",
                "examples,coverage,fuzzing",
            ),
            *login,
            # What would end the login that all the other questions need.
            *("--exclude-path-regex", "^/v1/(logout|session|refresh|accounts|keys)"),
            *("--max-examples", "8", "--seed", "1", "--generation-database", "none", "--no-color"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
        cwd=server.data_dir.parent,
    )
    assert asked.returncode == 0, asked.stdout[-6000:] + asked.stderr[-2000:] + server.logs()
    assert "No operations" not in asked.stdout
    assert server.http.get(f"{server.url}/v1/events", timeout=30).status_code == 200
