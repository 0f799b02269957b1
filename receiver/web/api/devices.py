"""Devices and their gates."""

from typing import Any

from receiver.web.api.blueprint import ApiBlueprint, services, shown
from schemas import answers, api

blueprint = ApiBlueprint("devices", __name__, description="Who speaks to us, and the gates they speak for")


@blueprint.get("/devices")
@blueprint.arguments(api.PageQuery, location="query")
@blueprint.response(200, answers.page_of(answers.DeviceInFull))
def list_devices(query: dict[str, Any]) -> dict[str, Any]:
    """List devices in the order in which they first spoke, each with its gates and newest status."""
    return shown(services().asking.devices(query["cursor"] or 0, query["limit"]))
