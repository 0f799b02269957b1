"""The worker process: claims tasks with a lease, hands them to their handler, and lets the clock tick for the rest."""

import logging
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from receiver.domain.errors import Unavailable
from receiver.services.adopting.adopting import LEASE as ADOPT_LEASE
from receiver.services.adopting.adopting import Adopting
from receiver.services.alerting.judging import AT_ONCE as JUDGED_AT_ONCE
from receiver.services.alerting.judging import TOPIC as JUDGE
from receiver.services.alerting.judging import Judging
from receiver.services.alerting.watching import Watching
from receiver.services.audit.sealing import Sealing
from receiver.services.checking.library_checks import LibraryChecks
from receiver.services.checking.run import CheckingLibrary
from receiver.services.checking.steps import LEASE as CHECK_LEASE
from receiver.services.correcting.event_moves import LEASE as MOVE_LEASE
from receiver.services.correcting.event_moves import EventMoves
from receiver.services.erasing.erasing import LEASE as ERASE_LEASE
from receiver.services.erasing.erasing import Erasing
from receiver.services.erasing.retaining import Retaining
from receiver.services.forwarding.clearing import Clearing
from receiver.services.forwarding.forwarding import Forwarding
from receiver.services.forwarding.repeating import Repeating
from receiver.services.importing.import_jobs import ImportJobs
from receiver.services.importing.importing import LEASE as IMPORT_LEASE
from receiver.services.importing.importing import Importing, Watch
from receiver.services.intake.catching_up import LEASE as CATCH_UP_LEASE
from receiver.services.intake.catching_up import CatchingUp
from receiver.services.intake.recording import RECOGNISE
from receiver.services.pacing import Pace
from receiver.services.publishing.telling import Telling
from receiver.services.recognising.recognising import Recogniser
from receiver.services.upkeep.clock_steps import ClockSteps
from receiver.services.upkeep.housekeeping import Housekeeping
from receiver.settings import Settings
from receiver.store import adoptions, corrections, erasures, imports, library_checks, outbox, trust
from receiver.store.doorbell import Doorbell
from receiver.store.outbox import Task
from receiver.store.store import Store

# Tasks taken at once: one, so that the other tasks of a killed worker are not counted as tried.
CLAIM = 1
LEASE = timedelta(seconds=30)
# Tries before a task is buried; a claim counts as a try, so that a task that kills its worker ends too.
ATTEMPTS = 5
POLL_SECONDS = 1.0
FORWARD_TICK_SECONDS, IMPORT_TICK_SECONDS, CATCH_UP_TICK_SECONDS = 1, 1, 1
SEAL_TICK_SECONDS, WATCH_TICK_SECONDS, CLEAR_TICK_SECONDS = 5, 5, 10
# A large SQLite file is written anew when the fewest people pass.
COMPACT_HOUR = 3

log = structlog.get_logger("worker")


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the worker works with.

    Attributes:
        recogniser: makes the recogniser when the first event waits for it, for its models take most of the memory that a
            server needs; None where recognition is off. What it raises ends the worker.
    """

    settings: Settings
    store: Store
    doorbell: Doorbell
    recogniser: Callable[[], Recogniser] | None
    forwarding: Forwarding
    housekeeping: Housekeeping
    repeating: Repeating | None = None
    telling: Telling | None = None
    clearing: Clearing | None = None
    importing: Importing | None = None
    adopting: Adopting | None = None
    import_jobs: ImportJobs | None = None
    event_moves: EventMoves | None = None
    erasing: Erasing | None = None
    retaining: Retaining | None = None
    sealing: Sealing | None = None
    catching_up: CatchingUp | None = None
    library_checks: LibraryChecks | None = None
    checking: CheckingLibrary | None = None
    judging: Judging | None = None
    watching: Watching | None = None


class Worker:
    """Runs until it is told to stop."""

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = parts
        self._recogniser: Recogniser | None = None
        self._stopping = threading.Event()
        self._clock_steps = ClockSteps(parts.store)
        self._scheduler = BackgroundScheduler(timezone=parts.settings.timezone)
        # Erasing, retention and compaction one after another; whoever closes the store waits for the step under way.
        self._clearing = threading.Lock()
        # A check of the library takes minutes, for which nobody who is to be erased shall wait.
        self._checking = threading.Lock()

    def run(self) -> None:
        """Works until SIGTERM or SIGINT; the task under way is ended first."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._on_signal)
        self._parts.doorbell.listen()
        self._schedule()
        # It would tell every second that an erasure or an import takes longer than a second.
        logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
        self._scheduler.start()
        log.info("worker_ready", recognition=self._parts.settings.engine_name)
        try:
            while not self._stopping.is_set():
                self._look_at_clock()
                if self._recognise_some() + self._judge_some() == 0:
                    self._parts.doorbell.wait(POLL_SECONDS)
        finally:
            self._scheduler.shutdown(wait=False)
            # Given back afterwards: a job that comes for one of them only now finds that we stop, and would else wait for ever.
            with self._clearing, self._checking:
                self._parts.forwarding.close()
                self._parts.doorbell.close()

    def stop(self) -> None:
        """Asks the worker to end after the task under way."""
        self._stopping.set()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.stop()

    def _schedule(self) -> None:
        # Two clocks do no harm: what they start is claimed. A tick that is late, or still running, is not made up for.
        add = self._scheduler.add_job
        options = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        add(self._forward, IntervalTrigger(seconds=FORWARD_TICK_SECONDS), id="forward", **options)
        add(self._repeat, IntervalTrigger(seconds=FORWARD_TICK_SECONDS), id="repeat", **options)
        add(self._clear_deliveries, IntervalTrigger(seconds=CLEAR_TICK_SECONDS), id="clear-deliveries", **options)
        add(self._sweep, IntervalTrigger(hours=1, jitter=300), id="sweep", **options)
        # An import takes minutes: in a thread of its own, so that events do not wait for it.
        add(self._import, IntervalTrigger(seconds=IMPORT_TICK_SECONDS), id="import", **options)
        add(self._adopt, IntervalTrigger(seconds=IMPORT_TICK_SECONDS), id="adopt", **options)
        if self._parts.event_moves is not None:
            add(self._move_events, IntervalTrigger(seconds=IMPORT_TICK_SECONDS), id="correct", **options)
        if self._parts.erasing is not None:
            add(self._erase, IntervalTrigger(seconds=IMPORT_TICK_SECONDS), id="erase", **options)
            add(self._compact, CronTrigger(hour=COMPACT_HOUR, jitter=600), id="compact", **options)
        add(self._catch_up, IntervalTrigger(seconds=CATCH_UP_TICK_SECONDS), id="catch-up", **options)
        add(self._retain, IntervalTrigger(hours=1, jitter=300), id="retain", **options)
        # At once: what was noted before a power cut waits longest.
        now = datetime.now(UTC)
        add(self._seal, IntervalTrigger(seconds=SEAL_TICK_SECONDS), id="seal", next_run_time=now, **options)
        add(self._watch, IntervalTrigger(seconds=WATCH_TICK_SECONDS), id="watch", **options)
        add(self._check, IntervalTrigger(seconds=IMPORT_TICK_SECONDS), id="check", **options)
        night = night_of(self._parts.settings)
        if night is not None:
            add(self._begin_check, night, id="begin-check", **options)

    def _look_at_clock(self) -> None:
        if self._clock_steps.look():
            # The scheduler, too, would wait until the clock is where it was.
            now = datetime.now(UTC)
            for job in self._scheduler.get_jobs():
                job.modify(next_run_time=job.trigger.get_next_fire_time(now, now))

    def _forward(self) -> None:
        self._parts.forwarding.tick()

    def _repeat(self) -> None:
        if self._parts.repeating is not None and not self._stopping.is_set():
            self._guarded("replay", self._parts.repeating.work, is_told=False)
        if self._parts.telling is not None and not self._stopping.is_set():
            self._guarded("tell", self._parts.telling.work, is_told=False)

    def _clear_deliveries(self) -> None:
        clearing = self._parts.clearing
        if clearing is not None and not self._stopping.is_set():
            self._guarded("clear-deliveries", lambda: clearing.run(self._pace()), is_told=False)

    def _sweep(self) -> None:
        self._guarded("sweep", self._parts.housekeeping.sweep_orphans)
        self._guarded("sweep-erased", self._parts.housekeeping.sweep_erased)
        self._guarded("sweep-logins", self._parts.housekeeping.sweep_logins)
        self._guarded("sweep-candidates", self._parts.housekeeping.sweep_candidates)
        self._guarded("sweep-reviews", self._parts.housekeeping.settle_reviews)
        if self._parts.import_jobs is not None:
            self._guarded("sweep-imports", self._parts.import_jobs.sweep)
        if self._parts.catching_up is not None:
            self._guarded("make-room", self._parts.catching_up.make_room)
        if self._parts.watching is not None:
            self._guarded("sweep-announcements", self._parts.watching.sweep)

    def _import(self) -> None:
        importing = self._parts.importing
        if importing is None or self._stopping.is_set():
            return
        for task in self._claim(imports.TOPIC, IMPORT_LEASE):
            try:
                if task.attempts > ATTEMPTS:
                    importing.give_up(task.subject)
                else:
                    importing.run(task.subject, Watch(is_stopping=self._stopping.is_set))
            except Exception as error:  # the worker must outlive any task
                log.exception("task_failed", task=task.id, topic=task.topic, subject=task.subject)
                self._later(task, error)

    def _adopt(self) -> None:
        adopting = self._parts.adopting
        if adopting is None or self._stopping.is_set():
            return
        for task in self._claim(adoptions.TOPIC, ADOPT_LEASE):
            try:
                if task.attempts > ATTEMPTS:
                    adopting.give_up(task.subject)
                adopting.run(task.subject, self._stopping.is_set, is_careful=task.attempts > 1)
            except Exception as error:  # the worker must outlive any task
                log.exception("task_failed", task=task.id, topic=task.topic, subject=task.subject)
                self._later(task, error)

    def _move_events(self) -> None:
        moves = self._parts.event_moves
        with self._clearing:
            if moves is None or self._stopping.is_set():
                return
            # What fails comes again for ever: half of a correction is none.
            for task in self._claim(corrections.TOPIC, MOVE_LEASE):
                try:
                    moves.run(task.subject, self._pace())
                except Exception as error:  # the worker must outlive any task
                    log.exception("task_failed", task=task.id, topic=task.topic, subject=task.subject)
                    self._later(task, error)

    def _erase(self) -> None:
        erasing = self._parts.erasing
        with self._clearing:
            if erasing is None or self._stopping.is_set():
                return
            # What fails comes again for ever: somebody has a right to it.
            for task in self._claim(erasures.TOPIC, ERASE_LEASE):
                try:
                    erasing.run(task.subject, self._pace())
                except Exception as error:  # the worker must outlive any task
                    log.exception("task_failed", task=task.id, topic=task.topic, subject=task.subject)
                    self._later(task, error)

    def _catch_up(self) -> None:
        catching_up = self._parts.catching_up
        if catching_up is None or self._stopping.is_set():
            return
        # What fails comes again for ever: somebody trusts the device.
        for task in self._claim(trust.TOPIC, CATCH_UP_LEASE):
            try:
                catching_up.run(task, self._pace())
            except Exception as error:  # the worker must outlive any task
                log.exception("task_failed", task=task.id, topic=task.topic, subject=task.subject)
                self._later(task, error)

    def _compact(self) -> None:
        with self._clearing:
            if self._parts.erasing is not None and not self._stopping.is_set():
                self._guarded("compact", self._parts.erasing.compact)

    def _retain(self) -> None:
        retaining = self._parts.retaining
        with self._clearing:
            if retaining is not None and not self._stopping.is_set():
                self._guarded("retention", lambda: retaining.run_scheduled(self._pace()))

    def _seal(self) -> None:
        sealing = self._parts.sealing
        if sealing is not None and not self._stopping.is_set():
            self._guarded("seal", sealing.run, is_told=False)

    def _watch(self) -> None:
        watching = self._parts.watching
        if watching is not None and not self._stopping.is_set():
            self._guarded("watch", watching.run)

    def _begin_check(self) -> None:
        checks = self._parts.library_checks
        if checks is not None:
            self._guarded("begin-check", checks.begin_scheduled)

    def _check(self) -> None:
        checking = self._parts.checking
        with self._checking:
            if checking is None or self._stopping.is_set():
                return
            for task in self._claim(library_checks.TOPIC, CHECK_LEASE):
                try:
                    if task.attempts > ATTEMPTS:
                        checking.give_up(task.subject, "gave_up")
                    else:
                        checking.run(task.subject, self._pace())
                except Exception as error:  # the worker must outlive any task
                    log.exception("task_failed", task=task.id, topic=task.topic, subject=task.subject)
                    self._later(task, error)

    def _pace(self) -> Pace:
        return Pace(self._stopping.is_set, self._stopping.wait)

    def _guarded(self, name: str, job: Callable[[], int], *, is_told: bool = True) -> None:
        try:
            done = job()
        except Unavailable as error:
            log.warning("job_failed", job=name, reason=error.reason, detail=error.detail)
        else:
            if done and is_told:
                log.info("job_done", job=name, count=done)

    def _recognise_some(self) -> int:
        make = self._parts.recogniser
        if make is None:
            return 0
        try:
            # Before the claim: a model that cannot be loaded must not count as a try of the task.
            if self._recogniser is None and self._is_nothing_due():
                return 0
            recogniser = self._recogniser = self._recogniser or make()
        except Unavailable as error:
            log.warning("claim_failed", reason=error.reason, detail=error.detail)
            return 0
        tasks = self._claim(RECOGNISE, LEASE)
        for task in tasks:
            if self._stopping.is_set():
                break
            self._work(recogniser, task)
        return len(tasks)

    def _is_nothing_due(self) -> bool:
        with self._parts.store.read() as tx:
            due_at = outbox.next_due(tx, RECOGNISE)
        return due_at is None or due_at > datetime.now(UTC)

    def _judge_some(self) -> int:
        judging = self._parts.judging
        tasks = [] if judging is None else self._claim(JUDGE, LEASE, JUDGED_AT_ONCE)
        is_first = all(task.attempts == 1 for task in tasks)
        # What has failed together is tried alone.
        for group in [tasks] if is_first and tasks else [[task] for task in tasks]:
            try:
                if judging is not None and group[0].attempts > ATTEMPTS:
                    judging.give_up(group[0])
                elif judging is not None:
                    judging.handle(group)
            except Exception as error:  # the worker must outlive any task
                log.exception("task_failed", topic=JUDGE, subjects=[task.subject for task in group])
                for task in group:
                    self._later(task, error)
        return len(tasks)

    def _claim(self, topic: str, lease: timedelta, count: int = CLAIM) -> list[Task]:
        try:
            with self._parts.store.write() as tx:
                return outbox.claim(tx, topic, count, datetime.now(UTC), lease)
        except Unavailable as error:
            log.warning("claim_failed", reason=error.reason, detail=error.detail)
            return []

    def _work(self, recogniser: Recogniser, task: Task) -> None:
        try:
            if task.attempts > ATTEMPTS:
                recogniser.give_up(task, "gave_up")
                log.error("task_buried", task=task.id, topic=task.topic, subject=task.subject, reason="gave_up")
            else:
                recogniser.handle(task)
        except Exception as error:  # the worker must outlive any task
            log.exception("task_failed", task=task.id, topic=task.topic, subject=task.subject, attempt=task.attempts)
            self._later(task, error)

    def _later(self, task: Task, error: Exception) -> None:
        due_at = datetime.now(UTC) + timedelta(seconds=min(60.0, 2.0**task.attempts) * (0.5 + random.random() / 2))  # noqa: S311 - jitter
        try:
            with self._parts.store.write() as tx:
                outbox.later(tx, task.id, due_at, repr(error)[:1000])
        except Unavailable:
            # The lease brings it back.
            time.sleep(POLL_SECONDS)


def night_of(settings: Settings) -> BaseTrigger | None:
    """When the library is checked, in the site's time zone; None: only by hand."""
    if settings.library_check == "off":
        return None
    return CronTrigger.from_crontab(settings.library_check, timezone=settings.timezone)
