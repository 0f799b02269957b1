"""Holds the audit log against its own chain and seals, and against a head that was written down elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

from receiver.domain.audit import START, Finding, chained, sealed_text
from receiver.store import audit
from receiver.store.database import Database, Row

READ = 1000
# More than this need not be told one by one.
MOST_FINDINGS = 100


class IsSigned(Protocol):
    """Checks a signature."""

    def __call__(self, public_key: bytes, signature: bytes, data: bytes) -> bool: ...


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        rows: that the chain has.
        seals: that there are.
        waiting: rows that are not sealed yet; nothing can be said of them.
        head: the chain's end, hexadecimal.
        keys: public keys that signed, hexadecimal, in the order of their first seal.
        findings: what is wrong; at most MOST_FINDINGS.
    """

    rows: int = 0
    seals: int = 0
    waiting: int = 0
    head: str = START.hex()
    keys: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, reason: str, detail: str) -> None:
        """Notes a finding."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(reason, detail))


class Verifying:
    """The use case behind `audit verify`."""

    def __init__(self, database: Database, is_signed: IsSigned) -> None:
        self._database = database
        self._is_signed = is_signed

    def run(self, known_head: str | None = None) -> Verdict:
        """Looks at every row, link and seal.

        Args:
            known_head: hexadecimal; the log must still have a seal with it, or its end has been cut off or made anew.
        """
        verdict = Verdict()
        with self._database.read() as tx:
            seals = audit.seals(tx)
            missed, verdict.waiting = audit.unlinked(tx)
            gaps = audit.gaps(tx, MOST_FINDINGS)
        hashes = self._walk(verdict, {seal.position for seal in seals})
        if missed:
            verdict.add("audit_row_unsealed", f"{missed} rows were never sealed, though later ones are")
        for first, last in gaps:
            verdict.add("audit_row_missing", f"the rows {first} to {last} are missing, and were never sealed")
        self._check_seals(verdict, seals, hashes)
        if known_head is not None and known_head.lower() not in {seal.head.hex() for seal in seals}:
            verdict.add("audit_head_unknown", f"no seal has the head {known_head}: the end was cut off or made anew")
        return verdict

    def _walk(self, verdict: Verdict, wanted: set[int]) -> dict[int, bytes]:
        """Checks each link against its row; the hashes at the wanted positions, as the rows give them."""
        before, found = START, {}
        for link in self._links():
            if link.position != verdict.rows + 1:
                missing = f"{verdict.rows + 1} to {link.position - 1}"
                verdict.add("audit_link_missing", f"the places {missing} of the chain are missing")
            verdict.rows = link.position
            if link.id is None:
                verdict.add("audit_row_missing", f"row {link.row_id} is missing")
            elif chained(before, audit.as_row(link)) != link.hash:
                verdict.add("audit_row_changed", f"row {link.row_id} or its place in the chain was changed")
            before = bytes(link.hash)
            if link.position in wanted:
                found[link.position] = before
        verdict.head = before.hex()
        return found

    def _links(self) -> Iterator[Row]:
        last = 0
        while True:
            with self._database.read() as tx:
                links = audit.chain(tx, last, READ)
            yield from links
            if len(links) < READ:
                return
            last = links[-1].position

    def _check_seals(self, verdict: Verdict, seals: list[Row], hashes: dict[int, bytes]) -> None:
        for seal in seals:
            if seal.number != verdict.seals + 1:
                verdict.add("audit_seal_missing", f"the seal before seal {seal.number} is missing")
            verdict.seals = seal.number
            data = sealed_text(seal.number, seal.position, bytes(seal.head), seal.sealed_at)
            if not self._is_signed(bytes(seal.public_key), bytes(seal.signature), data):
                verdict.add("audit_seal_forged", f"the signature of seal {seal.number} is not that of its key")
            elif hashes.get(seal.position) != seal.head:
                verdict.add(
                    "audit_chain_broken", f"seal {seal.number} is of other rows than those up to {seal.position}"
                )
            key = seal.public_key.hex()
            if key not in verdict.keys:
                verdict.keys.append(key)
        last = seals[-1].position if seals else 0
        if verdict.rows > last:
            verdict.add("audit_seal_missing", f"the places {last + 1} to {verdict.rows} of the chain have no seal")
