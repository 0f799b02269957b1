"""Alerts: what a person should look at, who has, and what came of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from receiver.domain.accounts import Role
from receiver.domain.alerts import NewAlert, Outcome, Severity, Source, storable
from receiver.services.alerting.frames import NewFrame
from receiver.store.alert_lists import AlertFilter
from receiver.web import auditing
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services, shown
from receiver.web.auth import limits, needs, who
from receiver.web.language import in_their_language
from receiver.web.uploads import read_upload
from schemas import alerts as schemas
from schemas import answers, api

blueprint = ApiBlueprint("alerts", __name__, description="What a person should look at, with its events and frames")

MISSING, CLOSED = "no_such_alert", "alert_closed"
WEEK = timedelta(days=7)


@blueprint.get("/alerts")
@blueprint.arguments(schemas.AlertQuery, location="query")
@blueprint.response(200, answers.page_of(schemas.Alert))
@needs(Role.VIEWER, is_limited=True)
def list_alerts(query: dict[str, Any]) -> dict[str, Any]:
    """List alerts, newest first by order of opening."""
    given = {name: query[name] for name in query if name not in {"cursor", "since", "until"}}
    since, until = aware(query["since"]), aware(query["until"])
    wanted = AlertFilter(**given, since=since, until=until, before=query["cursor"], limits=limits())
    return in_their_language(shown(services().alerts_shown.page(wanted)))


@blueprint.get("/alerts/statistics")
@blueprint.arguments(schemas.PeriodQuery, location="query")
@blueprint.response(200, schemas.Statistics)
@blueprint.alt_response(422, description="bad_period")
@needs(Role.VIEWER, is_limited=True)
def get_alert_statistics(query: dict[str, Any]) -> dict[str, Any]:
    """Count the alerts of a period, at most 92 days: of what sort, when, and how soon they were answered."""
    until = storable(aware(query["until"]) or datetime.now(UTC))
    since = storable(aware(query["since"]) or until - WEEK)
    return services().alerts_shown.statistics(since, until, limits())


@blueprint.post("/alerts")
@blueprint.arguments(schemas.NewAlert)
@blueprint.response(201, schemas.AlertInFull)
@blueprint.alt_response(422, description="no_such_event, no_such_device, no_such_gate, no_such_person")
@needs(Role.GUARD)
def add_alert(new: dict[str, Any]) -> dict[str, Any]:
    """Open an alert: for programs; with a `key` a repetition is added to the alert that lasts, which is answered."""
    made = NewAlert(
        kind=new["kind"],
        severity=Severity(new["severity"]),
        source=Source.PROGRAM,
        started_at=aware(new["started_at"]) or datetime.now(UTC),
        device_id=new["device"],
        gate_id=new["gate"],
        person_id=new["person"],
        event_id=new["event"],
        key=None if new["key"] is None else f"program:{new['key']}",
        suppress_seconds=new["suppress_seconds"],
        escalate_seconds=new["escalate_seconds"],
        title=new["title"],
    )
    return _shown(services().opening.open(made))


@blueprint.get(f"/alerts/<{ID}:alert_id>")
@blueprint.response(200, schemas.AlertInFull)
@blueprint.alt_response(404, description=MISSING)
@needs(Role.VIEWER, is_limited=True)
def get_alert(alert_id: int) -> dict[str, Any]:
    """Show an alert with its events, frames, person and pictures side by side, and what was done about it."""
    return _shown(alert_id)


@blueprint.post(f"/alerts/<{ID}:alert_id>/acknowledge")
@blueprint.arguments(schemas.Acknowledge)
@blueprint.response(200, schemas.AlertInFull)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(409, description=CLOSED)
@needs(Role.GUARD, is_limited=True)
def acknowledge_alert(said: dict[str, Any], alert_id: int) -> dict[str, Any]:
    """Say that you look after it: nobody else is told any more. A second time nothing changes."""
    _seen(alert_id)
    services().alerting.acknowledge(alert_id, who(), said["note"])
    return _shown(alert_id)


@blueprint.post(f"/alerts/<{ID}:alert_id>/assign")
@blueprint.arguments(schemas.Assign)
@blueprint.response(200, schemas.AlertInFull)
@blueprint.alt_response(404, description=f"{MISSING}, no_such_account")
@blueprint.alt_response(409, description=CLOSED)
@needs(Role.GUARD, is_limited=True)
def assign_alert(wanted: dict[str, Any], alert_id: int) -> dict[str, Any]:
    """Say which account is to look after it."""
    _seen(alert_id)
    services().alerting.assign(alert_id, who(), wanted["account"])
    return _shown(alert_id)


@blueprint.post(f"/alerts/<{ID}:alert_id>/close")
@blueprint.arguments(schemas.Close)
@blueprint.response(200, schemas.AlertInFull)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(409, description=CLOSED)
@needs(Role.GUARD, is_limited=True)
def close_alert(wanted: dict[str, Any], alert_id: int) -> dict[str, Any]:
    """Say what it turned out to be; who comes again afterwards is an alert of its own."""
    _seen(alert_id)
    auditing.tell(outcome=wanted["outcome"])
    services().alerting.close(alert_id, who(), Outcome(wanted["outcome"]), wanted["note"])
    return _shown(alert_id)


@blueprint.post(f"/alerts/<{ID}:alert_id>/comment")
@blueprint.arguments(schemas.Comment)
@blueprint.response(200, schemas.AlertInFull)
@blueprint.alt_response(404, description=MISSING)
@needs(Role.GUARD, is_limited=True)
def comment_alert(said: dict[str, Any], alert_id: int) -> dict[str, Any]:
    """Add something to remember; also to a closed alert."""
    _seen(alert_id)
    services().alerting.comment(alert_id, who(), said["text"])
    return _shown(alert_id)


@blueprint.get(f"/alerts/<{ID}:alert_id>/frames")
@blueprint.arguments(api.PageQuery, location="query")
@blueprint.response(200, answers.page_of(schemas.Frame))
@blueprint.alt_response(404, description=MISSING)
@needs(Role.VIEWER, is_limited=True)
def list_frames(query: dict[str, Any], alert_id: int) -> dict[str, Any]:
    """List an alert's frames, newest first; `url` leads to the picture."""
    return shown(services().alerts_shown.frames(alert_id, query["cursor"], query["limit"], limits()))


@blueprint.post(f"/alerts/<{ID}:alert_id>/frames")
@blueprint.response(201, schemas.Frame)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(409, description="alert_over, alert_without_device")
@blueprint.alt_response(422, description="not_a_picture, too_many_pixels, bad_base64, missing_picture")
@needs(Role.GUARD)
def add_frame(alert_id: int) -> dict[str, Any]:
    """Add a picture to an alert of a device: as a file of a form, as base64 in JSON, or as the body."""
    upload = read_upload(schemas.FrameOptions)
    taken_at = aware(upload.options["taken_at"]) or datetime.now(UTC)
    device_id = services().opening.device_of(alert_id)
    new = NewFrame(device_id, alert_id, upload.picture(), taken_at, upload.options["index"])
    return services().alerts_shown.frame(services().frames.add(new))


@blueprint.get(f"/devices/<{ID}:device_id>/last-frame")
@blueprint.response(200, schemas.Frame)
@blueprint.alt_response(404, description="no_such_device, no_frame")
@needs(Role.VIEWER, is_limited=True)
def get_last_frame(device_id: int) -> dict[str, Any]:
    """Show a device's newest frame, of an alert or calm."""
    return services().alerts_shown.last_frame(device_id, limits())


def _seen(alert_id: int) -> None:
    """What is out of a limited account's sight is not there for it."""
    services().alerts_shown.alert(alert_id, limits())


def _shown(alert_id: int) -> dict[str, Any]:
    return in_their_language(services().alerts_shown.alert(alert_id, limits()))
