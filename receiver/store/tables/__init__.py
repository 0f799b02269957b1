"""All tables: times are aware UTC, keys integers, reasons machine words, names as in docs/glossary.md."""

from receiver.store.tables.accounts import account, api_key, login_attempt, login_session
from receiver.store.tables.alerts import (
    alert,
    alert_event,
    alert_key,
    alert_step,
    announcement,
    frame,
    rule,
    rule_book,
)
from receiver.store.tables.base import NAMING, main, picture_store
from receiver.store.tables.corrections import (
    correction,
    correction_item,
    library_check,
    review,
    review_picture,
    stranger_candidate,
)
from receiver.store.tables.devices import adoption, device, device_book, device_identity, gate
from receiver.store.tables.erasing import erasure, erasure_event, erasure_picture, legal_hold, retention_state
from receiver.store.tables.events import event, event_key, event_picture, message, quarantine, rejected_body, sighting
from receiver.store.tables.imports import import_job, import_row
from receiver.store.tables.outbox import delivery, lane, subscription, task
from receiver.store.tables.people import (
    calibration,
    face,
    face_embedding,
    gallery_change,
    library,
    person,
    person_group,
    person_identity,
)
from receiver.store.tables.pictures import erased_picture, picture
from receiver.store.tables.vehicles import vehicle

__all__ = [
    "NAMING",
    "account",
    "adoption",
    "alert",
    "alert_event",
    "alert_key",
    "alert_step",
    "announcement",
    "api_key",
    "calibration",
    "correction",
    "correction_item",
    "delivery",
    "device",
    "device_book",
    "device_identity",
    "erased_picture",
    "erasure",
    "erasure_event",
    "erasure_picture",
    "event",
    "event_key",
    "event_picture",
    "face",
    "face_embedding",
    "frame",
    "gallery_change",
    "gate",
    "import_job",
    "import_row",
    "lane",
    "legal_hold",
    "library",
    "library_check",
    "login_attempt",
    "login_session",
    "main",
    "message",
    "person",
    "person_group",
    "person_identity",
    "picture",
    "picture_store",
    "quarantine",
    "rejected_body",
    "retention_state",
    "review",
    "review_picture",
    "rule",
    "rule_book",
    "sighting",
    "stranger_candidate",
    "subscription",
    "task",
    "vehicle",
]
