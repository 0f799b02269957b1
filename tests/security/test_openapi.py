"""The running server is asked whatever its own OpenAPI document allows, and whatever it forbids."""

import re
import subprocess
import sys
from pathlib import Path

import requests

from tests.receiver.boxes import history, text_of
from tests.security.servers import MakeSite, make_site, server
from tests.system.processes import PASSWORD, Site, eventually

__all__ = ["make_site", "server"]  # fixtures of another module

CONFIG = Path(__file__).parent / "schemathesis.toml"
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip


# What would end the login that all the other questions need is asked by itself.
LOGINS = "^/v1/(logout|session|login|refresh|accounts|keys)"


def test_no_question_is_a_500_and_every_answer_is_as_documented(server: Site) -> None:
    inner = {"recognize_face": text_of(1)}
    for number in range(3):
        requests.post(f"{server.url}/HistoryEvent", json=history(number, ext_data=inner), timeout=30).raise_for_status()
    for _ in range(2):
        requests.post(f"{server.url}/HistoryEvent", data=b"{broken", timeout=30)
    server.http.post(f"{server.url}/v1/people", json={"name": "Ann Example"}, timeout=30).raise_for_status()
    assert questioned(server, str(server.http.headers["Authorization"]), "--exclude-path-regex", LOGINS) > 50
    assert server.http.get(f"{server.url}/v1/events", timeout=30).status_code == 200


def test_neither_is_one_about_logins_accounts_and_keys(make_site: MakeSite) -> None:
    """By an account of its own, with a number that nobody guesses: some of the questions take accounts away."""
    server = make_site(RECOGNITION="off")
    server.start("web")
    eventually(server.is_ready)
    described = operations(server, LOGINS)
    for number in range(30):
        account = {"username": f"fuzzer{number}", "password": PASSWORD, "role": "admin", "must_change": False}
        server.http.post(f"{server.url}/v1/accounts", json=account, timeout=30).raise_for_status()
    token = token_of(server, "fuzzer29")
    asked = questioned(server, token, "--include-path-regex", LOGINS, "--exclude-path", "/v1/logout")
    assert requests.get(f"{server.url}/v1/accounts/me", headers={"Authorization": token}, timeout=30).status_code == 200
    assert asked + questioned(server, token, "--include-path", "/v1/logout") == len(described)
    assert requests.get(f"{server.url}/v1/accounts/me", headers={"Authorization": token}, timeout=30).status_code == 401


def questioned(server: Site, token: str, *which: str) -> int:
    """Asks everything that the document allows and forbids of some operations; how many those were."""
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        "--config-file",
        str(CONFIG),
        "run",
        f"{server.url}/v1/openapi.json",
    ]
    options = [
        "--checks",
        ",".join(CHECKS),
        "--phases",
        "examples,coverage,fuzzing",
        "--header",
        f"Authorization: {token}",
    ]
    bounds = ["--max-examples", "3", "--seed", "1", "--generation-database", "none", "--no-color"]
    asked = subprocess.run(
        [*command, *options, *bounds, *which],
        capture_output=True, text=True, check=False, timeout=280, cwd=server.data_dir.parent,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stdout[-6000:] + asked.stderr[-2000:] + server.logs()
    selected = re.search(r"(\d+) selected", asked.stdout)
    assert selected, asked.stdout[:2000]
    return int(selected[1])


def operations(server: Site, pattern: str) -> list[str]:
    """The operations of the document whose paths are of that pattern."""
    paths = server.get("/v1/openapi.json")["paths"]
    return [
        f"{method} {path}"
        for path in paths
        if re.match(pattern, path)
        for method in paths[path]
        if method != "parameters"
    ]


def token_of(server: Site, name: str) -> str:
    """The header of somebody who is logged in."""
    login = {"username": name, "password": PASSWORD}
    answer = requests.post(f"{server.url}/v1/login", json=login, timeout=30)
    answer.raise_for_status()
    return f"Bearer {answer.json()['access_token']}"
