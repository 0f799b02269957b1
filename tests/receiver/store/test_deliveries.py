"""Deliveries go in order within a lane; a lane has one owner; lanes do not hold each other up."""

from datetime import UTC, datetime, timedelta

from receiver.store import deliveries
from receiver.store.deliveries import Lane
from receiver.store.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=90)
ONE, TWO = "http://one.example/", "http://two.example/"


def filled(store: Store, devices: list[int], urls: tuple[str, ...] = (ONE,)) -> dict[str, int]:
    """One delivery to each address for each of ``devices``, in that order."""
    with store.write() as tx:
        subscriptions = deliveries.settle_subscriptions(tx, urls, NOW)
        deliveries.ensure_lanes(tx, [(each, device) for each in subscriptions for device in set(devices)], NOW)
        rows = [
            {"subscription_id": each, "device_id": device, "event_id": number, "message_id": number,
             "state": deliveries.WAITING, "created_at": NOW}
            for number, device in enumerate(devices) for each in subscriptions
        ]  # fmt: skip
        deliveries.add(tx, rows)
    return {url: number for number, url in subscriptions.items()}


def claim(store: Store, now: datetime = NOW, *, only_failing: bool = False, up_to: int = 10**9) -> Lane | None:
    with store.write() as tx:
        return deliveries.claim_lane(tx, now, LEASE, up_to=up_to, only_failing=only_failing)


def waiting(store: Store, lane: Lane) -> list[int]:
    with store.read() as tx:
        return [row.event_id for row in deliveries.waiting_in(tx, lane, 10**9, 99)]


def test_a_lane_has_one_owner_and_its_rows_in_order(store: Store) -> None:
    filled(store, [7, 8, 7, 7])
    lanes = [claim(store), claim(store)]
    assert claim(store) is None
    by_device = {lane.device_id: waiting(store, lane) for lane in lanes if lane}
    assert by_device == {7: [0, 2, 3], 8: [1]}


def test_a_dead_owners_lane_comes_back_after_its_lease(store: Store) -> None:
    filled(store, [7])
    assert claim(store) is not None
    assert claim(store, NOW + LEASE - timedelta(microseconds=1)) is None
    again = claim(store, NOW + LEASE)
    assert again is not None
    assert again.attempts == 2


def test_a_delivered_row_goes_and_prolongs_the_claim(store: Store) -> None:
    filled(store, [7, 7])
    lane = claim(store)
    assert lane is not None
    with store.write() as tx:
        (first, _) = deliveries.waiting_in(tx, lane, 10**9, 9)
        deliveries.delivered(tx, lane, first.id, NOW + LEASE, LEASE)
    assert waiting(store, lane) == [1]
    assert claim(store, NOW + LEASE) is None


def test_a_failing_lane_waits_and_does_not_hold_up_another(store: Store) -> None:
    filled(store, [7, 8])
    failing = claim(store)
    assert failing is not None
    with store.write() as tx:
        deliveries.release(tx, failing, NOW + timedelta(minutes=1), "HTTP 500")
    other = claim(store)
    assert other is not None
    assert other.device_id != failing.device_id
    assert claim(store) is None
    again = claim(store, NOW + timedelta(minutes=1), only_failing=True)
    assert again is not None
    assert (again.device_id, again.attempts) == (failing.device_id, 2)


def test_a_tick_takes_only_what_was_there_when_it_began(store: Store) -> None:
    filled(store, [7])
    with store.read() as tx:
        before = deliveries.newest(tx)
    filled(store, [8])
    lane = claim(store, up_to=before)
    assert lane is not None
    assert lane.device_id == 7
    assert claim(store, up_to=before) is None


def test_only_lanes_that_failed_are_taken_by_the_retry_tick(store: Store) -> None:
    filled(store, [7])
    assert claim(store, only_failing=True) is None


def test_refusals_count_and_the_last_one_buries(store: Store) -> None:
    filled(store, [7, 7])
    lane = claim(store)
    assert lane is not None
    for refusal in (1, 2, 3):
        with store.write() as tx:
            first = deliveries.waiting_in(tx, lane, 10**9, 1)[0]
            deliveries.refused(
                tx,
                first.id,
                "HTTP 400: \x00 \ud800".encode("utf-8", "replace").decode().replace("\x00", ""),
                is_buried=refusal == 3,
            )
    assert waiting(store, lane) == [1]
    with store.read() as tx:
        assert deliveries.counts(tx) == {(ONE, "buried"): 1, (ONE, "waiting"): 1}


def test_an_address_that_is_not_set_any_more_keeps_its_backlog(store: Store) -> None:
    numbers = filled(store, [7], (ONE, TWO))
    with store.write() as tx:
        assert deliveries.settle_subscriptions(tx, [TWO], NOW) == {numbers[TWO]: TWO}
    lane = claim(store)
    assert lane is not None
    assert lane.url == TWO
    assert claim(store) is None
    with store.write() as tx:
        deliveries.settle_subscriptions(tx, [ONE, TWO], NOW)
    back = claim(store)
    assert back is not None
    assert back.url == ONE


def test_lanes_are_made_once(store: Store) -> None:
    filled(store, [7])
    filled(store, [7])
    assert claim(store) is not None
    assert claim(store) is None
