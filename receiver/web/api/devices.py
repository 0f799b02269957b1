"""Devices and their gates."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from receiver.web.auth import limits, needs
from schemas import answers, api, people

blueprint = ApiBlueprint("devices", __name__, description="Who speaks to us, and the gates they speak for")


@blueprint.get("/devices")
@blueprint.arguments(api.PageQuery, location="query")
@blueprint.response(200, answers.page_of(answers.DeviceInFull))
@needs(Role.VIEWER, is_limited=True)
def list_devices(query: dict[str, Any]) -> dict[str, Any]:
    """List devices in the order in which they first spoke, each with its gates and newest status."""
    return shown(services().asking.devices(query["cursor"] or 0, query["limit"], limits()))


@blueprint.patch(f"/devices/<{ID}:device_id>")
@blueprint.arguments(people.DeviceChange)
@blueprint.response(200, answers.DeviceInFull)
@blueprint.alt_response(404, description="no_such_device")
@needs(Role.ADMIN)
def change_device(change: dict[str, Any], device_id: int) -> dict[str, Any]:
    """Put a device into a group: ids of people that hold for the group hold for it from now on."""
    services().statuses.put_into_group(device_id, change["group"])
    return services().asking.device(device_id)
