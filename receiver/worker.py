"""The worker process: claims tasks with a lease, hands them to their handler, and lets the clock tick for the rest."""

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
from receiver.services.forwarding import Forwarding
from receiver.services.housekeeping import Housekeeping
from receiver.services.recognising import Recogniser
from receiver.services.recording import RECOGNISE
from receiver.settings import Settings
from receiver.store import outbox
from receiver.store.doorbell import Doorbell
from receiver.store.outbox import Task
from receiver.store.store import Store

# Tasks taken at once: one, so that the other tasks of a killed worker are not counted as tried.
CLAIM = 1
LEASE = timedelta(seconds=30)
# Tries before a task is buried; a claim counts as a try, so that a task that kills its worker ends too.
ATTEMPTS = 5
POLL_SECONDS = 1.0
RETRY_TICK_SECONDS = 2

log = structlog.get_logger("worker")


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """What the worker works with; ``recogniser`` is None where recognition is off."""

    settings: Settings
    store: Store
    doorbell: Doorbell
    recogniser: Recogniser | None
    forwarding: Forwarding
    housekeeping: Housekeeping


class Worker:
    """Runs until it is told to stop."""

    def __init__(self, parts: WorkerParts) -> None:
        self._parts = parts
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(timezone=parts.settings.timezone)

    def run(self) -> None:
        """Works until SIGTERM or SIGINT; the task under way is ended first."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, self._on_signal)
        self._parts.doorbell.listen()
        self._schedule()
        self._scheduler.start()
        log.info("worker_ready", recognition=self._parts.settings.engine_name)
        try:
            while not self._stopping.is_set():
                if self._recognise_some() == 0:
                    self._parts.doorbell.wait(POLL_SECONDS)
        finally:
            self._scheduler.shutdown(wait=False)
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
        add(self._forward, trigger_of(self._parts.settings), id="forward", **options)
        add(self._forward_again, IntervalTrigger(seconds=RETRY_TICK_SECONDS), id="forward-again", **options)
        add(self._sweep, IntervalTrigger(hours=1, jitter=300), id="sweep", **options)

    def _forward(self) -> None:
        self._parts.forwarding.begin_due()

    def _forward_again(self) -> None:
        self._parts.forwarding.begin_due(only_failing=True)

    def _sweep(self) -> None:
        self._guarded("sweep", self._parts.housekeeping.sweep_orphans)

    def _guarded(self, name: str, job: Callable[[], int]) -> None:
        try:
            done = job()
        except Unavailable as error:
            log.warning("job_failed", job=name, reason=error.reason, detail=error.detail)
        else:
            if done:
                log.info("job_done", job=name, count=done)

    def _recognise_some(self) -> int:
        recogniser = self._parts.recogniser
        if recogniser is None:
            return 0
        try:
            now = datetime.now(UTC)
            with self._parts.store.write() as tx:
                tasks = outbox.claim(tx, RECOGNISE, CLAIM, now, LEASE)
        except Unavailable as error:
            log.warning("claim_failed", reason=error.reason, detail=error.detail)
            return 0
        for task in tasks:
            if self._stopping.is_set():
                break
            self._work(recogniser, task)
        return len(tasks)

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


def trigger_of(settings: Settings) -> BaseTrigger:
    """The schedule of the forwarder: seconds, or a cron expression in the site's time zone."""
    text = settings.upstream_every
    if len(text.split()) > 1:
        return CronTrigger.from_crontab(text, timezone=settings.timezone)
    return IntervalTrigger(seconds=float(text), timezone=settings.timezone)
