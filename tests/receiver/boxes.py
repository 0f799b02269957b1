"""What boxes send, made for tests, and the parts of the house that take it."""

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import func, select

from receiver.domain.events import Channel
from receiver.domain.schedules import AT_ONCE
from receiver.domain.trust import Mode, TrustRules
from receiver.services.devices.device_book import DeviceBook
from receiver.services.intake.intake import Intake, IntakeParts
from receiver.services.intake.recording import Recorder, Sender
from receiver.services.intake.statuses import Statuses
from receiver.store import subscriptions, tables
from receiver.store.doorbell import Doorbell
from receiver.store.pictures import Pictures
from receiver.store.store import Store

# Most tests are not about trust: everybody is believed.
OPEN = TrustRules(mode=Mode.OPEN)
LICENCE = "ABCDEF000120240101000001"
HISTORY = Sender("10.0.0.9", "/HistoryEvent", Channel.HISTORY)
REAL_TIME = Sender("10.0.0.9", "/RealTimeEvent", Channel.REAL_TIME)
TIME = 1_700_000_000_000


@cache
def jpeg(shade: int) -> bytes:
    """A small picture; another for each shade."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), (shade % 256, 60, 7)).save(buffer, "JPEG", comment=b"%d" % shade)
    return buffer.getvalue()


def text_of(shade: int) -> str:
    """The same as base64 text."""
    return base64.b64encode(jpeg(shade)).decode()


def history(number: int = 0, *, box: str = LICENCE, **changes: Any) -> dict[str, Any]:
    """A generation A event; ``ext_data`` in ``changes`` is added to its own."""
    inner = {
        "device_ip": "10.0.0.21", "ep_id": f"{box}__10.0.0.21", "dev_sno": box, "person_type": 1, "device_type": "0",
    } | changes.pop("ext_data", {})  # fmt: skip
    return {
        "identity_id": "E1007", "identity_name": "Test Person", "group_name": "default_group", "timestamp": TIME + number,
        "score": 0.81, "want_action": "0", "ext_data": inner, **changes,
    }  # fmt: skip


def real_time(number: int = 0, **changes: Any) -> dict[str, Any]:
    """The same passage as ``history(number)``, told at once: the gate by its address only, the box not at all."""
    return history(number, **changes) | {
        "ext_data": {"device_ip": "10.0.0.21", "person_type": 1} | changes.get("ext_data", {})
    }


@contextmanager
def open_intake(
    store: Store,
    folder: Path,
    *,
    is_recognising: bool = True,
    rules: TrustRules = OPEN,
    write_batch: Callable[[Recorder], Callable[..., Any]] | None = None,
) -> Iterator[Intake]:
    """An intake over a store, as bootstrap makes it."""
    book = DeviceBook(store, rules)
    recorder = Recorder(store, book, is_recognising=is_recognising)
    if write_batch is not None:
        recorder.write_batch = write_batch(recorder)  # type: ignore[method-assign]
    doorbell = Doorbell(folder)
    intake = Intake(
        IntakeParts(
            store=store,
            pictures=Pictures(store.pictures),
            recorder=recorder,
            book=book,
            doorbell=doorbell,
            data_dir=folder,
            pixel_limit=1_000_000,
            on_recorded=lambda _entry, _recorded: None,
        )
    )
    yield intake
    doorbell.close()


def statuses_of(store: Store, rules: TrustRules = OPEN) -> Statuses:
    """What keeps status reports, by itself."""
    return Statuses(store, DeviceBook(store, rules))


ONE = "http://one.example/"


def subscribe(store: Store, *urls: str) -> list[int]:
    """Ready-made subscriptions of the addresses, as the settings make them."""
    with store.write() as tx:
        return list(subscriptions.settle(tx, dict.fromkeys(urls or (ONE,), AT_ONCE), datetime.now(UTC)))


def recorder_of(store: Store) -> Recorder:
    """What writes entries, as the intake has it."""
    return Recorder(store, DeviceBook(store, OPEN), is_recognising=True)


@contextmanager
def open_subscribed(store: Store, folder: Path, **options: Any) -> Iterator[Intake]:
    """An intake of which somebody wants to be told."""
    subscribe(store)
    with open_intake(store, folder, **options) as intake:
        yield intake


def count(store: Store, table: Any) -> int:
    with store.read() as tx:
        return int(tx.execute(select(func.count()).select_from(table)).scalar_one())


def delivered_events(store: Store) -> list[int]:
    """The events of all deliveries in their order."""
    with store.read() as tx:
        return list(tx.execute(select(tables.delivery.c.event_id).order_by(tables.delivery.c.id)).scalars())
