"""Puts the server together: the only file that knows every part."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from receiver import metrics
from receiver.domain.errors import SetupError
from receiver.services.intake import Intake, IntakeParts
from receiver.services.recording import DUPLICATE, NEW, QUARANTINED, Entry, ReadEntry, Recorded, Recorder
from receiver.settings import Settings
from receiver.store import deliveries
from receiver.store.doorbell import Doorbell
from receiver.store.pictures import Pictures
from receiver.store.store import Store, open_store

if TYPE_CHECKING:
    from flask import Flask

    from receiver.services.people import People
    from receiver.services.recognising import Recogniser
    from receiver.web.front import Front
    from receiver.worker import Worker


@dataclass(frozen=True, slots=True)
class House:
    """The parts that every process has."""

    settings: Settings
    store: Store
    pictures: Pictures
    doorbell: Doorbell

    closers: list[Callable[[], None]] = field(default_factory=list)

    def close(self) -> None:
        """Ends what was started over this house, newest first, then closes the store and the doorbell."""
        for close in reversed(self.closers):
            close()
        self.doorbell.close()
        self.store.close()


def open_house(settings: Settings, *, is_upgrading: bool = True) -> House:
    """Opens the data folder and the database.

    Args:
        settings: as loaded.
        is_upgrading: bring the tables to this version; otherwise they must be at it already.

    Raises:
        SetupError: the data folder cannot be written, or the tables are of another version.
    """
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            "bad_data_dir", f"the data folder {settings.data_dir} cannot be made: {error.strerror}"
        ) from error
    store = open_store(settings.database_url, settings.data_dir)
    if is_upgrading:
        store.upgrade()
    elif not store.is_current():
        raise SetupError("old_tables", "the tables are of another version of this program; run `db upgrade` first")
    return House(settings, store, Pictures(store.pictures), Doorbell(settings.data_dir))


def make_intake(house: House) -> Intake:
    """The way in."""
    with house.store.write() as tx:
        subscriptions = list(deliveries.settle_subscriptions(tx, house.settings.upstream_url, datetime.now(UTC)))
    recorder = Recorder(
        house.store, is_recognising=house.settings.engine_name != "off", subscriptions=lambda: subscriptions
    )
    return Intake(
        IntakeParts(
            store=house.store,
            pictures=house.pictures,
            recorder=recorder,
            doorbell=house.doorbell,
            data_dir=house.settings.data_dir,
            pixel_limit=house.settings.pixel_limit,
            on_recorded=_listener(is_echoing=house.settings.echo),
        )
    )


def make_app(house: House, intake: Intake | None = None) -> "Flask":
    """The Flask application, for whichever server runs it."""
    from receiver.services.asking import Asking
    from receiver.services.health import Health
    from receiver.services.originals import Originals
    from receiver.services.replaying import Replaying
    from receiver.services.statuses import Statuses
    from receiver.web.app import Services, create_app

    intake = intake or make_intake(house)
    return create_app(
        Services(
            settings=house.settings,
            intake=intake,
            statuses=Statuses(house.store),
            asking=Asking(house.store),
            people=make_people(house),
            pictures=house.pictures,
            originals=Originals(house.store, house.pictures),
            replaying=Replaying(house.store, intake, house.settings.body_limit),
            health=Health(house.store, house.settings),
        )
    )


def make_people(house: House) -> "People":
    """The library's use cases; faces are looked at in a process of their own, started when it is needed."""
    from receiver.services.people import People
    from recognition.pool import EnginePool

    pool = EnginePool(house.settings.engine_name, house.settings.data_dir / "models", house.settings.pixel_limit)
    house.closers.append(pool.close)
    return People(house.store, house.pictures, pool.sightings, house.settings.pixel_limit)


def make_local_people(house: House) -> "People":
    """The library's use cases with the engine in this process: for the command line."""
    from receiver.services.people import People
    from recognition import load_engine, read_image

    engine = load_engine(house.settings.engine_name, house.settings.data_dir / "models")
    limit = house.settings.pixel_limit
    return People(house.store, house.pictures, lambda data: engine.sightings(read_image(data, limit)), limit)


def make_front(house: House) -> "Front":
    """The ASGI front with the application behind it."""
    from receiver.services.statuses import Statuses
    from receiver.web.front import Front, FrontHooks, FrontLimits
    from receiver.web.sophon import HISTORY_PATHS, REAL_TIME_PATHS

    settings = house.settings
    spool_dir = settings.data_dir / "spool"
    spool_dir.mkdir(exist_ok=True)
    intake_paths = frozenset(HISTORY_PATHS + REAL_TIME_PATHS)
    limits = FrontLimits(settings.body_limit, settings.body_seconds, settings.web_threads, spool_dir, intake_paths)
    statuses = Statuses(house.store)
    intake = make_intake(house)
    hooks = FrontHooks(intake.flush, lambda peer: statuses.note_problem(peer, "body_too_large"))
    return Front(make_app(house, intake).wsgi_app, limits, hooks)


def make_worker(house: House) -> "Worker":
    """The worker with the engine that the settings name."""
    from receiver.forwarder.http import HttpChannel
    from receiver.services.forwarding import Forwarding
    from receiver.services.housekeeping import Housekeeping
    from receiver.services.originals import Originals
    from receiver.worker import Worker, WorkerParts

    with house.store.write() as tx:
        deliveries.settle_subscriptions(tx, house.settings.upstream_url, datetime.now(UTC))
    return Worker(
        WorkerParts(
            settings=house.settings,
            store=house.store,
            doorbell=house.doorbell,
            recogniser=_make_recogniser(house),
            forwarding=Forwarding(house.store, Originals(house.store, house.pictures), HttpChannel()),
            housekeeping=Housekeeping(house.store, house.pictures),
        )
    )


def _make_recogniser(house: House) -> "Recogniser | None":
    from receiver.services.library import Library
    from receiver.services.recognising import Recogniser, RecogniserParts
    from recognition import load_engine, read_image

    if house.settings.engine_name == "off":
        return None
    engine = load_engine(house.settings.engine_name, house.settings.data_dir / "models")
    limit = house.settings.pixel_limit
    return Recogniser(
        RecogniserParts(
            store=house.store,
            pictures=house.pictures,
            engine=engine,
            library=Library(engine.model, house.settings.fpir),
            read_image=lambda data: read_image(data, limit),
        )
    )


def _listener(*, is_echoing: bool) -> Callable[[Entry, Recorded], None]:
    counters = {result: metrics.EVENTS.labels(result) for result in (NEW, DUPLICATE, QUARANTINED)}

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
