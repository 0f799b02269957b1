"""kill -9 while the audit log is written and sealed: what was noted is there, and the chain is whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from receiver.services.audit.auditing import Audit
from receiver.services.audit.sealing import Sealing
from receiver.services.audit.verifying import Verifying
from receiver.store.audit import AuditFilter, open_audit
from receiver.store.signing_key import SigningKey, is_signed
from tests.security.servers import MakeSite, make_site
from tests.source import ROOT
from tests.system.processes import eventually

__all__ = ["make_site"]  # fixtures of another module

# Notes and seals as fast as it can, and tells what is durable.
WRITER = """
import sys, threading
from pathlib import Path
from receiver import logs
from receiver.services.audit.auditing import Audit
from receiver.services.audit.sealing import Sealing
from receiver.store.audit import open_audit
from receiver.store.signing_key import SigningKey
logs.configure("text")
folder = Path(sys.argv[2])
audit = Audit(open_audit(sys.argv[1], folder))
sealing = Sealing(audit.database, lambda: SigningKey(folder))
def seal():
    while True:
        sealing.seal_some()
threading.Thread(target=seal, daemon=True).start()
number = int(sys.argv[3])
while True:
    audit.note("person.read", kind="person", subject=number)
    print(number, flush=True)
    number += 1
"""
KILLS = 8
ROWS = 25


def test_what_was_noted_outlives_its_process_and_the_chain_is_whole(empty_database_url: str, tmp_path: Path) -> None:
    Audit(open_audit(empty_database_url, tmp_path)).close()
    noted: list[str] = []
    for turn in range(KILLS):
        command = [sys.executable, "-c", WRITER, empty_database_url, str(tmp_path), str(turn * 100_000)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
        ) as writer:
            assert writer.stdout is not None
            # A different moment of its work each time.
            noted += [writer.stdout.readline().strip() for _ in range(ROWS + 7 * turn)]
            writer.kill()
            noted += [line.strip() for line in writer.stdout if line.endswith("\n")]
    log = Audit(open_audit(empty_database_url, tmp_path))
    Sealing(log.database, lambda: SigningKey(tmp_path)).run()
    rows: list[str] = []
    before = None
    while True:
        page = log.listed(AuditFilter(limit=500, before=before))
        rows += [row["subject"] for row in page.items]
        if page.next is None:
            break
        before = int(page.next)
    verdict = Verifying(log.database, is_signed).run(log.head()["head"])
    log.close()
    assert len(noted) >= KILLS * ROWS
    assert set(noted) <= set(rows)
    assert len(rows) == len(set(rows)) <= len(noted) + KILLS
    assert (verdict.findings, verdict.rows, verdict.waiting) == ([], len(rows), 0)
    assert verdict.seals > 1
    assert len(verdict.keys) == 1


def test_a_killed_server_goes_on_with_the_same_chain_and_tells_its_head(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off", LOG_FORMAT="json")

    def heads() -> list[str]:
        told = (site.data_dir.parent / f"{site.data_dir.name}-worker.log").read_text(encoding="utf-8")
        return [line.split('"head":"')[1][:64] for line in told.splitlines() if "audit_sealed" in line]

    for _ in range(2):
        site.start("web", "worker")
        eventually(site.is_ready)
        before = len(heads())
        for _ in range(20):
            site.http.get(f"{site.url}/v1/people", timeout=30)

        def is_sealed(before: int = before) -> bool:
            return len(heads()) > before

        eventually(is_sealed)
        site.kill("web", "worker")
    assert len(heads()) >= 2
    for head in heads():
        verified = site.run("audit", "verify", "--head", head)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert "The log is whole." in verified.stdout
    unknown = site.run("audit", "verify", "--head", "0" * 64)
    assert (unknown.returncode, "audit_head_unknown" in unknown.stdout) == (1, True)
    exported = site.run("audit", "export")
    assert exported.stdout.count('"type":"row"') >= 40
    assert heads()[-1] in exported.stdout


def test_a_server_that_ends_in_order_leaves_nothing_unsealed(make_site: MakeSite) -> None:
    site = make_site(RECOGNITION="off")
    site.start("serve")
    eventually(site.is_ready)
    for _ in range(20):
        site.http.get(f"{site.url}/v1/people", timeout=30)
    site.stop()
    verified = site.run("audit", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert " 0 not sealed yet" in verified.stdout


def test_another_machine_keeps_the_head_with_a_key_for_that_alone(make_site: MakeSite) -> None:
    """As a cron job elsewhere does: what it has noted shows later that the end was cut off, with everything that is known here."""
    site = make_site(RECOGNITION="off")
    site.start("web", "worker")
    eventually(site.is_ready)
    made = site.http.post(f"{site.url}/v1/keys", json={"name": "keeper", "scopes": ["audit:read"]}, timeout=30).json()
    keeper = requests.Session()
    keeper.headers["Authorization"] = f"Bearer {made['key']}"
    assert keeper.get(f"{site.url}/v1/people", timeout=30).status_code == 403
    eventually(lambda: keeper.get(f"{site.url}/v1/audit/head", timeout=30).json()["rows"])
    head = keeper.get(f"{site.url}/v1/audit/head", timeout=30).json()["head"]
    site.stop()
    assert site.run("audit", "verify", "--head", head).returncode == 0
    for path in site.data_dir.glob("audit.db*"):
        path.unlink()
    cut = site.run("audit", "verify", "--head", head)
    assert (cut.returncode, "audit_head_unknown" in cut.stdout) == (1, True)


@pytest.mark.parametrize("words", [("audit", "list"), ("audit", "head"), ("audit", "verify")])
def test_the_commands_work_on_an_empty_log(make_site: MakeSite, words: tuple[str, ...]) -> None:
    done = make_site(RECOGNITION="off").run(*words)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
