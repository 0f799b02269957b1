"""ServerAPI at its historic paths: vehicles open alerts and send frames, their front ends ask for them, in its words and envelope."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, request

from receiver.domain.accounts import Role
from receiver.domain.errors import Forbidden, GatehouseError, Unavailable
from receiver.domain.trust import State
from receiver.services.accounts.accounts import NewAccount
from receiver.services.accounts.admitting import SERVER_API
from receiver.services.accounts.logging_in import Login
from receiver.services.vehicles.registering import Registered
from receiver.store.vehicles import ACCOUNT_ORDER, Window
from receiver.translation import server_api as words
from receiver.web import auditing
from receiver.web.auth import limits, public
from receiver.web.compat import _server_api_asking as asking
from receiver.web.compat._server_api_refusals import told
from receiver.web.frame_rounds import LOG_PATH, SAFE_PATH, frame_data, frame_of, picture_of
from receiver.web.problems import RETRY_SECONDS, STATUS
from schemas import server_api as wire
from schemas.server_api import Fields, Refused

blueprint = Blueprint("server_api", __name__, url_prefix="/api/v1")

# Those of which it knows; any other is refused by its framework.
VERBS = ("GET", "POST", "PUT", "DELETE")
FRAMES_PAGE = 5
FIRST = 1


@blueprint.post("/user/register/")
@public
def add_user() -> Response:
    """Make an account; for administrators."""
    asker, new = wire.registration(asking.document())
    asking.user(asker.text("token"), Role.ADMIN)
    made = NewAccount(
        _name(new), new.password(), asking.role_of(new), must_change=False, email=new.text("email")[: wire.LONGEST_NAME]
    )
    account_id = asking.services().accounts.add(made)
    auditing.tell(subject=account_id)
    return _done(id=account_id, token=_logged_in(made.name, made.password))


@blueprint.put("/user/register/")
@public
def change_user() -> Response:
    """Change an account, which gets another token; of others for administrators, of oneself the password alone."""
    asker, new = wire.registration(asking.document())
    caller = asking.user(asker.text("token"), Role.VIEWER)
    name, password, role = _name(new), new.password(), asking.role_of(new)
    is_own = name.strip().casefold() == caller.name and (role is caller.role or caller.role is Role.ADMIN)
    if caller.role is not Role.ADMIN and not is_own:
        raise Forbidden("role_too_low", "only administrators change other accounts")
    account_id = asking.services().accounts.number_of(name)
    change = {"password": password, "role": role, "must_change": False, "email": new.text("email")[: wire.LONGEST_NAME]}
    asking.services().accounts.change(account_id, change)
    auditing.tell(subject=account_id)
    return _done(id=account_id, token=_logged_in(name, password))


@blueprint.get("/user/register/")
@public
def list_users() -> Response:
    """List accounts."""
    query = asking.query_of()
    asking.user(asking.token_of(query), Role.ADMIN)
    window = asking.window(query, ACCOUNT_ORDER, 20)
    wanted = asking.who(query)
    found = asking.services().vehicles_shown.users(wanted, window)
    shown = [
        {"id": row.id, "account_id": row.id, "username": row.name, "email": row.email, "role": words.role_of(row.role)}
        for row in found.rows
    ]
    return _done(**words.paged("users", shown, found.total, window.size))


@blueprint.post("/login/")
@public
def log_in() -> Response:
    """Log in with a name and a password; the token is sent with everything else."""
    fields = wire.message(asking.document(), "username", "password")
    return _done(token=_logged_in(fields.text("username"), fields.password()))


@blueprint.get("/logout/")
@public
def log_out() -> Response:
    """End the login whose token is sent; without one there is nothing to end."""
    query = asking.query_of()
    if query.optional("token") is not None:
        asking.services().logging_in.logout(asking.user(asking.token_of(query), Role.VIEWER))
    return jsonify(wire.envelope(200))


@blueprint.post("/jetson/register/")
@public
def add_device() -> Response:
    """Take a vehicle in; the same one again is given the same ids."""
    return _registered(asking.services().vehicles.register(asking.registration()))


@blueprint.put("/jetson/register/")
@public
def renew_device() -> Response:
    """Give a vehicle another token."""
    return _registered(asking.services().vehicles.renew(asking.registration()))


@blueprint.post("/alert/")
@public
def begin_alert() -> Response:
    """Open an alert."""
    fields = wire.message(asking.document(), "token", "truck_id", "alert_init", "behavior")
    vehicle = asking.vehicle_of(fields)
    begun = words.to_utc(fields.moment("alert_init"), asking.zone())
    gate_id, behavior = fields.whole("truck_id"), fields.behavior()
    alert_id = asking.services().vehicle_reporting.begin(vehicle, gate_id, begun, behavior)
    auditing.tell(subject=alert_id)
    return _done(id=alert_id, alert_id=alert_id)


@blueprint.put("/alert/")
@public
def end_alert() -> Response:
    """End an alert."""
    fields = wire.message(asking.document(), "token", "alert_id", "alert_end")
    vehicle = asking.vehicle_of(fields)
    alert_id = fields.whole("alert_id")
    asking.services().vehicle_reporting.end(vehicle, alert_id, words.to_utc(fields.moment("alert_end"), asking.zone()))
    auditing.tell(subject=alert_id)
    return _done(id=alert_id, alert_id=alert_id)


@blueprint.get("/alert/")
@public
def list_alerts() -> Response:
    """List alerts, newest first."""
    query = asking.query_of()
    asking.user(asking.token_of(query), Role.VIEWER)
    wanted = asking.wanted_alerts(query)
    found = asking.services().vehicles_shown.alerts(wanted)
    shown = [words.to_alert(row, asking.zone()) for row in found.rows]
    return _done(**words.paged("alerts", shown, found.total, wanted.window.size))


@blueprint.post("/log/")
@public
def add_frame() -> Response:
    """Keep a frame of an alert."""
    fields = frame_of(asking.document(), "alert_id")
    vehicle = asking.vehicle_of(fields)
    picture = picture_of(fields, asking.zone())
    frame_id = asking.services().vehicle_reporting.add_frame(vehicle, fields.whole("alert_id"), picture)
    return _done(**frame_data(LOG_PATH, frame_id))


@blueprint.get("/log/")
@public
def list_frames() -> Response:
    """List an alert's frames, newest first."""
    query = asking.query_of()
    asking.user(asking.token_of(query), Role.VIEWER)
    since = query.optional_moment("frame_timestamp")
    from_time = None if since is None else words.to_utc(since, asking.zone())
    window = Window(size=FRAMES_PAGE, page=query.page(FRAMES_PAGE)[1])
    alert_id = query.whole("alert_id", FIRST)
    auditing.tell(subject=alert_id)
    numbered = (from_time, query.optional_whole("frame_index"))
    found = asking.services().vehicles_shown.frames(alert_id, numbered, window, limits())
    return _done(frames=[words.to_frame(each.row, each.picture, asking.zone()) for each in found])


@blueprint.post("/safe/")
@public
def add_calm_frame() -> Response:
    """Keep a calm frame."""
    fields = frame_of(asking.document(), "truck_id")
    vehicle = asking.vehicle_of(fields)
    picture = picture_of(fields, asking.zone())
    frame_id = asking.services().vehicle_reporting.add_calm(vehicle, fields.whole("truck_id"), picture)
    return _done(**frame_data(SAFE_PATH, frame_id))


@blueprint.get("/truck/laststatus/")
@public
def last_frame() -> Response:
    """Give a vehicle's newest frame."""
    query = asking.query_of()
    asking.user(asking.token_of(query), Role.VIEWER)
    gate_id = query.whole("truck_id", FIRST)
    auditing.tell(subject=gate_id)
    found = asking.services().vehicles_shown.last_frame(gate_id, limits())
    return _done(frame={**words.to_frame(found.row, found.picture, asking.zone()), "truck_id": gate_id})


@blueprint.get("/truck/currstatus/")
@public
def status() -> Response:
    """Say how a vehicle is just now."""
    query = asking.query_of()
    asking.user(asking.token_of(query), Role.VIEWER)
    gate_id = query.whole("truck_id", FIRST)
    auditing.tell(subject=gate_id)
    now = asking.services().vehicles_shown.now(gate_id, limits())
    frame = None if now.frame is None else words.to_frame(now.frame.row, now.frame.picture, asking.zone())
    return _done(**words.to_status(now.gate, now.alert, frame, asking.zone()))


@blueprint.get("/truck/list/")
@public
def list_vehicles() -> Response:
    """List vehicles and gates."""
    return _vehicles()


@blueprint.get("/jetson/register/")
@public
def list_devices() -> Response:
    """List them under another name."""
    return _vehicles()


@public
def refuse_verb() -> Response:
    """What is not done at an address, as its clients know it."""
    answer = jsonify(wire.envelope(401))
    answer.status_code = 401
    return answer


_DONE = {
    "/user/register/": {"GET", "POST", "PUT"},
    "/jetson/register/": {"GET", "POST", "PUT"},
    "/alert/": {"GET", "POST", "PUT"},
    "/log/": {"GET", "POST"},
    "/safe/": {"POST"},
    "/login/": {"POST"},
    "/logout/": {"GET"},
    "/truck/list/": {"GET"},
    "/truck/laststatus/": {"GET"},
    "/truck/currstatus/": {"GET"},
}
for _path, _verbs in _DONE.items():
    blueprint.add_url_rule(_path, view_func=refuse_verb, methods=[each for each in VERBS if each not in _verbs])


@blueprint.after_app_request
def _let_pages_in(answer: Response) -> Response:
    """Front ends are pages of other sites; who somebody is he says by a token, and never by a cookie.

    They read every answer below its addresses, also that nothing is at one of them.
    """
    if not request.path.startswith(f"{blueprint.url_prefix}/"):
        return answer
    answer.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        answer.headers["Access-Control-Allow-Methods"] = ", ".join(VERBS)
        answer.headers["Access-Control-Allow-Headers"] = "Content-Type"
    return answer


@blueprint.errorhandler(Refused)
@blueprint.errorhandler(GatehouseError)
def _known(error: GatehouseError | Refused) -> Response:
    status, sentence = told(error)
    answer = _failed(status, sentence)
    if status == STATUS[Unavailable]:
        answer.headers["Retry-After"] = RETRY_SECONDS
    return answer


def _done(**data: Any) -> Response:
    return jsonify(wire.envelope(200, data=data))


def _failed(status: int, error: str) -> Response:
    answer = jsonify(wire.envelope(status, error=error))
    answer.status_code = status
    return answer


def _logged_in(name: str, password: str) -> str:
    found = asking.services().logging_in.login(Login(name, password, request.remote_addr or "", None, SERVER_API))
    auditing.tell(subject=found.account_id)
    return found.secret


def _registered(found: Registered) -> Response:
    auditing.tell(subject=found.vehicle.device_id)
    return _done(id=found.vehicle.device_id, truck_id=found.vehicle.gate_id, token=found.token)


def _name(new: Fields) -> str:
    return new.text("username")


def _vehicles() -> Response:
    query = asking.query_of()
    asking.user(asking.token_of(query), Role.VIEWER)
    wanted = asking.wanted_gates(query)
    with_alerts = bool(query.switch("include_last_alert"))
    found, counts, last = asking.services().vehicles_shown.gates(wanted, with_alerts=with_alerts)
    shown = [_gate(row, counts, last) if with_alerts else _gate(row) for row in found.rows]
    return _done(**words.paged("trucks", shown, found.total, wanted.window.size))


def _gate(row: Any, counts: Mapping[int, int] | None = None, last: Mapping[int, Any] | None = None) -> dict[str, Any]:
    shown = {"id": row.id, "name": row.name, "status": wire.INACTIVE if row.state == State.BLOCKED else wire.ACTIVE}
    if counts is None or last is None:
        return shown
    newest = None if row.id not in last else words.to_last_alert(last[row.id], asking.zone())
    return {**shown, "alerts_total": counts.get(row.id, 0), "last_alert": newest}
