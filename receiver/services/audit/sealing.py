"""Chains the audit log's new rows by hash and signs the end of the chain; one at a time, whoever else tries."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import structlog

from receiver.domain.audit import chained, sealed_text
from receiver.store import audit
from receiver.store.database import Database

BATCH = 500
# Batches of one round: enough for any backlog to melt, few enough to end.
ROUND = 20

log = structlog.get_logger("audit")


class Signer(Protocol):
    """A key that signs."""

    @property
    def public(self) -> bytes: ...

    def sign(self, data: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Sealed:
    """One seal that was made."""

    number: int
    position: int
    head: bytes


class Sealing:
    """The sealer; it may be killed at any moment, for links and seal are written together or not at all."""

    def __init__(self, database: Database, signer: Callable[[], Signer]) -> None:
        self._database = database
        self._make_signer = signer
        self._signer: Signer | None = None

    def run(self) -> int:
        """Seals what waits; returns how many rows that were."""
        rows = 0
        for _ in range(ROUND):
            number = self.seal_some()
            rows += number
            if number < BATCH:
                break
        return rows

    def seal_some(self) -> int:
        """One batch; returns how many rows it had."""
        with self._database.read() as tx:
            if not audit.unsealed(tx, audit.head(tx).last_row, 1):
                return 0
        signer = self._signer = self._signer or self._make_signer()
        with self._database.write(lock=audit.SEAL_LOCK) as tx:
            before = audit.head(tx)
            rows = audit.unsealed(tx, before.last_row, BATCH)
            if not rows:
                return 0
            links, head = [], before.hash
            for position, row in enumerate(rows, before.position + 1):
                head = chained(head, row)
                links.append({"position": position, "row_id": row.id, "hash": head})
            sealed = Sealed(before.number + 1, before.position + len(rows), head)
            now = datetime.now(UTC)
            new = {
                "number": sealed.number,
                "position": sealed.position,
                "head": head,
                "sealed_at": now,
                "signature": signer.sign(sealed_text(sealed.number, sealed.position, head, now)),
                "public_key": signer.public,
            }
            audit.seal(tx, links, new)
        # Elsewhere it is safe from whoever can write to this disk.
        log.info("audit_sealed", seal=sealed.number, rows=sealed.position, head=head.hex(), key=signer.public.hex())
        return len(rows)
