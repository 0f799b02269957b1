"""Tasks are claimed with a lease, by one worker at a time, and end or are buried."""

import threading
from datetime import UTC, datetime, timedelta

from receiver.store import outbox
from receiver.store.outbox import Task
from receiver.store.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=30)


def filled(store: Store, count: int, topic: str = "recognise") -> None:
    with store.write() as tx:
        outbox.add(tx, topic, list(range(count)), NOW)


def claimed(store: Store, count: int, now: datetime = NOW) -> list[Task]:
    with store.write() as tx:
        return outbox.claim(tx, "recognise", count, now, LEASE)


def test_tasks_are_claimed_oldest_first_and_once(store: Store) -> None:
    filled(store, 5)
    assert [task.subject for task in claimed(store, 2)] == [0, 1]
    assert [task.subject for task in claimed(store, 9)] == [2, 3, 4]
    assert claimed(store, 9) == []


def test_a_claim_takes_no_more_than_it_asked_for_of_many(store: Store) -> None:
    filled(store, 2000)
    for _ in range(5):
        assert len(claimed(store, 1)) == 1
    assert len(claimed(store, 10)) == 10


def test_another_topic_is_left_alone(store: Store) -> None:
    filled(store, 3, "announce")
    assert claimed(store, 9) == []


def test_a_dead_workers_task_comes_back_after_its_lease(store: Store) -> None:
    filled(store, 1)
    assert [task.attempts for task in claimed(store, 1)] == [1]
    assert claimed(store, 1, NOW + LEASE - timedelta(microseconds=1)) == []
    assert [task.attempts for task in claimed(store, 1, NOW + LEASE)] == [2]


def test_two_workers_never_claim_one_task(store: Store) -> None:
    filled(store, 60)
    taken: list[int] = []

    def work() -> None:
        while tasks := claimed(store, 3):
            taken.extend(task.id for task in tasks)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert len(taken) == 60
    assert len(set(taken)) == 60


def test_a_task_that_is_under_claim_is_passed_over_not_waited_for(store: Store) -> None:
    filled(store, 2)
    if store.is_sqlite:  # there a write transaction excludes all others
        return
    with store.write() as first, store.write() as second:
        (one,) = outbox.claim(first, "recognise", 1, NOW, LEASE)
        (two,) = outbox.claim(second, "recognise", 1, NOW, LEASE)
        assert {one.subject, two.subject} == {0, 1}


def test_a_task_ends_once(store: Store) -> None:
    filled(store, 1)
    (task,) = claimed(store, 1)
    with store.write() as tx:
        assert outbox.done(tx, task.id)
        assert not outbox.done(tx, task.id)
        assert outbox.counts(tx) == {}


def test_a_failed_task_is_tried_later_with_its_error(store: Store) -> None:
    filled(store, 1)
    (task,) = claimed(store, 1)
    with store.write() as tx:
        outbox.later(tx, task.id, NOW + timedelta(hours=1), "why \\ud800")
    assert claimed(store, 1, NOW + timedelta(minutes=59)) == []
    with store.read() as tx:
        assert outbox.next_due(tx, "recognise") == NOW + timedelta(hours=1)
        assert outbox.listed(tx, outbox.WAITING, 5)[0].last_error == "why \\ud800"
    assert [again.attempts for again in claimed(store, 1, NOW + timedelta(hours=1))] == [2]


def test_a_buried_task_is_kept_listed_and_retried_by_hand(store: Store) -> None:
    filled(store, 3)
    for task in claimed(store, 2):
        with store.write() as tx:
            outbox.bury(tx, task.id, "gave_up")
    with store.write() as tx:
        assert outbox.counts(tx) == {("recognise", "buried"): 2, ("recognise", "waiting"): 1}
        buried = [row.id for row in outbox.listed(tx, outbox.BURIED, 9)]
        assert outbox.claim(tx, "recognise", 9, NOW + timedelta(days=9), LEASE)[0].subject == 2
        assert outbox.retry(tx, buried[:1], NOW) == 1
        assert outbox.retry(tx, None, NOW) == 1
    assert [task.attempts for task in claimed(store, 9)] == [1, 1]
