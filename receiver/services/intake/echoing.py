"""Tells of every event that was recorded: in the metrics, and on the terminal of whoever integrates a box."""

import contextlib
from collections.abc import Callable

from receiver import metrics
from receiver.services.intake.recording import DROPPED, DUPLICATE, NEW, QUARANTINED, Entry, ReadEntry, Recorded


def listener(*, is_echoing: bool) -> Callable[[Entry, Recorded], None]:
    """Counts what was recorded and, where wanted, prints a line of it."""
    counters = {result: metrics.EVENTS.labels(result) for result in (NEW, DUPLICATE, QUARANTINED, DROPPED)}

    def listen(entry: Entry, recorded: Recorded) -> None:
        counters[recorded.result].inc()
        if is_echoing:
            # Whoever read the lines may be gone; the event is committed all the same.
            with contextlib.suppress(OSError, ValueError):
                print(echo_line(entry, recorded), flush=True)  # noqa: T201 - this is what --echo is for

    return listen


def echo_line(entry: Entry, recorded: Recorded) -> str:
    """One line per event, for people who integrate a box."""
    if not isinstance(entry, ReadEntry):
        return f"{entry.received_at:%H:%M:%S} {entry.sender.peer} {recorded.result}: {entry.reason}"
    event = entry.event
    score = "" if event.score_raw is None else f" score {event.score_raw:g}"
    kinds = "+".join(picture.kind for picture in event.pictures) or "no pictures"
    line = (
        f"{entry.received_at:%H:%M:%S} {event.channel} {event.identity_id or '-'} {event.identity_name or '-'} {event.list}{score}"
        f" want_action {event.want_action} at {event.gate.ep_id or event.gate.address or entry.sender.peer}"
        f" {kinds}: {recorded.result} {recorded.event_id or ''}".rstrip()
    )
    # Names come from outside: none may look like a line of its own, or colour the terminal.
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in line)
