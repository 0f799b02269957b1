"""Runs a simulated gate: several connections post their share of the plan at the asked rate."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event

from receiver.simulator.balance import Balance, draw_balance
from receiver.simulator.options import SimulationOptions
from receiver.simulator.photographs import read_subjects
from receiver.simulator.planning import Plan, Planned, make_plan
from receiver.simulator.posting import Connection, Outcome


@dataclass(frozen=True)
class Progress:
    """How far a run is: messages finished, of how many, and how many of them without a 200."""

    done: int
    total: int
    failed: int


def run(options: SimulationOptions, out: Callable[[Progress], None]) -> Balance:
    """Posts everything and tells ``out``, in the calling thread, after each message.

    A message that finds no server in all its attempts ends the run; so does Ctrl+C. The balance then says so.
    Raises SetupError if there are no photographs.
    """
    plan = make_plan(options, read_subjects(options.folder))
    total = len(plan.messages)
    started = time.monotonic()
    outcomes = _post_all(plan, lambda done, failed: out(Progress(done, total, failed)))
    return draw_balance(outcomes, total, time.monotonic() - started, plan.seed)


@dataclass(frozen=True)
class _Shared:
    """What the connections have in common."""

    plan: Plan
    due: Callable[[int], float]
    finished: SimpleQueue[Outcome | None]
    stopping: Event


def _post_all(plan: Plan, tell: Callable[[int, int], None]) -> list[Outcome]:
    shared = _Shared(plan, _due_times(plan.options), SimpleQueue(), Event())
    lanes = plan.options.connections
    outcomes: list[Outcome] = []
    with ThreadPoolExecutor(lanes, thread_name_prefix="gate") as pool:
        futures = [pool.submit(_lane, plan.messages[lane::lanes], shared) for lane in range(lanes)]
        try:
            _collect(shared.finished, lanes, outcomes, tell)
        except KeyboardInterrupt:
            pass  # the balance of what was done so far is the answer
        finally:
            shared.stopping.set()
    for future in futures:
        future.result()
    return outcomes + _left_over(shared.finished)


def _collect(
    finished: SimpleQueue[Outcome | None], lanes: int, outcomes: list[Outcome], tell: Callable[[int, int], None]
) -> None:
    """Takes outcomes until every lane has said that it is through."""
    failed = 0
    while lanes:
        outcome = finished.get()
        if outcome is None:
            lanes -= 1
            continue
        outcomes.append(outcome)
        failed += not outcome.is_acknowledged
        tell(len(outcomes), failed)


def _left_over(finished: SimpleQueue[Outcome | None]) -> list[Outcome]:
    """What was under way when the run was interrupted."""
    found = [finished.get() for _ in range(finished.qsize())]
    return [outcome for outcome in found if outcome is not None]


def _lane(messages: Iterable[Planned], shared: _Shared) -> None:
    """One connection's share, in order."""
    connection = Connection(shared.plan, shared.stopping)
    try:
        for planned in messages:
            if shared.stopping.wait(max(0.0, shared.due(planned.turn) - time.monotonic())):
                return
            outcome = connection.post(planned)
            shared.finished.put(outcome)
            if not outcome.is_acknowledged and outcome.interrupted == outcome.attempts:
                shared.stopping.set()  # nobody there: the others need not find out one by one
    finally:
        connection.close()
        shared.finished.put(None)


def _due_times(options: SimulationOptions) -> Callable[[int], float]:
    """When each turn may go, on the monotonic clock."""
    started = time.monotonic()
    if not options.rate:
        return lambda _: started
    return lambda turn: started + turn / options.rate
