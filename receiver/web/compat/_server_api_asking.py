"""Who asks ServerAPI and for what: tokens in the query or in the message, pages, filters and orders."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import orjson
from flask import current_app, request

from receiver.domain.accounts import Caller, Role
from receiver.domain.errors import Forbidden
from receiver.services.vehicles.registering import Registration, Vehicle, plain_mac
from receiver.store.vehicles import ALERT_ORDER, GATE_ORDER, GateFilter, VehicleAlerts, Window
from receiver.translation import server_api as words
from receiver.web.auth import let_device_in, let_in, limits
from schemas import server_api as wire
from schemas.server_api import Fields, Refused

if TYPE_CHECKING:
    from receiver.web.app import Services


def services() -> "Services":
    found: Services = current_app.extensions["gatehouse"]
    return found


def zone() -> ZoneInfo:
    return services().settings.timezone


def document() -> Any:
    """The body as JSON, None if it is none."""
    try:
        return orjson.loads(request.get_data())
    except orjson.JSONDecodeError:
        return request.get_json(force=True, silent=True)


def query_of() -> Fields:
    return Fields(request.args.to_dict())


def token_of(query: Fields) -> str:
    return query.optional("token") or ""


def user(token: str, role: Role) -> Caller:
    """Who shows a user's token.

    Raises:
        NotLoggedIn: nobody is known to.
        Forbidden: ``role_too_low``, ``password_must_change``.
    """
    found = services().admitting.by_user_token(token)
    let_in(found)
    if found.must_change:
        raise Forbidden("password_must_change", "set another password first: POST /v1/accounts/me/password")
    if not found.role.covers(role):
        raise Forbidden("role_too_low", f"that needs the role {role}")
    return found


def vehicle_of(fields: Fields) -> Vehicle:
    """The vehicle that shows a token."""
    found = services().vehicles.by_token(fields.text("token"), request.remote_addr or "")
    let_device_in(found.device_id)
    return found


def registration() -> Registration:
    fields = wire.message(document(), "mac", "password", "name")
    mac, name = plain_mac(fields.mac()), fields.text("name")[: wire.LONGEST_NAME]
    return Registration(mac, name, fields.password(), request.remote_addr or "")


def role_of(new: Fields) -> Role:
    found = words.ROLES.get(new.text("role"))
    if found is None:
        raise Refused("unknown_role", "Role doesn't exists.", 409)
    return found


def who(query: Fields) -> dict[str, Any]:
    """The first of what one account is asked for by; else a role."""
    if query.optional("user_id") is not None:
        return {"id": query.whole("user_id")}
    for name, column in (("email", "email"), ("username", "name")):
        if query.optional(name) is not None:
            return {column: query.text(name)}
    return {"role": role_of(query)} if query.optional("role") is not None else {}


def window(query: Fields, order: Mapping[str, Any], size: int, *, is_newest_first: bool = False) -> Window:
    rows, page = query.page(size)
    name = query.choice("sort_name", order.keys(), "id")
    turned = query.choice("sort_order", ("asc", "desc"), "desc" if is_newest_first else "asc")
    return Window(name, turned == "desc", rows, page)


def _ends(query: Fields, first: str, last: str) -> tuple[datetime | None, datetime | None]:
    found = [query.optional_moment(name) for name in (first, last)]
    begun, ended = (None if each is None else words.to_utc(each, zone()) for each in found)
    return begun, ended


def wanted_alerts(query: Fields) -> VehicleAlerts:
    begun, until = _ends(query, "alert_init_start", "alert_init_end")
    since, _ = _ends(query, "alert_init", "")
    return VehicleAlerts(
        id=query.optional_whole("id"),
        gate=query.optional_whole("truck_id"),
        gate_name=query.optional("truck_name"),
        behavior=query.optional("behavior"),
        started=(begun or since, until),
        ended=_ends(query, "alert_finish_time_start", "alert_finish_time_end"),
        lasts=query.switch("started"),
        limits=limits(),
        window=window(query, ALERT_ORDER, 20, is_newest_first=True),
    )


def wanted_gates(query: Fields) -> GateFilter:
    """What gates a query asks for."""
    return GateFilter(
        id=query.optional_whole("id"),
        name=query.optional("name"),
        is_blocked=query.choice("status", (wire.ACTIVE, wire.INACTIVE), wire.ACTIVE) == wire.INACTIVE,
        alerted=_ends(query, "last_alert_time_start", "last_alert_time_end"),
        limits=limits(),
        window=window(query, GATE_ORDER, 10),
    )
