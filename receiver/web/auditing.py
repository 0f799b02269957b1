"""What each route leaves in the audit log: one table, and the hook that writes a row once the answer is known."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, current_app, g, request

from receiver.domain.audit import Actor, ActorKind, Deed, Outcome
from receiver.domain.errors import GatehouseError
from receiver.services.audit import acting
from receiver.web.problems import known

if TYPE_CHECKING:
    from receiver.web.app import Services

# A picture up to this wide is a part of a list, and the list has its row already.
THUMBNAIL_WIDTH = 400
REFUSED, FAILED = 400, 500
DIGEST = re.compile(r"[0-9a-f]{64}")
PARAMETER = re.compile(r"[a-z_]{1,20}")
ACTOR_BEFORE = "gatehouse.actor_before"


@dataclass(frozen=True, slots=True)
class Audited:
    """A route that leaves a row.

    Attributes:
        action: machine word.
        kind: of the thing that it is about.
        argument: of the address, which holds the thing's id; ``answer`` for the ``id`` of what was made.
        is_noted: whether this request is noted at all.
    """

    action: str
    kind: str = ""
    argument: str = ""
    is_noted: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class NotDelicate:
    """A route that leaves none, and why not."""

    why: str


def _is_full_picture() -> bool:
    width = request.args.get("width", "")
    return not (width.isdecimal() and int(width[:9]) <= THUMBNAIL_WIDTH)


_INTAKE = NotDelicate("the intake: each event is kept with its sender and its time, and a row more would cost it time")
_STATE = NotDelicate("says nothing of anybody")

# Endpoint -> what it leaves.
ROUTES: dict[str, Audited | NotDelicate] = {
    "sophon.history_event": _INTAKE,
    "sophon.real_time_event": _INTAKE,
    "sophon.device_status": _INTAKE,
    "metrics.metrics": _STATE,
    "health.live": _STATE,
    "health.ready": _STATE,
    "api-docs.openapi_json": _STATE,
    "swagger_ui.show": _STATE,
    "docs.start": _STATE,
    "devices.list_devices": NotDelicate("devices and their figures, nothing of people"),
    "devices.change_device": Audited("device.changed", "device", "device_id"),
    "devices.add_device": Audited("device.added", "device", "answer"),
    "devices.make_device_key": Audited("device.key_made", "device", "device_id"),
    "devices.give_device_secret": Audited("device.key_made", "device", "device_id"),
    "devices.take_device_key": Audited("device.key_taken", "device", "device_id"),
    "events.list_events": Audited("events.listed", "event"),
    "events.list_blacklist_hits": Audited("blacklist_hits.listed", "event"),
    "events.get_event": Audited("event.read", "event", "event_id"),
    "events.get_event_messages": Audited("event.messages_read", "event", "event_id"),
    "events.change_event": Audited("event.changed", "event", "event_id"),
    "pictures.get_picture": Audited("picture.read", "picture", "digest", _is_full_picture),
    "people.list_people": Audited("people.listed", "person"),
    "strangers.list_strangers": Audited("strangers.listed", "person"),
    "strangers.get_stranger": Audited("person.read", "person", "person_id"),
    "strangers.list_visits": Audited("person.visits_listed", "person", "person_id"),
    "corrections.merge_people": Audited("person.merged", "person", "person_id"),
    "corrections.split_person": Audited("person.split", "person", "person_id"),
    "corrections.promote_stranger": Audited("person.promoted", "person", "person_id"),
    "corrections.ignore_stranger": Audited("person.ignored", "person", "person_id"),
    "corrections.promote_by_strangers": Audited("person.promoted", "person", "person_id"),
    "corrections.ignore_by_strangers": Audited("person.ignored", "person", "person_id"),
    "corrections.undo_last": Audited("correction.undone", "person", "person_id"),
    "corrections.list_corrections": Audited("corrections.listed", "correction"),
    "corrections.get_correction": Audited("correction.read", "correction", "correction_id"),
    "corrections.undo_correction": Audited("correction.undone", "correction", "correction_id"),
    "library.get_check": NotDelicate("when the library was checked, and counts of what was found"),
    "library.begin_check": Audited("library.check_begun"),
    "identities.list_identities": Audited("identities.listed", "identity"),
    "identities.adopt": Audited("adoption.begun", "adoption", "answer"),
    "identities.list_adoptions": NotDelicate("states and counts of adoptions"),
    "identities.get_adoption": NotDelicate("states and counts of an adoption"),
    "identities.cancel_adoption": Audited("adoption.cancelled", "adoption", "adoption_id"),
    "reviews.list_reviews": Audited("reviews.listed", "review"),
    "reviews.get_review": Audited("review.read", "review", "review_id"),
    "reviews.accept_review": Audited("review.accepted", "review", "review_id"),
    "reviews.reject_review": Audited("review.rejected", "review", "review_id"),
    "reviews.put_review_off": Audited("review.put_off", "review", "review_id"),
    "people.add_person": Audited("person.enrolled", "person", "answer"),
    "people.get_person": Audited("person.read", "person", "person_id"),
    "people.change_person": Audited("person.changed", "person", "person_id"),
    "people.remove_person": Audited("person.removed", "person", "person_id"),
    "people.export_person": Audited("person.exported", "person", "person_id"),
    "people.list_faces": Audited("person.faces_listed", "person", "person_id"),
    "people.add_faces": Audited("person.faces_added", "person", "person_id"),
    "library_faces.get_face": Audited("face.read", "face", "face_id"),
    "library_faces.change_face": Audited("face.changed", "face", "face_id"),
    "library_faces.remove_face": Audited("face.removed", "face", "face_id"),
    "faces.detect": Audited("face.detected"),
    "faces.verify": Audited("face.verified", "person"),
    "faces.search": Audited("face.searched"),
    "imports.begin_import": Audited("import.begun", "import", "answer"),
    "imports.list_imports": NotDelicate("states and counts of imports; rows with people are another route"),
    "imports.get_import": NotDelicate("states and counts of an import"),
    "imports.list_rows": Audited("import.rows_listed", "import", "import_id"),
    "imports.get_report": Audited("import.report_read", "import", "import_id"),
    "imports.cancel_import": Audited("import.cancelled", "import", "import_id"),
    "imports.remove_import": Audited("import.removed", "import", "import_id"),
    "erasures.list_erasures": Audited("erasures.listed", "erasure"),
    "erasures.get_erasure": Audited("erasure.read", "erasure", "erasure_id"),
    "subscriptions.list_subscriptions": NotDelicate("where events go and how that does, nothing of people"),
    "subscriptions.get_subscription": NotDelicate("where events go and how that does, nothing of people"),
    "subscriptions.add_subscription": Audited("subscription.added", "subscription", "answer"),
    "subscriptions.change_subscription": Audited("subscription.changed", "subscription", "subscription_id"),
    "subscriptions.remove_subscription": Audited("subscription.removed", "subscription", "subscription_id"),
    "subscriptions.make_signing_secret": Audited("subscription.secret_made", "subscription", "subscription_id"),
    "subscriptions.preview_any": Audited("subscription.previewed", "subscription"),
    "subscriptions.preview": Audited("subscription.previewed", "subscription", "subscription_id"),
    "subscriptions.replay": Audited("subscription.replayed", "subscription", "subscription_id"),
    "subscriptions.list_replays": NotDelicate("ranges of time and numbers"),
    "deliveries.list_deliveries": NotDelicate("numbers, times and the other side's answers, nothing of people"),
    "deliveries.get_delivery": NotDelicate("numbers, times and the other side's answers, nothing of people"),
    "deliveries.retry_deliveries": Audited("deliveries.retried", "delivery"),
    "quarantine.list_quarantine": NotDelicate("reasons and times; what was sent is another route"),
    "quarantine.get_quarantined": Audited("quarantine.read", "quarantined", "quarantine_id"),
    "quarantine.replay": Audited("quarantine.replayed", "quarantined", "quarantine_id"),
    "logins.log_in": Audited("login.begun", "account"),
    "logins.begin_session": Audited("login.begun", "account"),
    "logins.refresh": Audited("login.refreshed"),
    "logins.log_out": Audited("login.ended", "account"),
    "logins.get_session": NotDelicate("the asker's own login"),
    "accounts.list_accounts": Audited("accounts.listed", "account"),
    "accounts.add_account": Audited("account.added", "account", "answer"),
    "accounts.get_own_account": NotDelicate("the asker's own account"),
    "accounts.change_own_password": Audited("account.password_changed", "account"),
    "accounts.get_account": Audited("account.read", "account", "account_id"),
    "accounts.change_account": Audited("account.changed", "account", "account_id"),
    "accounts.remove_account": Audited("account.removed", "account", "account_id"),
    "keys.list_keys": Audited("keys.listed", "key"),
    "keys.add_key": Audited("key.added", "key", "answer"),
    "keys.revoke_key": Audited("key.revoked", "key", "key_id"),
    "live.follow": Audited("alerts.followed", "alert"),
    "alerts.list_alerts": Audited("alerts.listed", "alert"),
    "alerts.get_alert_statistics": NotDelicate("counts and times"),
    "alerts.add_alert": Audited("alert.opened", "alert", "answer"),
    "alerts.get_alert": Audited("alert.read", "alert", "alert_id"),
    "alerts.acknowledge_alert": Audited("alert.acknowledged", "alert", "alert_id"),
    "alerts.assign_alert": Audited("alert.assigned", "alert", "alert_id"),
    "alerts.close_alert": Audited("alert.closed", "alert", "alert_id"),
    "alerts.comment_alert": Audited("alert.commented", "alert", "alert_id"),
    "alerts.list_frames": Audited("alert.frames_listed", "alert", "alert_id"),
    "alerts.add_frame": Audited("alert.frame_added", "alert", "alert_id"),
    "alerts.get_last_frame": Audited("device.frame_read", "device", "device_id"),
    "rules.list_rules": _STATE,
    "rules.add_rule": Audited("rule.added", "rule", "answer"),
    "rules.get_rule": _STATE,
    "rules.change_rule": Audited("rule.changed", "rule", "rule_id"),
    "rules.remove_rule": Audited("rule.removed", "rule", "rule_id"),
    "rules.try_rule": Audited("rule.tried", "rule", "rule_id"),
    "rules.try_new_rule": Audited("rule.tried"),
    "audit.list_audit": Audited("audit.listed", "audit"),
    "audit.get_head": NotDelicate("a number and a hash"),
    "server_api.add_user": Audited("account.added", "account"),
    "server_api.change_user": Audited("account.changed", "account"),
    "server_api.list_users": Audited("accounts.listed", "account"),
    "server_api.log_in": Audited("login.begun", "account"),
    "server_api.log_out": Audited("login.ended", "account"),
    "server_api.add_device": Audited("device.registered", "device"),
    "server_api.renew_device": Audited("device.key_made", "device"),
    "server_api.begin_alert": _INTAKE,
    "server_api.end_alert": _INTAKE,
    "server_api.add_frame": _INTAKE,
    "server_api.add_calm_frame": _INTAKE,
    "server_api.list_alerts": Audited("alerts.listed", "alert"),
    "server_api.list_frames": Audited("alert.frames_listed", "alert"),
    "server_api.last_frame": Audited("gate.frame_read", "gate"),
    "server_api.status": Audited("gate.frame_read", "gate"),
    "server_api.list_vehicles": NotDelicate("names of gates, and times of alerts"),
    "server_api.list_devices": NotDelicate("names of gates, and times of alerts"),
    "server_api.refuse_verb": _STATE,
}


def register(app: Flask) -> None:
    """Names nobody as acting until a guard knows better, and notes what was done."""
    app.before_request(_begin)
    app.after_request(_note)
    app.teardown_request(_end)


def tell(*, action: str = "", subject: object = "", **detail: Any) -> None:
    """What a view knows better than the table: another action, the thing's id, a few words and numbers; never names."""
    told = g.setdefault("audit", {"action": "", "subject": "", "detail": {}})
    told["action"] = action or told["action"]
    told["subject"] = subject or told["subject"]
    told["detail"] |= detail


def _begin() -> None:
    # With the request and not in `g`, which requests within one another share.
    request.environ[ACTOR_BEFORE] = acting.name(Actor(ActorKind.NOBODY, "", request.remote_addr or ""))


def _end(_error: BaseException | None) -> None:
    token = request.environ.pop(ACTOR_BEFORE, None)
    if token is not None:
        acting.forget(token)


def _note(answer: Response) -> Response:
    # A route that nobody has put into the table leaves a row too.
    found = ROUTES.get(request.endpoint or "", Audited(request.endpoint or ""))
    if (
        request.endpoint is None
        or request.method == "OPTIONS"
        or isinstance(found, NotDelicate)
        or not found.is_noted()
    ):
        return answer
    services: Services = current_app.extensions["gatehouse"]
    try:
        services.audit.note_deed(_deed(found, answer), acting.actor())
    except GatehouseError as error:
        # What is only looked at is not shown unseen; what is done is done, and the process has logged it.
        return known(error) if request.method in {"GET", "HEAD"} or found.action.startswith("face.") else answer
    return answer


def _deed(found: Audited, answer: Response) -> Deed:
    told = g.get("audit", {"action": "", "subject": "", "detail": {}})
    subject = told["subject"] or _subject(found.argument, answer)
    action = told["action"] or found.action
    if answer.status_code < REFUSED:
        parameters = [name for name in request.args if PARAMETER.fullmatch(name)]
        more = {"parameters": sorted(parameters)[:20]} if parameters else {}
        return Deed(action, found.kind, str(subject), Outcome.OK, told["detail"] | more)
    outcome = Outcome.FAILED if answer.status_code >= FAILED else Outcome.REFUSED
    return Deed(action, found.kind, str(subject), outcome, told["detail"] | _why(answer))


def _subject(argument: str, answer: Response) -> Any:
    if argument != "answer":
        value = (request.view_args or {}).get(argument, "")
        # An address may hold anything where it is not a number: a picture's digest, and nothing else.
        return value if isinstance(value, int) or DIGEST.fullmatch(value) else ""
    document = answer.get_json(silent=True) if answer.status_code < REFUSED else None
    return document.get("id", "") if isinstance(document, dict) else ""


def _why(answer: Response) -> dict[str, Any]:
    document = answer.get_json(force=True, silent=True) if answer.mimetype == "application/problem+json" else None
    return {"status": answer.status_code} | ({"reason": document["reason"]} if document else {})
