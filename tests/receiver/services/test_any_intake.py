"""Whatever is told, in whatever order and groups: each passage is kept once."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from receiver.store import tables
from tests.made_stores import made_store
from tests.receiver.boxes import (
    HISTORY,
    REAL_TIME,
    count,
    delivered_events,
    history,
    real_time,
    recorder_of,
    subscribe,
    text_of,
)
from tests.receiver.services.test_intake import read_entries

TOLD = st.lists(
    st.tuples(st.sampled_from([history, real_time]), st.integers(0, 3), st.sampled_from([None, 5])), max_size=12
)


@settings(max_examples=25, deadline=None)
@given(told=TOLD, data=st.data())
def test_the_intake_is_idempotent_in_any_order_and_any_split(told: list[Any], data: st.DataObject) -> None:
    """The same messages told twice in any order and any groups: one event a passage, one delivery a history message."""
    messages = [(make(number, ext_data={"spot_pic": text_of(shade)} if shade else {}), HISTORY if make is history else REAL_TIME)
                for make, number, shade in told]  # fmt: skip
    twice = data.draw(st.permutations(messages + messages))
    with TemporaryDirectory() as name:
        folder = Path(name)
        opened = made_store(folder)
        subscribe(opened)
        recorder = recorder_of(opened)
        entries = read_entries(opened, folder, twice)
        while entries:
            size = data.draw(st.integers(1, len(entries)))
            recorder.write_batch(entries[:size])
            entries = entries[size:]
        different = {(make, number, shade) for make, number, shade in told}
        history_told = {each for each in different if each[0] is history}
        assert count(opened, tables.message) == len(different)
        assert len(delivered_events(opened)) == len(history_told)
        passages = {number for _, number, _ in different}
        assert len(passages) <= count(opened, tables.event) <= len(different)
        with opened.read() as tx:
            assert tx.execute(select(func.max(tables.event.c.id))).scalar() in {None, count(opened, tables.event)}
        opened.close()
