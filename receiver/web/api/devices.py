"""Devices and their gates: who is trusted, from where, and by which key."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.domain.trust import State
from receiver.services.devices.trusting import Change
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from receiver.web.auth import limits, needs, who
from schemas import answers, devices

blueprint = ApiBlueprint("devices", __name__, description="Who speaks to us, and the gates they speak for")


@blueprint.get("/devices")
@blueprint.arguments(devices.DeviceQuery, location="query")
@blueprint.response(200, answers.page_of(answers.DeviceInFull))
@needs(Role.VIEWER, is_limited=True)
def list_devices(query: dict[str, Any]) -> dict[str, Any]:
    """List devices in the order in which they first spoke, each with its state, its gates and its newest status."""
    return shown(services().asking.devices(query["cursor"] or 0, query["limit"], query["state"], limits()))


@blueprint.post("/devices")
@blueprint.arguments(devices.NewDevice)
@blueprint.response(201, answers.DeviceInFull)
@blueprint.alt_response(409, description="device_taken, certificate_taken")
@blueprint.alt_response(422, description="bad_address, nothing_to_know_it_by, invalid_arguments")
@needs(Role.ADMIN)
def add_device(new: dict[str, Any]) -> dict[str, Any]:
    """Write down a device before it speaks, trusted: by licence and address, as a hub, or to be given a key."""
    change = Change(bound=new["address"], is_hub=new["hub"], certificate=new["certificate"], by=who())
    return services().asking.device(services().trusting.add(new["name"], new["licence"], change))


@blueprint.patch(f"/devices/<{ID}:device_id>")
@blueprint.arguments(devices.DeviceChange)
@blueprint.response(200, answers.DeviceInFull)
@blueprint.alt_response(404, description="no_such_device")
@blueprint.alt_response(409, description="certificate_taken")
@blueprint.alt_response(422, description="bad_address, invalid_arguments")
@needs(Role.ADMIN)
def change_device(change: dict[str, Any], device_id: int) -> dict[str, Any]:
    """Trust a device, block it, say from where it may speak, or put it into a group.

    What a newly trusted device sent lately is then processed, in order; what a blocked one sends is acknowledged and
    dropped. Ids of people that hold for a group hold for its devices.
    """
    said = Change(
        state=State(change["state"]) if "state" in change else None,
        bound=change.get("address"),
        is_hub=change.get("hub"),
        certificate=change.get("certificate"),
        by=who(),
    )
    services().trusting.change(device_id, said)
    if "group" in change:
        services().statuses.put_into_group(device_id, change["group"])
    return services().asking.device(device_id)


@blueprint.post(f"/devices/<{ID}:device_id>/key")
@blueprint.response(201, devices.DeviceKey)
@blueprint.alt_response(404, description="no_such_device")
@needs(Role.ADMIN)
def make_device_key(device_id: int) -> dict[str, Any]:
    """Make a key for a device, in the place of the one that it had; from now on it is believed with the key only."""
    key = services().trusting.give_key(device_id)
    return {"key": key, "path": f"/in/{key}/HistoryEvent"}


@blueprint.post(f"/devices/<{ID}:device_id>/secret")
@blueprint.arguments(devices.SecretGiven)
@blueprint.response(201, devices.DeviceSecret)
@blueprint.alt_response(404, description="no_such_device")
@blueprint.alt_response(409, description="secret_taken")
@blueprint.alt_response(422, description="bad_secret, invalid_arguments")
@needs(Role.ADMIN)
def give_device_secret(given: dict[str, Any], device_id: int) -> dict[str, Any]:
    """Let a device sign what it sends, in the place of a key; from now on it is believed with its signature only.

    For a Gatehouse below this one: its subscription signs. The secret before this one holds for a day more.
    """
    return {"secret": services().trusting.give_secret(device_id, given["secret"])}


@blueprint.delete(f"/devices/<{ID}:device_id>/key")
@blueprint.response(204)
@blueprint.alt_response(404, description="no_such_device")
@needs(Role.ADMIN)
def take_device_key(device_id: int) -> None:
    """Take a device's key, certificate or signing secret away: it is known by its licence and address again."""
    services().trusting.take_key(device_id)
