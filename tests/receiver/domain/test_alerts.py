"""An alert never leaves its state diagram, whatever happens to it in whatever order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver.domain.alerts import EARLIEST, LATEST, AlertState, Change, Standing, after, is_repeat, storable
from receiver.domain.errors import Conflict

START = datetime(2026, 3, 2, tzinfo=UTC)
# What may follow what.
MAY_BECOME = {
    AlertState.OPEN: {AlertState.OPEN, AlertState.ACKNOWLEDGED, AlertState.CLOSED},
    AlertState.ACKNOWLEDGED: {AlertState.ACKNOWLEDGED, AlertState.CLOSED},
    AlertState.CLOSED: {AlertState.CLOSED},
}


@given(st.lists(st.sampled_from(Change), max_size=30))
def test_an_alert_never_leaves_its_state_diagram(changes: list[Change]) -> None:
    present = Standing()
    for change in changes:
        try:
            next_one = after(present, change)
        except Conflict:
            continue
        assert next_one.state in MAY_BECOME[present.state]
        assert next_one.has_ended >= present.has_ended
        assert next_one.has_escalated >= present.has_escalated
        if present.state is AlertState.CLOSED:
            assert change in {Change.COMMENTED, Change.ENDED}
        if next_one.has_escalated and not present.has_escalated:
            assert present.state is AlertState.OPEN
        present = next_one


@given(st.lists(st.sampled_from(Change), max_size=30))
def test_it_is_closed_at_most_once_and_ends_at_most_once(changes: list[Change]) -> None:
    present, done = Standing(), []
    for change in changes:
        try:
            present = after(present, change)
        except Conflict:
            continue
        done.append(change)
    assert all(done.count(each) <= 1 for each in (Change.CLOSED, Change.ENDED, Change.ESCALATED))


@pytest.mark.parametrize(
    ("seconds", "is_one"), [(-301, False), (-300, True), (0, True), (600, True), (900, True), (901, False)]
)
def test_what_belongs_to_what_lasts(seconds: int, is_one: bool) -> None:  # noqa: FBT001 - a row of the table
    lasting = (START, START + timedelta(minutes=10))
    assert is_repeat(lasting, START + timedelta(seconds=seconds), 300) is is_one


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_any_time_of_any_device_can_be_kept_and_compared(one: datetime, other: datetime) -> None:
    kept = storable(one)
    assert EARLIEST <= kept <= LATEST
    assert kept.tzinfo is UTC
    assert is_repeat((kept, kept), storable(other), 31_536_000) in {True, False}
