"""Group commit: what waits together is written together, and one bad entry fails alone."""

import threading
from collections.abc import Sequence

import pytest

from receiver.domain.errors import Invalid, Unavailable
from receiver.services.intake import group_commit
from receiver.services.intake.group_commit import GroupCommit
from receiver.store.database import CONFLICT


class Writing:
    """A database of this test: refuses what is negative, is away while told so, and holds the first batch back."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.away: list[str] = []
        self.is_away_later = False
        self.reached = threading.Event()
        self.may_go = threading.Event()

    def write(self, numbers: Sequence[int]) -> list[int]:
        self.reached.set()
        self.may_go.wait(30)
        self.batches.append(list(numbers))
        if self.is_away_later and len(self.batches) > 1:
            raise Unavailable("storage_unavailable")
        if self.away:
            raise Unavailable(self.away.pop())
        if any(number < 0 for number in numbers):
            raise Invalid("negative")
        return [number * 10 for number in numbers]


def together(commit: GroupCommit[int, int], writing: Writing, requests: Sequence[Sequence[int]]) -> list[object]:
    """Sends requests from a thread each while the first of all is being written; their outcomes in order."""
    outcomes: list[object] = [None] * len(requests)

    def send(place: int) -> None:
        try:
            outcomes[place] = commit.submit(requests[place])
        except (Unavailable, ZeroDivisionError) as error:
            outcomes[place] = error

    first = threading.Thread(target=commit.submit, args=([0],))
    first.start()
    assert writing.reached.wait(30)
    threads = [threading.Thread(target=send, args=(place,)) for place in range(len(requests))]
    for each in threads:
        each.start()
    while len(commit._waiting) < sum(len(request) for request in requests):
        threading.Event().wait(0.001)
    writing.may_go.set()
    for each in [first, *threads]:
        each.join()
    return outcomes


def test_requests_that_wait_share_one_batch() -> None:
    writing = Writing()
    commit: GroupCommit[int, int] = GroupCommit(writing.write)
    assert together(commit, writing, [[1, 2], [3], [4]]) == [[10, 20], [30], [40]]
    assert [sorted(batch) for batch in writing.batches] == [[0], [1, 2, 3, 4]]


def test_one_bad_entry_fails_alone() -> None:
    writing = Writing()
    commit: GroupCommit[int, int] = GroupCommit(writing.write)
    one, both, three = together(commit, writing, [[1], [2, -1], [3]])
    assert (one, three) == ([10], [30])
    assert isinstance(both, list)
    assert both[0] == 20
    assert isinstance(both[1], Invalid)


def test_a_store_that_is_away_is_unavailable_for_all_and_works_again_later() -> None:
    writing = Writing()
    writing.away = ["storage_unavailable"]
    commit: GroupCommit[int, int] = GroupCommit(writing.write)
    writing.may_go.set()
    with pytest.raises(Unavailable):
        commit.submit([1, 2])
    assert commit.submit([1, 2]) == [10, 20]


def test_every_request_of_a_batch_hears_that_the_store_is_away() -> None:
    writing = Writing()
    commit: GroupCommit[int, int] = GroupCommit(writing.write)

    def away_from_the_second_batch_on() -> list[object]:
        writing.is_away_later = True
        return together(commit, writing, [[1], [2]])

    assert all(isinstance(each, Unavailable) for each in away_from_the_second_batch_on())
    writing.is_away_later = False
    assert commit.submit([3]) == [30]


def test_a_conflict_is_tried_once_more() -> None:
    writing = Writing()
    writing.may_go.set()
    commit: GroupCommit[int, int] = GroupCommit(writing.write)
    writing.away = [CONFLICT]
    assert commit.submit([1]) == [10]
    writing.away = [CONFLICT, CONFLICT]
    with pytest.raises(Unavailable):
        commit.submit([1])


def test_an_unforeseen_error_reaches_its_request_only() -> None:
    def write(numbers: Sequence[int]) -> list[int]:
        return [1 // number for number in numbers]

    commit: GroupCommit[int, int] = GroupCommit(write)
    with pytest.raises(ZeroDivisionError):
        commit.submit([1, 0])
    assert commit.submit([1]) == [1]


def test_a_batch_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "GROUP_SIZE", 3)
    writing = Writing()
    commit: GroupCommit[int, int] = GroupCommit(writing.write)
    together(commit, writing, [[1, 2, 3, 4]])
    assert [len(batch) for batch in writing.batches] == [1, 3, 1]


def test_what_is_lined_up_is_written_at_the_next_flush_by_whoever_flushes() -> None:
    writing = Writing()
    writing.may_go.set()
    commit: GroupCommit[int, int] = GroupCommit(writing.write)
    first, second = commit.begin([1], list), commit.begin([2, 3], list)
    assert [first.done(), second.done()] == [False, False]
    assert writing.batches == []
    commit.flush()
    assert (first.result(0), second.result(0)) == ([10], [20, 30])
    assert writing.batches == [[1, 2, 3]]
    commit.flush()
    assert len(writing.batches) == 1


def test_a_flush_waits_for_what_another_thread_is_writing() -> None:
    writing = Writing()
    commit: GroupCommit[int, int] = GroupCommit(writing.write)
    future = commit.begin([1], list)
    leader = threading.Thread(target=commit.flush)
    leader.start()
    assert writing.reached.wait(30)
    seen: list[bool] = []

    def follow() -> None:
        commit.flush()
        seen.append(future.done())

    follower = threading.Thread(target=follow)
    follower.start()
    assert seen == []
    writing.may_go.set()
    for each in (leader, follower):
        each.join()
    assert seen == [True]


def test_no_entries_are_settled_at_once() -> None:
    commit: GroupCommit[int, int] = GroupCommit(Writing().write)
    assert commit.begin([], len).result(0) == 0
    assert commit.submit([]) == []


def test_what_is_made_of_the_outcomes_may_be_an_error_of_the_house() -> None:
    writing = Writing()
    writing.may_go.set()
    commit: GroupCommit[int, int] = GroupCommit(writing.write)

    def refuse(_outcomes: Sequence[object]) -> None:
        raise Invalid("not_so")

    refused, other = commit.begin([1], refuse), commit.begin([2], list)
    commit.flush()
    assert isinstance(refused.exception(0), Invalid)
    assert other.result(0) == [20]


def test_a_refused_entry_is_replaced_by_what_is_made_of_it() -> None:
    writing = Writing()
    writing.may_go.set()
    commit: GroupCommit[int, int] = GroupCommit(writing.write, lambda entry, _error: -entry if entry > -5 else None)
    assert commit.submit([1, -2, 3]) == [10, 20, 30]
    *good, bad = commit.submit([1, -7])
    assert good == [10]
    assert isinstance(bad, Invalid)


def test_a_replacement_is_not_made_for_a_store_that_is_away() -> None:
    writing = Writing()
    writing.may_go.set()
    made: list[int] = []
    commit: GroupCommit[int, int] = GroupCommit(writing.write, lambda entry, _error: made.append(entry))
    writing.away = ["storage_unavailable"]
    with pytest.raises(Unavailable):
        commit.submit([1])
    assert made == []
