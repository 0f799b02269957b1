"""The page about quality says what the code says: every limit and every curve."""

from recognition.gates import GATES, SHIPPED, Gate, Limit
from recognition.scores import MEASURES
from tests.source import ROOT

PAGE = ROOT / "docs" / "explanation" / "quality.md"


def bounds(gate: Gate, limit: Limit) -> str:
    """Warning / refusal of the same measure and direction at that gate."""
    same = [each for each in SHIPPED.of(gate) if (each.measure, each.sign) == (limit.measure, limit.sign)]
    if not same:
        return "-"
    shown = ("-" if bound is None else f"{bound:g}" for bound in (same[0].warn, same[0].refuse))
    return " / ".join(shown)


def test_every_limit_stands_on_the_page() -> None:
    rows = {
        f"| `{limit.reason}` | `{limit.measure}` {limit.sign} | {' | '.join(bounds(gate, limit) for gate in GATES)} |"
        for limit in SHIPPED.enrol
    }
    text = PAGE.read_text(encoding="utf-8")
    assert not [row for row in sorted(rows) if row not in text]


def test_every_curve_stands_on_the_page() -> None:
    rows = [
        f"| `{word}` | {', '.join(f'{raw:g}: {score:g}' for raw, score in measure.curve)} |"
        for word, measure in MEASURES.items()
    ]
    text = PAGE.read_text(encoding="utf-8")
    assert not [row for row in rows if row not in text]
