"""The review list in the database: one item for one thing, pages that lose nothing, and what is settled by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, event

from receiver.domain.reviews import ReviewKind, ReviewState, pair_key
from receiver.store import outbox, quarantine, review_lists, review_upkeep, reviews
from receiver.store.database import Row
from receiver.store.review_lists import ReviewFilter
from receiver.store.reviews import NewReview, ReviewPicture
from receiver.store.store import Store

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def merge_of(one: int, other: int, **more: object) -> NewReview:
    key = pair_key(ReviewKind.PROPOSED_MERGE, one, other)
    return NewReview(ReviewKind.PROPOSED_MERGE, key, "near", one, other, **more)  # type: ignore[arg-type]


def noted(store: Store, new: NewReview, now: datetime = NOW) -> int:
    with store.write() as tx:
        return reviews.note(tx, new, now)


def item(store: Store, review_id: int) -> Row:
    with store.read() as tx:
        found = reviews.find(tx, review_id)
    assert found is not None
    return found


def decide(store: Store, review_id: int, state: ReviewState) -> None:
    with store.write() as tx:
        present = reviews.held(tx, review_id)
        assert present is not None
        reviews.decide(tx, present, state, ("somebody", NOW), {"person": 5})


def counted(store: Store, now: datetime = NOW) -> dict[str, dict[str, int]]:
    with store.read() as tx:
        return review_lists.counts(tx, now)


def test_the_same_thing_found_again_is_the_same_item_brought_up_to_date(store: Store) -> None:
    first = noted(store, merge_of(1, 2, detail={"distance": 0.4}, pictures=[ReviewPicture(b"a" * 32, "new")]))
    newer = merge_of(2, 1, detail={"distance": 0.3}, pictures=[ReviewPicture(b"b" * 32, "new", 2, (1, 2, 3, 4))])
    assert noted(store, newer, NOW + HOUR) == first
    row = item(store, first)
    assert (row.state, row.detail, row.created_at, row.updated_at) == ("open", {"distance": 0.3}, NOW, NOW + HOUR)
    with store.read() as tx:
        (picture,) = reviews.pictures_of(tx, [first])[first]
    assert (picture.digest, picture.role, picture.person_id, picture.box) == (b"b" * 32, "new", 2, [1, 2, 3, 4])


def test_one_that_was_put_off_stays_put_off_when_it_is_found_again(store: Store) -> None:
    first = noted(store, merge_of(1, 2))
    with store.write() as tx:
        reviews.postpone(tx, first, NOW + HOUR, NOW)
    noted(store, merge_of(1, 2, detail={"distance": 0.2}), NOW + HOUR / 2)
    row = item(store, first)
    assert (row.state, row.due_at, row.detail) == ("later", NOW + HOUR, {"distance": 0.2})


@pytest.mark.parametrize("state", [ReviewState.ACCEPTED, ReviewState.REJECTED])
def test_what_was_decided_is_never_asked_again(store: Store, state: ReviewState) -> None:
    first = noted(store, merge_of(1, 2, pictures=[ReviewPicture(b"a" * 32, "new")]))
    decide(store, first, state)
    assert noted(store, merge_of(1, 2, pictures=[ReviewPicture(b"b" * 32, "new")]), NOW + HOUR) == first
    row = item(store, first)
    assert (row.state, row.settled_by, row.updated_at) == (state, "somebody", NOW)
    assert row.detail == {"outcome": {"person": 5}}
    with store.read() as tx:
        assert [each.digest for each in reviews.pictures_of(tx, [first])[first]] == [b"a" * 32]
    with store.write() as tx:
        assert not reviews.settle(tx, first, NOW)


def test_what_went_away_is_asked_again_when_it_is_back(store: Store) -> None:
    first = noted(store, merge_of(1, 2))
    with store.write() as tx:
        assert reviews.settle(tx, pair_key(ReviewKind.PROPOSED_MERGE, 1, 2), NOW)
    assert (item(store, first).state, item(store, first).settled_at) == ("settled", NOW)
    assert noted(store, merge_of(1, 2), NOW + HOUR) == first
    assert (item(store, first).state, item(store, first).settled_at) == ("open", None)


def pages(store: Store, now: datetime = NOW, **wanted: object) -> Iterator[list[Row]]:
    """Page after page, as a reader would."""
    places: dict[ReviewKind, int] | None = {}
    while places is not None:
        with store.read() as tx:
            rows, places = review_lists.listed(tx, ReviewFilter(places=places, **wanted), now)  # type: ignore[arg-type]
        yield rows


def kept(store: Store, number: int) -> None:
    """As many messages that cannot be read."""
    with store.write() as tx:
        for each in range(number):
            row = {
                "received_at": NOW, "channel": "history", "peer": "192.0.2.1", "path": "/", "content_type": "",
                "reason": "bad_json", "detail": "no JSON", "raw": b"{", "form": "body", "digest": each.to_bytes(32),
            }  # fmt: skip
            quarantine.keep(tx, row)


def test_a_flood_of_one_kind_does_not_hide_the_others(store: Store) -> None:
    early = [noted(store, merge_of(1, other)) for other in (2, 3)]
    kept(store, 300)
    first, *rest = pages(store, limit=20)
    assert {row.id for row in first} >= set(early)
    assert [row.id for row in first] == sorted((row.id for row in first), reverse=True)
    assert len(first) == 20
    everything = [row.id for page in [first, *rest] for row in page]
    assert len(everything) == len(set(everything)) == 302
    assert counted(store) == {"proposed_merge": {"open": 2}, "quarantined": {"open": 300}}


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_pages_of_one_kind_are_in_order_and_lose_nothing(store: Store, order: str) -> None:
    is_oldest_first = order == "oldest"
    kept(store, 25)
    found = [
        row.id
        for page in pages(store, kinds=(ReviewKind.QUARANTINED,), limit=10, is_oldest_first=is_oldest_first)
        for row in page
    ]
    assert found == sorted(set(found), reverse=not is_oldest_first)
    assert len(found) == 25


def test_a_page_is_read_from_an_index_in_its_order(store: Store) -> None:
    if not store.is_sqlite:
        kept(store, 1)  # PostgreSQL reads so small a table as a whole
        assert len(next(pages(store, limit=5))) == 1
        return
    statements: list[str] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def remember(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    try:
        list(pages(store, state=ReviewState.OPEN, limit=5))
    finally:
        event.remove(Engine, "before_cursor_execute", remember)
    asked = [each for each in statements if "FROM review" in each]
    assert len(asked) == 2 * len(ReviewKind)
    with store.read() as tx:
        for each in asked:
            given = (0,) * each.count("?")
            plan = " ".join(row.detail for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", given))
            assert "ix_review_kind_state_id (kind=? AND state=?" in plan
            assert "TEMP B-TREE" not in plan


def test_items_that_are_decided_between_two_pages_shift_nothing(store: Store) -> None:
    ids = [noted(store, merge_of(1, other)) for other in range(2, 12)]
    with store.read() as tx:
        first, places = review_lists.listed(tx, ReviewFilter(state=ReviewState.OPEN, limit=4), NOW)
    for row in first:
        decide(store, row.id, ReviewState.REJECTED)
    with store.read() as tx:
        second, _ = review_lists.listed(tx, ReviewFilter(state=ReviewState.OPEN, limit=4, places=places or {}), NOW)
    assert [row.id for row in [*first, *second]] == ids[:1:-1]


def test_what_was_put_off_comes_back_when_it_is_due(store: Store) -> None:
    first = noted(store, merge_of(1, 2))
    with store.write() as tx:
        reviews.postpone(tx, first, NOW + HOUR, NOW)

    def listed(state: ReviewState, now: datetime) -> list[int]:
        return [row.id for page in pages(store, now, state=state) for row in page]

    assert (listed(ReviewState.OPEN, NOW), listed(ReviewState.LATER, NOW)) == ([], [first])
    assert counted(store) == {"proposed_merge": {"later": 1}}
    due = NOW + HOUR
    assert (listed(ReviewState.OPEN, due), listed(ReviewState.LATER, due)) == ([first], [])
    assert counted(store, due) == {"proposed_merge": {"open": 1}}


def test_items_are_found_by_person_on_either_side_and_by_time(store: Store) -> None:
    early = noted(store, merge_of(1, 2))
    late = noted(store, merge_of(2, 3), NOW + HOUR)
    by_person = {
        person: sorted(row.id for page in pages(store, person=person) for row in page) for person in (1, 2, 3, 4)
    }
    assert by_person == {1: [early], 2: [early, late], 3: [late], 4: []}
    assert [row.id for page in pages(store, since=NOW + HOUR / 2) for row in page] == [late]


def test_the_same_unreadable_message_is_one_item_and_a_discarded_one_stays_discarded(store: Store) -> None:
    kept(store, 1)
    with store.read() as tx:
        (held,) = quarantine.listed(tx, None, None, 9)
    with store.write() as tx:
        assert quarantine.discard(tx, held.id)
        assert not quarantine.discard(tx, held.id)
    kept(store, 1)
    with store.read() as tx:
        (again,) = quarantine.listed(tx, None, None, 9)
    assert (again.id, again.state, again.times) == (held.id, "discarded", 2)
    assert counted(store) == {"quarantined": {"open": 1}}


def test_a_message_that_is_read_after_all_needs_nobody(store: Store) -> None:
    kept(store, 1)
    with store.write() as tx:
        (held,) = quarantine.listed(tx, None, None, 9)
        quarantine.settle(tx, held.id, None)
    assert counted(store) == {"quarantined": {"settled": 1}}


def test_a_task_that_is_given_up_twice_is_asked_about_twice(store: Store) -> None:
    for _ in range(2):
        with store.write() as tx:
            if not outbox.listed(tx, None, 9):
                outbox.add(tx, "recognise", [7], NOW)
            (task,) = outbox.listed(tx, None, 9)
            outbox.bury(tx, task.id, "gave_up")
        with store.write() as tx:
            assert outbox.retry(tx, None, NOW) == 1
    assert counted(store) == {"buried_task": {"settled": 2}}


def test_what_lost_its_cause_some_other_way_is_settled_by_the_sweep(store: Store) -> None:
    kept(store, 2)
    with store.write() as tx:
        outbox.add(tx, "recognise", [7], NOW)
        (task,) = outbox.listed(tx, None, 9)
        outbox.bury(tx, task.id, "gave_up")
        outbox.done(tx, task.id)
        first, *_ = quarantine.listed(tx, None, None, 9)
        quarantine.discard(tx, first.id)
    noted(store, merge_of(1, 2))  # neither of whom is there
    with store.write() as tx:
        assert review_upkeep.settle_gone(tx, NOW) == 3
        assert review_upkeep.settle_gone(tx, NOW) == 0
    assert counted(store) == {
        "buried_task": {"settled": 1},
        "proposed_merge": {"settled": 1},
        "quarantined": {"open": 1, "settled": 1},
    }


def test_of_a_rejected_pair_only_the_answer_is_kept(store: Store) -> None:
    picture = [ReviewPicture(b"a" * 32, "new")]
    rejected, accepted = (noted(store, merge_of(1, other, pictures=picture)) for other in (2, 3))
    still_open = noted(store, merge_of(1, 4, pictures=picture))
    decide(store, rejected, ReviewState.REJECTED)
    decide(store, accepted, ReviewState.ACCEPTED)
    with store.write() as tx:
        due = review_upkeep.ended_before(tx, NOW + HOUR, 0, 9)
        assert due == [rejected, accepted]
        assert review_upkeep.forget(tx, due) == 2
        assert review_upkeep.ended_before(tx, NOW + HOUR, 0, 9) == []
        assert (reviews.find(tx, accepted), reviews.pictures_of(tx, [rejected])[rejected]) == (None, [])
        assert reviews.pictures_of(tx, [still_open])[still_open] != []
    assert noted(store, merge_of(1, 2)) == rejected
    assert item(store, rejected).state == "rejected"
