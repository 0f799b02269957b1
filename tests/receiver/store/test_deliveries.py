"""Deliveries go in order within a lane; a lane has one owner; lanes do not hold each other up; the books balance."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from receiver.domain.schedules import AT_ONCE
from receiver.domain.subscriptions import Channel, Filter, Origin, Subscription, SubscriptionState, Topic
from receiver.services.forwarding.claiming import LEASE, Claiming, Turn
from receiver.services.publishing.book import SubscriptionBook
from receiver.store import attempts, backlog_bound, deliveries, lanes, subscriptions, tables
from receiver.store.deliveries import DeadFilter
from receiver.store.lanes import Books, Settled
from receiver.store.store import Store
from tests.receiver.boxes import count

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO = "http://one.example/", "http://two.example/"


def filled(store: Store, devices: list[int], urls: tuple[str, ...] = (ONE,), size: int = 10) -> dict[str, int]:
    """One delivery to each address for each of ``devices``, in that order."""
    with store.write() as tx:
        known = subscriptions.settle(tx, dict.fromkeys(urls, AT_ONCE), NOW)
        rows = [
            deliveries.row_of_event(each, (device, number, number), size, NOW)
            for number, device in enumerate(devices)
            for each in known
        ]
        deliveries.add(tx, rows, NOW)
    return {url: number for number, url in known.items()}


def claim(store: Store, now: datetime = NOW) -> Turn | None:
    return Claiming(store, SubscriptionBook(is_recognising=True)).claim(now, {})


def by_device(turn: Turn | None) -> dict[int, list[int]]:
    assert turn is not None
    return {part.lane.device_id: [row.event_id for row in part.rows] for part in turn.parts}


def end(store: Store, turn: Turn, state: str, ids: list[int]) -> None:
    """Those deliveries of a turn of one lane come to their end."""
    (part,) = turn.parts
    with store.write() as tx:
        settled = deliveries.end(tx, ids, state, NOW)
        lanes.settle(tx, part.lane, turn.until, settled, {"due_at": NOW, "attempts": 0})


def books(store: Store, number: int) -> Books:
    with store.read() as tx:
        found = lanes.books_of(tx, number)
    assert found.is_balanced
    return found


def test_a_lane_has_one_owner_and_its_rows_in_order(store: Store) -> None:
    filled(store, [7, 8, 7, 7])
    assert by_device(claim(store)) == {7: [0, 2, 3], 8: [1]}
    assert claim(store) is None


def test_a_dead_owners_lane_comes_back_after_its_lease(store: Store) -> None:
    filled(store, [7])
    assert claim(store) is not None
    assert claim(store, NOW + LEASE - timedelta(microseconds=1)) is None
    again = claim(store, NOW + LEASE)
    assert again is not None
    assert again.parts[0].lane.attempts == 1


def test_whoever_lost_a_claim_changes_the_books_and_not_the_new_owners_claim(store: Store) -> None:
    numbers = filled(store, [7, 7])
    late, new = claim(store), claim(store, NOW + LEASE)
    assert late is not None
    assert new is not None
    end(store, late, lanes.DELIVERED, [late.parts[0].rows[0].id])
    assert books(store, numbers[ONE]) == Books(2, 1, 1, waiting_bytes=10)
    assert claim(store, NOW + LEASE) is None


def test_what_came_to_its_end_meanwhile_is_counted_once(store: Store) -> None:
    numbers = filled(store, [7, 7])
    turn = claim(store)
    assert turn is not None
    ids = [row.id for row in turn.parts[0].rows]
    with store.write() as tx:
        assert deliveries.erase(tx, ids[:1], NOW) == 1
    end(store, turn, lanes.DELIVERED, ids)
    assert books(store, numbers[ONE]) == Books(2, 0, 1, 0, 1)


def test_dead_ones_wait_again_when_somebody_wants_it(store: Store) -> None:
    numbers = filled(store, [7, 7, 7])
    turn = claim(store)
    assert turn is not None
    ids = [row.id for row in turn.parts[0].rows]
    end(store, turn, lanes.DEAD, ids[:2])
    assert books(store, numbers[ONE]) == Books(3, 1, 0, 2, waiting_bytes=10)
    with store.write() as tx:
        assert deliveries.retry(tx, DeadFilter(since=NOW + timedelta(days=1)), 9) == 0
        assert deliveries.retry(tx, DeadFilter(ids=ids[1:2]), 9) == 1
    assert by_device(claim(store)) == {7: [1, 2]}
    assert books(store, numbers[ONE]) == Books(3, 2, 0, 1, waiting_bytes=20)


def test_an_erased_dead_one_was_dropped(store: Store) -> None:
    numbers = filled(store, [7])
    turn = claim(store)
    assert turn is not None
    ids = [row.id for row in turn.parts[0].rows]
    end(store, turn, lanes.DEAD, ids)
    with store.write() as tx:
        deliveries.erase(tx, ids, NOW)
    assert books(store, numbers[ONE]) == Books(1, 0, 0, 0, 1)


def test_an_address_that_is_not_set_any_more_keeps_its_backlog(store: Store) -> None:
    numbers = filled(store, [7], (ONE, TWO))
    with store.write() as tx:
        assert subscriptions.settle(tx, {TWO: AT_ONCE}, NOW) == {numbers[TWO]: TWO}
    turn = claim(store)
    assert turn is not None
    assert turn.subscription.target["url"] == TWO
    assert claim(store) is None
    with store.write() as tx:
        subscriptions.settle(tx, dict.fromkeys((ONE, TWO), AT_ONCE), NOW)
    back = claim(store)
    assert back is not None
    assert back.subscription.target["url"] == ONE


def test_what_somebody_paused_stays_paused_when_the_server_starts_anew(store: Store) -> None:
    numbers = filled(store, [7])
    with store.write() as tx:
        subscriptions.set_state(tx, numbers[ONE], SubscriptionState.PAUSED, "by_hand")
        subscriptions.settle(tx, {ONE: AT_ONCE}, NOW)
    assert claim(store) is None


def test_the_over_are_kept_for_a_while_and_in_number(store: Store) -> None:
    filled(store, [7] * 6)
    turn = claim(store)
    assert turn is not None
    ids = [row.id for row in turn.parts[0].rows]
    end(store, turn, lanes.DELIVERED, ids[:4])
    with store.write() as tx:
        attempts.add(tx, [{"delivery_id": each, "at": NOW, "seconds": 0.1, "outcome": "delivered"} for each in ids[:4]])
        assert deliveries.drop_over(tx, NOW - timedelta(days=1), 9, 500) == 0
        assert deliveries.drop_over(tx, NOW - timedelta(days=1), 3, 500) == 1
        assert deliveries.drop_over(tx, NOW + timedelta(days=1), 9, 500) == 3
    assert count(store, tables.delivery) == 2
    assert count(store, tables.attempt) == 0


def test_of_many_tries_the_newest_are_kept(store: Store) -> None:
    row = {"delivery_id": 1, "at": NOW, "seconds": 0.1, "outcome": "unreachable"}
    with store.write() as tx:
        attempts.add(tx, [row | {"status": number} for number in range(attempts.OF_ONE + 9)])
        attempts.trim(tx, [1])
        kept = attempts.of_delivery(tx, 1)
    assert [each.status for each in kept] == list(range(9, attempts.OF_ONE + 9))


def test_the_books_cannot_be_written_out_of_balance(store: Store) -> None:
    filled(store, [7])
    refused = False
    try:
        with store.write() as tx:
            tx.execute(text("UPDATE lane SET delivered = delivered + 1"))
    except Exception as error:  # noqa: BLE001 - the databases' own kinds
        refused = "balance" in str(error)
    assert refused


def test_pictures_are_given_up_oldest_first_and_counted(store: Store) -> None:
    numbers = filled(store, [7, 8, 7], size=100)
    with store.write() as tx:
        rows, last = backlog_bound.with_pictures(tx, 0, 99)
        wanted = backlog_bound.until_saved(rows, {}, 150)
        assert [row.device_id for row in wanted] == [7, 8]
        assert backlog_bound.bare(tx, wanted, {row.id: 1 for row in wanted}) == 198
        assert last == rows[-1].id
        assert [row.id for row in backlog_bound.with_pictures(tx, 0, 99)[0]] == [last]
    found = books(store, numbers[ONE])
    assert (found.bared, found.waiting_bytes) == (2, 102)


def test_what_is_still_to_be_passed_on_is_known_of_some_events_alone(store: Store) -> None:
    filled(store, [7, 7, 7])
    turn = claim(store)
    assert turn is not None
    ids = [row.id for row in turn.parts[0].rows]
    end(store, turn, lanes.DELIVERED, ids[:1])
    with store.write() as tx:
        assert deliveries.holding(tx, [0, 1]) == {1}
        backlog_bound.bare(tx, backlog_bound.with_pictures(tx, 0, 9)[0], dict.fromkeys(ids, 1))
        assert deliveries.holding(tx, [0, 1], for_pictures=True) == set()


def test_whoever_wants_decisions_is_known_to_do_so(store: Store) -> None:
    wanted = Subscription(
        0, "staff", Origin.API, Channel.HTTP, {"url": ONE}, frozenset({Topic.EVENT}), Filter(lists=frozenset({"staff"}))
    )
    with store.write() as tx:
        number = subscriptions.add(tx, wanted, NOW)
        assert subscriptions.wanted_topics(tx) == {"event", subscriptions.DECISION}
        version = subscriptions.version(tx)
        subscriptions.set_state(tx, number, SubscriptionState.DISABLED, "by_hand")
        assert subscriptions.wanted_topics(tx) == set()
        assert subscriptions.version(tx) > version


def plan_of(store: Store, statement: str) -> str:
    with store.read() as tx:
        return "\n".join(str(row) for row in tx.execute(text(f"EXPLAIN QUERY PLAN {statement}")))


def test_the_claim_reads_no_backlog(store: Store) -> None:
    """What is looked for is found by an index, however many deliveries wait."""
    if not store.is_sqlite:
        return
    filled(store, [7])
    lane = plan_of(
        store, "SELECT * FROM lane WHERE subscription_id = 1 AND waiting > 0 AND due_at <= 5 ORDER BY due_at LIMIT 16"
    )
    assert "ix_lane_due" in lane
    assert "TEMP B-TREE" not in lane
    rows = plan_of(
        store,
        "SELECT * FROM delivery WHERE subscription_id = 1 AND device_id = 7 AND state = 'waiting' ORDER BY id LIMIT 50",
    )
    assert "ix_delivery_lane" in rows
    assert "TEMP B-TREE" not in rows


def test_an_unused_lane_is_let_go(store: Store) -> None:
    filled(store, [7])
    turn = claim(store)
    assert turn is not None
    with store.write() as tx:
        lanes.settle(tx, turn.parts[0].lane, turn.until, Settled(), {"due_at": NOW, "attempts": 0})
    assert claim(store) is not None
