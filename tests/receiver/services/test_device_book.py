"""A real-time report that names no box belongs to the box that speaks for its gate, once that one is known."""

from pathlib import Path

from receiver.store import devices
from receiver.store.store import Store
from tests.receiver.boxes import HISTORY, REAL_TIME, history, open_intake, real_time


def test_a_report_without_a_licence_belongs_to_the_box_that_speaks_for_its_gate(store: Store, tmp_path: Path) -> None:
    with open_intake(store, tmp_path) as intake:
        intake.record([history(1)], HISTORY)
        (later,) = intake.record([real_time(2)], REAL_TIME)
    assert later.result == "new"
    with store.read() as tx:
        (box,) = devices.listed(tx, 0, 10)
        gates = devices.gates_of(tx, {box.id})[box.id]
    assert box.licence
    assert len(gates) == 1
