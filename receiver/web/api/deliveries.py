"""Deliveries: what was sent to whom, every try, and the dead ones once more."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.store.deliveries import DeadFilter
from receiver.store.delivery_lists import DeliveryFilter
from receiver.web import auditing
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services, shown
from receiver.web.auth import needs
from schemas import deliveries as schemas
from schemas.answers import page_of

blueprint = ApiBlueprint("deliveries", __name__, description="What was sent to whom, and what was answered")


@blueprint.get("/deliveries")
@blueprint.arguments(schemas.DeliveryQuery, location="query")
@blueprint.response(200, page_of(schemas.Delivery))
@needs(Role.ADMIN)
def list_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """List deliveries, newest first; those that were taken are kept for a while."""
    wanted = DeliveryFilter(
        subscription=query["subscription"],
        device=query["device"],
        state=query["state"],
        event=query["event"],
        since=aware(query["since"]),
        until=aware(query["until"]),
        before=query["cursor"],
        limit=query["limit"],
    )
    return shown(services().deliveries.page(wanted))


@blueprint.get(f"/deliveries/<{ID}:delivery_id>")
@blueprint.response(200, schemas.DeliveryInFull)
@blueprint.alt_response(404, description="no_such_delivery, also when it was delivered a while ago")
@needs(Role.ADMIN)
def get_delivery(delivery_id: int) -> dict[str, Any]:
    """Show a delivery with every try: when, how long, which status, and the beginning of the answer."""
    return services().deliveries.one(delivery_id)


@blueprint.post("/deliveries/retry")
@blueprint.arguments(schemas.Retry)
@blueprint.response(200, schemas.Counted)
@needs(Role.ADMIN)
def retry_deliveries(wanted: dict[str, Any]) -> dict[str, Any]:
    """Try dead deliveries once more: those with the ids, or all of a subscription, a device or a time."""
    again = services().repeating.retry(
        DeadFilter(
            ids=wanted.get("ids"),
            subscription_id=wanted.get("subscription"),
            device_id=wanted.get("device"),
            since=aware(wanted.get("since")),
            until=aware(wanted.get("until")),
        )
    )
    auditing.tell(rows=again)
    return {"deliveries": again}
