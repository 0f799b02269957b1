"""The audit log's own database: append-only, chained, sealed, and telling what was done to it."""

import contextlib
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, text, update

from receiver.domain.audit import START, Actor, AuditRow, Deed, chained
from receiver.domain.errors import GatehouseError, SetupError
from receiver.services.audit.acting import acting_as
from receiver.services.audit.auditing import REFUSALS, REFUSALS_IN_ALL, Audit, Damper
from receiver.services.audit.sealing import Sealing
from receiver.services.audit.verifying import Verdict, Verifying
from receiver.store import audit
from receiver.store.audit import AuditFilter, open_audit
from receiver.store.audit_tables import audit_link, audit_row, audit_seal
from receiver.store.signing_key import SigningKey, is_signed, public_key_of
from receiver.store.store import open_store
from tests.made_stores import in_schema

ANN = Actor("account", "7", "10.0.0.5")


@pytest.fixture
def log(empty_database_url: str, tmp_path: Path) -> Iterator[Audit]:
    opened = Audit(open_audit(empty_database_url, tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def sealing(log: Audit, tmp_path: Path) -> Sealing:
    return Sealing(log.database, lambda: SigningKey(tmp_path))


def fill(log: Audit, sealing: Sealing, batches: int = 3, rows: int = 4) -> None:
    for batch in range(batches):
        for number in range(rows):
            log.note_deed(Deed("person.read", "person", str(10 * batch + number)), ANN)
        assert sealing.run() == rows


def verify(log: Audit, head: str | None = None) -> Verdict:
    return Verifying(log.database, is_signed).run(head)


def tamper(log: Audit, *statements: object) -> None:
    """As somebody who owns the database can."""
    with log.database.write() as tx:
        kind = "RULE" if tx.dialect.name == "postgresql" else "TRIGGER"
        for table in ("audit_row", "audit_link", "audit_seal"):
            for verb in ("update", "delete"):
                on = f" ON {table}" if kind == "RULE" else ""
                tx.execute(text(f"DROP {kind} IF EXISTS {table}_no_{verb}{on}"))
        for statement in statements:
            tx.execute(statement)  # type: ignore[call-overload]


def words(verdict: Verdict) -> list[str]:
    return [each.reason for each in verdict.findings]


def test_a_log_that_nobody_touched_is_whole(log: Audit, sealing: Sealing) -> None:
    fill(log, sealing)
    log.note("person.read", kind="person", subject="99")
    verdict = verify(log, log.head()["head"])
    assert (verdict.findings, verdict.rows, verdict.seals, verdict.waiting) == ([], 12, 3, 1)
    assert verdict.head == log.head()["head"]


def test_who_acts_is_taken_from_the_context(log: Audit) -> None:
    with acting_as(ANN):
        log.note("person.erased", kind="person", subject=5, detail={"events": 3})
    log.note("login", outcome="refused")
    second, first = log.listed(AuditFilter()).items
    assert first["actor"] == {"kind": "account", "id": "7", "address": "10.0.0.5"}
    assert (first["action"], first["kind"], first["subject"], first["detail"]) == (
        "person.erased", "person", "5", {"events": 3},
    )  # fmt: skip
    assert (second["actor"]["kind"], second["outcome"]) == ("nobody", "refused")


def test_a_changed_row_is_found_and_named(log: Audit, sealing: Sealing) -> None:
    fill(log, sealing)
    tamper(log, update(audit_row).where(audit_row.c.id == 6).values(subject="666"))
    assert [(each.reason, "row 6 " in each.detail) for each in verify(log).findings] == [("audit_row_changed", True)]


def test_a_row_whose_time_was_changed_by_a_microsecond_is_found(log: Audit, sealing: Sealing) -> None:
    fill(log, sealing)
    before = log.listed(AuditFilter(before=4)).items[0]["at"]
    tamper(log, update(audit_row).where(audit_row.c.id == 3).values(at=before + timedelta(microseconds=1)))
    assert words(verify(log)) == ["audit_row_changed"]


def test_a_missing_row_is_found_and_named(log: Audit, sealing: Sealing) -> None:
    fill(log, sealing)
    tamper(log, delete(audit_row).where(audit_row.c.id == 7))
    assert [(each.reason, each.detail) for each in verify(log).findings] == [("audit_row_missing", "row 7 is missing")]


def test_rows_that_changed_places_are_found(log: Audit, sealing: Sealing) -> None:
    fill(log, sealing)
    swap = [
        update(audit_row).where(audit_row.c.id == 2).values(subject="2"),
        update(audit_row).where(audit_row.c.id == 3).values(subject="1"),
    ]
    tamper(log, *swap)
    assert words(verify(log)) == ["audit_row_changed", "audit_row_changed"]


def test_links_that_changed_places_are_found(log: Audit, sealing: Sealing) -> None:
    fill(log, sealing)
    tamper(
        log,
        update(audit_link).where(audit_link.c.position == 2).values(row_id=1000),
        update(audit_link).where(audit_link.c.position == 3).values(row_id=2),
        update(audit_link).where(audit_link.c.position == 2).values(row_id=3),
    )
    assert words(verify(log)) == ["audit_row_changed", "audit_row_changed"]


def test_a_chain_that_was_made_anew_contradicts_its_seals(log: Audit, sealing: Sealing, tmp_path: Path) -> None:
    fill(log, sealing)
    tamper(log, update(audit_row).where(audit_row.c.id == 6).values(subject="666"))
    with log.database.read() as tx:
        rows = [audit.as_row(each) for each in audit.chain(tx, 0, 99)]
    head, changes = START, []
    for position, row in enumerate(rows, 1):
        head = chained(head, row)
        changes.append(update(audit_link).where(audit_link.c.position == position).values(hash=head))
    tamper(log, *changes)
    assert words(verify(log)) == ["audit_chain_broken", "audit_chain_broken"]
    # The seals too, by whoever has no key.
    (tmp_path / "other").mkdir()
    other = SigningKey(tmp_path / "other")
    tamper(log, update(audit_seal).values(head=head, signature=other.sign(b"anything")))
    assert set(words(verify(log))) == {"audit_seal_forged"}


def test_an_end_that_was_cut_off_is_found_by_a_head_that_was_written_down(log: Audit, sealing: Sealing) -> None:
    fill(log, sealing)
    known = log.head()["head"]
    tamper(
        log,
        delete(audit_seal).where(audit_seal.c.number == 3),
        delete(audit_link).where(audit_link.c.position > 8),
        delete(audit_row).where(audit_row.c.id > 8),
        *([text("UPDATE sqlite_sequence SET seq = 8 WHERE name = 'audit_row'")] if log.database.is_sqlite else []),
    )
    assert words(verify(log)) == []
    assert words(verify(log, known)) == ["audit_head_unknown"]


@pytest.mark.parametrize("gone", [{13}, {14, 15}, {16}, {13, 14, 15, 16}], ids=str)
def test_rows_that_were_taken_away_before_their_seal_are_found_on_sqlite(tmp_path: Path, gone: set[int]) -> None:
    log = Audit(open_audit("", tmp_path))
    sealing = Sealing(log.database, lambda: SigningKey(tmp_path))
    fill(log, sealing)
    for number in range(4):
        log.note_deed(Deed("person.read", "person", str(number)), ANN)
    tamper(log, delete(audit_row).where(audit_row.c.id.in_(gone)))
    expected = f"the rows {min(gone)} to {max(gone)} are missing, and were never sealed"
    assert [each.detail for each in verify(log).findings] == [expected]
    log.note("later")
    sealing.run()
    assert [each.detail for each in verify(log).findings] == [expected]
    log.close()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (delete(audit_seal).where(audit_seal.c.number == 3), ["audit_seal_missing"]),
        (delete(audit_seal).where(audit_seal.c.number == 1), ["audit_seal_missing"]),
        (delete(audit_link).where(audit_link.c.position == 5), ["audit_link_missing", "audit_row_changed"]),
        (update(audit_seal).where(audit_seal.c.number == 2).values(position=7), ["audit_seal_forged"]),
    ],
    ids=["newest seal", "first seal", "a link", "a moved seal"],
)
def test_what_is_missing_of_the_chain_is_found(
    log: Audit, sealing: Sealing, statement: object, expected: list[str]
) -> None:
    fill(log, sealing)
    tamper(log, statement)
    assert words(verify(log)) == expected


def test_the_tables_are_append_only(log: Audit, sealing: Sealing) -> None:
    fill(log, sealing, batches=1)
    for statement in (
        update(audit_row).values(subject="1"), delete(audit_row), delete(audit_link), update(audit_seal).values(number=9),
    ):  # fmt: skip
        # SQLite refuses it, PostgreSQL passes it over.
        with contextlib.suppress(GatehouseError), log.database.write() as tx:
            tx.execute(statement)
    verdict = verify(log)
    assert (verdict.findings, verdict.rows) == ([], 4)


def test_two_sealers_make_one_chain(log: Audit, tmp_path: Path, empty_database_url: str) -> None:
    other = Audit(open_audit(empty_database_url, tmp_path))
    sealers = [Sealing(each.database, lambda: SigningKey(tmp_path)) for each in (log, other)]
    for number in range(6):
        (log, other)[number % 2].note("person.read", subject=number)
        sealers[number % 2].run()
        sealers[1 - number % 2].run()
    other.close()
    verdict = verify(log)
    assert (verdict.findings, verdict.rows, verdict.seals, len(verdict.keys)) == ([], 6, 6, 1)


@pytest.mark.postgres
def test_a_row_that_is_committed_late_is_sealed_late(postgres_url: str, tmp_path: Path) -> None:
    log = Audit(open_audit(postgres_url, tmp_path))
    sealing = Sealing(log.database, lambda: SigningKey(tmp_path))
    with log.database.write() as tx:
        audit.add(tx, AuditRow(0, datetime.now(UTC), "server", "", "", "late", "", "", "ok", ""))
        log.note("early")
        assert sealing.run() == 1
    assert sealing.run() == 1
    verdict = verify(log)
    assert (verdict.findings, verdict.rows) == ([], 2)
    log.close()


def test_rows_are_filtered_and_paged(log: Audit) -> None:
    for number in range(5):
        log.note_deed(Deed("person.read" if number % 2 else "event.read", "person", str(number)), ANN)
    page = log.listed(AuditFilter(limit=2))
    assert ([row["subject"] for row in page.items], page.next) == (["4", "3"], "4")
    rest = log.listed(AuditFilter(limit=9, before=4))
    assert ([row["subject"] for row in rest.items], rest.next) == (["2", "1", "0"], None)
    assert [row["subject"] for row in log.listed(AuditFilter(action="event.read")).items] == ["4", "2", "0"]
    assert [row["id"] for row in log.listed(AuditFilter(kind="person", subject="3")).items] == [4]
    assert log.listed(AuditFilter(actor_kind="key")).items == []


def test_a_stranger_cannot_fill_the_log_by_knocking(log: Audit) -> None:
    clock = [0.0]
    knocked = Audit(log.database, Damper(lambda: clock[0]))
    for _ in range(REFUSALS + 50):
        knocked.note_deed(Deed("login", outcome="refused"), Actor("nobody", "", "10.0.0.9"))
    knocked.note_deed(Deed("login", outcome="refused"), Actor("nobody", "", "10.0.0.8"))
    knocked.note_deed(Deed("login", outcome="refused"), ANN)
    assert len(log.listed(AuditFilter(limit=500)).items) == REFUSALS + 2
    clock[0] = 61.0
    knocked.note_deed(Deed("login", outcome="refused"), Actor("nobody", "", "10.0.0.9"))
    assert log.listed(AuditFilter(limit=1)).items[0]["detail"] == {"passed_over_before": 50}


def test_whole_networks_of_strangers_cannot_fill_the_log_either(log: Audit) -> None:
    """Addresses cost nothing: somebody has 2^64 of IPv6, and somebody else many of IPv4."""
    knocked = Audit(log.database, Damper(lambda: 0.0))
    for number in range(REFUSALS + 50):
        knocked.note_deed(Deed("login", outcome="refused"), Actor("nobody", "", f"2001:db8::{number:x}"))
    assert len(log.listed(AuditFilter(limit=5000)).items) == REFUSALS
    for number in range(REFUSALS_IN_ALL + 50):
        knocked.note_deed(Deed("login", outcome="refused"), Actor("nobody", "", f"10.0.{number // 256}.{number % 256}"))
    assert len(log.listed(AuditFilter(limit=5000)).items) == REFUSALS_IN_ALL


def test_text_of_any_kind_is_kept_and_cut(log: Audit) -> None:
    odd = Actor("nobody", "\x00\ud800" + "x" * 500, "10.0.0.1\r\nX: y")
    log.note_deed(Deed("a" * 500, "k", "s", "ok", {"long": "x" * 9000}), odd)
    (row,) = log.listed(AuditFilter()).items
    assert len(row["action"]) == len(row["actor"]["id"]) == 80
    assert row["detail"] == {"too_long": True}


def test_the_key_is_the_servers_alone_and_stays(tmp_path: Path) -> None:
    assert public_key_of(tmp_path) is None
    first = SigningKey(tmp_path)
    assert stat.S_IMODE((tmp_path / "audit.key").stat().st_mode) == 0o600
    assert public_key_of(tmp_path) == first.public == SigningKey(tmp_path).public
    assert [each.name for each in tmp_path.iterdir()] == ["audit.key"]
    (tmp_path / "audit.key").write_bytes(b"short")
    with pytest.raises(SetupError, match=r"audit\.key"):
        SigningKey(tmp_path)


def test_the_log_has_a_file_of_its_own(tmp_path: Path) -> None:
    log = Audit(open_audit("", tmp_path))
    log.note("person.read")
    log.close()
    rows = sqlite3.connect(tmp_path / "audit.db").execute("SELECT count(*) FROM audit_row").fetchone()
    assert rows == (1,)
    assert not (tmp_path / "gatehouse.sqlite").exists()


@pytest.mark.postgres
@pytest.mark.parametrize(("main", "expected"), [("public", "audit"), ("gate", "gate_audit")])
def test_the_log_has_a_schema_of_its_own(main: str, expected: str, empty_postgres_url: str, tmp_path: Path) -> None:
    url = in_schema(main, empty_postgres_url)
    store = open_store(url, tmp_path)
    store.upgrade()
    log = Audit(open_audit(url, tmp_path))
    log.note("person.read")
    with log.database.read() as tx:
        assert tx.execute(text("SELECT current_schema()")).scalar_one() == expected
        found = tx.execute(text("SELECT schemaname, tablename FROM pg_tables WHERE tablename LIKE 'audit%'")).all()
    log.close()
    store.close()
    assert {tuple(row) for row in found} == {(expected, name) for name in ("audit_row", "audit_link", "audit_seal")}
