"""Puts the server together: the only file that knows every part."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

import structlog

from receiver.assembly import (
    adoption,
    alarms,
    checkup,
    entrance,
    import_desk,
    live,
    privacy,
    repair,
    review_desk,
    security,
    subscriptions,
    trust,
    vehicles,
)
from receiver.assembly.engine_pool import make_pool
from receiver.assembly.house import House, open_house
from receiver.domain.errors import SetupError
from receiver.services.intake.echoing import listener
from receiver.services.intake.intake import Intake, IntakeParts
from receiver.services.intake.recording import Recorder
from receiver.store import library

# Whoever puts something together finds the house here too.
__all__ = ["House", "make_pool", "open_house"]

if TYPE_CHECKING:
    from flask import Flask

    from receiver.services.adopting.adopting import Adopting
    from receiver.services.calibration.calibrating import Calibrating
    from receiver.services.deciding.deciding import Decider
    from receiver.services.deciding.scales import SiteScales
    from receiver.services.importing.import_jobs import ImportJobs
    from receiver.services.importing.importing import Importing
    from receiver.services.people.enrolling import EnrolmentGate
    from receiver.services.people.people import People, See
    from receiver.services.people.re_embedding import ReEmbedding
    from receiver.services.recognising.engines import Engines
    from receiver.services.recognising.recognising import Recogniser
    from receiver.web.app import Services
    from receiver.web.calling import Round
    from receiver.web.front import Front
    from receiver.worker import Worker
    from recognition.engine import Sighting


def make_intake(house: House) -> Intake:
    """The way in."""
    subscriptions.settle_upstream(house)
    is_recognising, book = house.settings.engine_name != "off", trust.make_book(house)
    recorder = Recorder(house.store, book, is_recognising=is_recognising)
    return Intake(
        IntakeParts(
            store=house.store,
            pictures=house.pictures,
            recorder=recorder,
            book=book,
            doorbell=house.doorbell,
            data_dir=house.settings.data_dir,
            pixel_limit=house.settings.pixel_limit,
            on_recorded=listener(is_echoing=house.settings.echo),
        )
    )


def make_app(house: House, intake: Intake | None = None) -> "Flask":
    """The Flask application, for whichever server runs it."""
    from receiver.services.asking.asking import Asking
    from receiver.services.asking.visiting import Visiting
    from receiver.services.intake.originals import Originals
    from receiver.services.intake.replaying import Replaying
    from receiver.services.intake.statuses import Statuses
    from receiver.services.looking.looking import Looking
    from receiver.services.looking.searching import Searching
    from receiver.services.looking.seeing import Seeing
    from receiver.services.people.keeping_faces import KeepingFaces
    from receiver.services.upkeep.health import Health
    from receiver.web.app import Services, create_app

    intake = intake or make_intake(house)
    settings, pool = house.settings, make_pool(house)
    seeing = Seeing(pool.sightings, settings.pixel_limit, settings.quality_limits)
    decider, scales = make_decider(house), make_scales(house)
    gate = make_gate(house, decider)
    people = make_people(house, pool.sightings, gate)
    replaying = Replaying(house.store, intake, settings.body_limit)
    desk = review_desk.DeskParts(pool.sightings, people, gate, decider, replaying)

    return create_app(
        Services(
            settings=settings,
            intake=intake,
            statuses=Statuses(house.store, intake.book),
            asking=Asking(house.store, house.visit_pause),
            visiting=Visiting(house.store, house.visit_pause),
            people=people,
            faces=KeepingFaces(house.store, gate),
            looking=Looking(house.store, seeing, decider, scales.pair_threshold),
            searching=Searching(house.store, seeing, decider, scales.pair_threshold),
            pictures=house.pictures,
            originals=Originals(house.store, house.pictures),
            replaying=replaying,
            health=Health(house.store, settings),
            imports=make_import_jobs(house),
            adoptions=adoption.make_adoptions(house),
            **trust.services_of(house, intake.book),
            **alarms.services_of(house),
            **privacy.services_of(house),
            **security.services_of(house),
            **entrance.services_of(house),
            **checkup.services_of(house),
            **repair.services_of(house, gate),
            **review_desk.services_of(house, desk),
            **live.services_of(house),
            **vehicles.services_of(house),
            **subscriptions.services_of(house),
        )
    )


def make_gate(house: House, decider: "Decider") -> "EnrolmentGate":
    """Judging new faces by the library."""
    from receiver.services.people.enrolling import EnrolmentGate

    return EnrolmentGate(decider, house.settings.quality_limits)


def make_people(house: House, see: "See", gate: "EnrolmentGate") -> "People":
    """The library's use cases."""
    from receiver.services.people.people import People

    return People(house.store, house.pictures, see, house.settings.pixel_limit, gate)


def make_local_people(house: House) -> "People":
    """The library's use cases with the engine in this process: for the command line."""
    return make_people(house, local_see(house), make_gate(house, make_decider(house)))


def local_see(house: House) -> "See":
    """Looks at a picture with an engine of this process, for the library's model; says so where recognition is off."""
    from receiver.services.recognising.engines import LibraryEngine

    def see_nothing(_data: bytes) -> list["Sighting"]:
        raise _switched_off()

    if house.settings.engine_name == "off":
        return see_nothing
    return LibraryEngine(house.store, make_engines(house), house.read_image).sightings


def make_engines(house: House) -> "Engines":
    """The engine that the settings name, in this process, with whatever network the library's model needs."""
    from receiver.services.recognising.engines import Engines
    from recognition import load_engine

    settings = house.settings
    return Engines(
        lambda network: load_engine(settings.engine_name, house.models_dir, embedder=network, cnn=settings.cnn_detector)
    )


def make_scales(house: House) -> "SiteScales":
    """What is known of the distances of each model."""
    from receiver.services.deciding.scales import SiteScales

    return SiteScales(house.models_dir)


def make_decider(house: House) -> "Decider":
    """Decisions over the library; each process has its own copy of the faces."""
    from receiver.services.deciding.deciding import Decider
    from receiver.services.deciding.library import Library

    ours = house.settings
    return Decider(Library(ours.model, ours.fpir, ours.blacklist_fpir, make_scales(house)))


def make_re_embedding(house: House, model: str) -> "ReEmbedding":
    """Moving the library to a model, with the engine in this process.

    Raises:
        SetupError: there is no such model here, it cannot be run, or nothing is known of its distances.
    """
    from receiver.services.people.re_embedding import ReEmbedding

    if house.settings.engine_name == "off":
        raise _switched_off()
    with _sentences():
        engine = make_engines(house).engine_for(model)
    if model not in make_scales(house):
        raise SetupError(
            "no_thresholds",
            f"nothing is known of the distances of {model}: its description needs verification_threshold and false_matches",
        )
    return ReEmbedding(house.store, house.pictures, lambda data: engine.sightings(house.read_image(data)), model)


def make_calibrating(house: House) -> "Calibrating":
    """Measuring the library by itself, with the engine in this process if strangers' pictures are to be read."""
    from receiver.services.calibration.calibrating import Calibrating, CalibratingParts

    library, see = make_decider(house).library, local_see(house)
    return Calibrating(CalibratingParts(house.store, house.pictures, see, library, house.settings.fpir))


def make_import_jobs(house: House) -> "ImportJobs":
    """Beginning, showing and ending imports."""
    from receiver.services.importing.import_jobs import ImportJobs
    from receiver.services.upkeep.room import Room

    is_recognising = house.settings.engine_name != "off"
    room = Room(house.settings.data_dir, house.settings.disk_reserve)
    return ImportJobs(house.store, room, house.doorbell.ring, is_recognising=is_recognising)


def make_local_importing(house: House) -> "Importing":
    """The work on imports with an engine of this process's own: for the command line.

    Raises:
        SetupError: recognition is switched off.
    """
    if house.settings.engine_name == "off":
        raise _switched_off()
    return make_importing(house, make_engines(house))


def make_importing(house: House, engines: "Engines") -> "Importing":
    """The work on imports."""
    return import_desk.make_importing(house, engines, make_gate(house, make_decider(house)), make_scales(house))


def make_local_adopting(house: House) -> "Adopting":
    """The work on adoptions with an engine of this process's own: for the command line.

    Raises:
        SetupError: recognition is switched off.
    """
    if house.settings.engine_name == "off":
        raise _switched_off()
    return adoption.make_adopting(house, make_engines(house), make_decider(house))


def _switched_off() -> SetupError:
    """For whoever started a command that needs the engine."""
    return SetupError(
        "recognition_off", "recognition is switched off: --recognition onnx switches it on for this command"
    )


@contextlib.contextmanager
def _sentences() -> Iterator[None]:
    """What keeps an engine from being loaded, for whoever started the program."""
    from recognition.engine import RecognitionError

    try:
        yield
    except RecognitionError as error:
        raise SetupError(error.reason, error.detail) from error


def make_front(house: House) -> "Front":
    """The ASGI front with the application behind it."""
    from receiver.services.intake.statuses import Statuses
    from receiver.store.checkpointing import Checkpointing
    from receiver.web.calling import by_address
    from receiver.web.frame_rounds import FRAME_PATHS
    from receiver.web.front import Front, FrontHooks, FrontLimits

    settings = house.settings
    spool_dir = settings.data_dir / "spool"
    spool_dir.mkdir(exist_ok=True)
    intake = make_intake(house)
    statuses = Statuses(house.store, intake.book)
    checkpointing = Checkpointing({house.store.main, house.store.pictures})
    house.closers.append(checkpointing.close)
    checkpointing.start()
    app = make_app(house, intake)
    rounds = rounds_of(app.extensions["gatehouse"])
    paths = frozenset(rounds), frozenset(FRAME_PATHS)
    limits = FrontLimits(settings.body_limit, settings.body_seconds, settings.web_threads, spool_dir, *paths)
    hooks = FrontHooks(
        by_address(rounds),
        lambda peer: statuses.note_problem(peer, "body_too_large"),
        **live.hooks_of(house, app.extensions["gatehouse"]),
    )
    return Front(app.wsgi_app, limits, hooks)


def rounds_of(services: "Services") -> "Mapping[str, Round]":
    """Who answers what devices post, many requests with one commit, by the address."""
    from receiver.web.device_paths import CHANNELS
    from receiver.web.frame_rounds import FRAME_PATHS, FrameRounds
    from receiver.web.sophon import EventRounds

    settings = services.settings
    events = EventRounds(services.intake, settings.body_limit, services.proofs)
    frames = FrameRounds(services.vehicles, services.vehicle_reporting, settings.timezone)
    return dict.fromkeys(CHANNELS, events.answers) | dict.fromkeys(FRAME_PATHS, frames.answers)


def make_worker(house: House) -> "Worker":
    """The worker; it loads the engine that the settings name when the first event waits for it."""
    from receiver.services.upkeep.housekeeping import Housekeeping
    from receiver.worker import Worker, WorkerParts

    subscriptions.settle_upstream(house)
    engines = None if house.settings.engine_name == "off" else make_engines(house)
    return Worker(
        WorkerParts(
            settings=house.settings,
            store=house.store,
            doorbell=house.doorbell,
            recogniser=None if engines is None else _recogniser_maker(house, engines),
            housekeeping=Housekeeping(house.store, house.pictures, timedelta(days=house.settings.candidate_days)),
            importing=None if engines is None else make_importing(house, engines),
            import_jobs=make_import_jobs(house),
            adopting=None if engines is None else adoption.make_adopting(house, engines, make_decider(house)),
            **privacy.work_of(house, engines),
            **security.work_of(house),
            **trust.work_of(house),
            **alarms.work_of(house),
            **checkup.work_of(house, make_decider(house).library),
            **repair.work_of(house),
            **subscriptions.work_of(house),
        )
    )


def _recogniser_maker(house: House, engines: "Engines") -> "Callable[[], Recogniser]":
    """Says at the start what holds in this library; dlib's models are loaded when the first event waits for them.

    Raises:
        SetupError: the library's model is a network of the site's own that the engine cannot run, or without thresholds.
    """
    from recognition.engine import MIRROR
    from recognition.models import DLIB_RESNET_V1

    with house.store.read() as tx:
        model = library.model_of(tx)
    if model.removesuffix(MIRROR) != DLIB_RESNET_V1:
        # A network that somebody has put into the folder: they are told now what is wrong with it, not by the first event.
        with _sentences():
            engines.engine_for(model)
    decider = make_decider(house)
    with house.store.read() as tx:
        decider.catch_up(tx)
        summary = decider.summary(tx)
    structlog.get_logger("worker").info("library_ready", model=model, summary=summary.sentence)
    return lambda: _make_recogniser(house, engines, decider)


def _make_recogniser(house: House, engines: "Engines", decider: "Decider") -> "Recogniser":
    from receiver.domain.fusion import reach_of
    from receiver.domain.strangers import Rules
    from receiver.services.recognising.event_faces import LookerParts
    from receiver.services.recognising.recognising import Recogniser, RecogniserParts

    scales = make_scales(house)
    with house.store.read() as tx:
        model = library.model_of(tx)
    with _sentences():
        engines.engine_for(model)
    looking = LookerParts(
        store=house.store,
        pictures=house.pictures,
        engines=engines,
        read_image=house.read_image,
        reach=cache(lambda of_model: reach_of(scales[of_model].verification)),
    )
    ours = house.settings
    strangers = Rules(ours.automatic_strangers, timedelta(days=ours.candidate_days), ours.stranger_faces)
    is_adopting = ours.adopt_identities == "trusted"
    parts = RecogniserParts(looking, decider, ours.quality_limits, is_adopting, strangers, alarms.make_judge(house))
    return Recogniser(parts)
