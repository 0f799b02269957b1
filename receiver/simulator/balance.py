"""Adds up what a run sent and what the server said it did with it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil

from receiver.simulator.posting import Outcome

NOT_THERE = "no answer"


@dataclass(frozen=True)
class Balance:
    """The end of a run.

    Attributes:
        planned: messages the run was to send; fewer are sent if it was stopped or the server went away.
        sent: messages tried at least once, real-time events not counted.
        acknowledged: messages answered 200 in the end: new + joined + duplicate + quarantined (+ unreadable answers).
        new: events that the server did not know; with ``joined`` the passages of this run that it keeps.
        joined: events that became one with the real-time event of the same passage.
        refused: answers 400.
        retries: attempts beyond the first of each message.
        failed: messages sent but never acknowledged.
        real_time_sent: real-time events sent, each before the event of the same passage.
        expected: how often each result had to come, by the messages that were sent.
        surprises: what came instead of what, and how often: ``new became duplicate``.
        p50, p99, slowest: milliseconds from sending to the 200, of the attempt that got it.
        events_per_second: acknowledged messages per second.
        seed: repeats the run.
    """

    planned: int
    sent: int
    acknowledged: int
    new: int
    joined: int
    duplicate: int
    quarantined: int
    refused: int
    retries: int
    failed: int
    real_time_sent: int
    real_time_acknowledged: int
    p50: float
    p99: float
    slowest: float
    seconds: float
    events_per_second: float
    seed: int
    expected: dict[str, int] = field(default_factory=dict)
    surprises: dict[str, int] = field(default_factory=dict)

    @property
    def adds_up(self) -> bool:
        """Whether everything planned was sent, acknowledged, and answered as a right server answers it."""
        told = self.new + self.joined + self.duplicate + self.quarantined
        return self.planned == self.sent == self.acknowledged == told and not self.surprises

    def render(self) -> str:
        """A small table for a person, with the verdict and the next step below it."""
        rows = [
            ("sent", f"{self.sent} of {self.planned}"),
            ("acknowledged", str(self.acknowledged)),
            *((f"  {name}", self._count(name)) for name in ("new", "duplicate", "quarantined")),
            ("refused (400)", str(self.refused)),
            ("retries", str(self.retries)),
            ("failed", str(self.failed)),
            ("latency p50", f"{self.p50:.1f} ms"),
            ("latency p99", f"{self.p99:.1f} ms"),
            ("latency max", f"{self.slowest:.1f} ms"),
            ("rate", f"{self.events_per_second:.1f} events/s in {self.seconds:.1f} s"),
            ("seed", str(self.seed)),
        ]
        if self.real_time_sent:
            rows.insert(3, ("  joined", self._count("joined")))
            rows.insert(2, ("real-time events", f"{self.real_time_sent}, {self.real_time_acknowledged} acknowledged"))
        return "\n".join([*(f"{name:<18}{value}" for name, value in rows), *self._verdict()])

    def _count(self, name: str) -> str:
        count, expected = getattr(self, name), self.expected.get(name, 0)
        return str(count) if count == expected else f"{count} (expected {expected})"

    def _verdict(self) -> list[str]:
        if self.adds_up:
            return ["The balance adds up."]
        lines = ["The balance does not add up:"]
        if self.sent < self.planned:
            lines.append(f"  {self.planned - self.sent} messages were not sent: the run stopped early.")
        lines += [f"  {count} x {what}" for what, count in sorted(self.surprises.items())]
        if "new became duplicate" in self.surprises:
            lines.append("  Was this seed posted to this server before? Another seed, or none, makes new events.")
        if any(what.endswith("became dropped") for what in self.surprises):
            lines.append("  Has anybody trusted the simulated box? Of a pending one so much is kept: `devices trust`.")
        if any(what.endswith(NOT_THERE) for what in self.surprises):
            lines.append("  Is the server running at this address? Its log says why it did not answer 200.")
        return lines


def draw_balance(outcomes: Sequence[Outcome], planned: int, seconds: float, seed: int) -> Balance:
    """Sums the outcomes of the messages that were sent."""
    results = Counter(outcome.result for outcome in outcomes)
    latencies = sorted(outcome.latency for outcome in outcomes if outcome.is_acknowledged)
    announced = [outcome.was_announced for outcome in outcomes if outcome.was_announced is not None]
    return Balance(
        planned=planned,
        sent=len(outcomes),
        acknowledged=len(latencies),
        new=results["new"],
        joined=results["joined"],
        duplicate=results["duplicate"],
        quarantined=results["quarantined"],
        refused=sum(outcome.refused for outcome in outcomes),
        retries=sum(outcome.attempts - 1 for outcome in outcomes),
        failed=results[""],
        real_time_sent=len(announced),
        real_time_acknowledged=sum(announced),
        p50=percentile(latencies, 50),
        p99=percentile(latencies, 99),
        slowest=latencies[-1] if latencies else 0.0,
        seconds=seconds,
        events_per_second=len(latencies) / seconds if seconds > 0 else 0.0,
        seed=seed,
        expected=dict(Counter(outcome.planned.expected for outcome in outcomes)),
        surprises=_surprises(outcomes),
    )


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The smallest of the sorted values that at least that many percent do not exceed; 0 if there is none."""
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def _surprises(outcomes: Iterable[Outcome]) -> dict[str, int]:
    wrong = (outcome for outcome in outcomes if not outcome.is_as_expected)
    return dict(Counter(_surprise(outcome) for outcome in wrong))


def _surprise(outcome: Outcome) -> str:
    wanted, got = outcome.planned.expected, outcome.result or NOT_THERE
    if wanted != got:
        return f"{wanted} became {got}"
    kind = outcome.planned.corruption or "event"
    return f"{kind} became {wanted} after {outcome.refused} refusals"
