"""Subscriptions: who is told what, where, when and how; and once more what was told."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.domain.subscriptions import Origin
from receiver.translation.subscriptions import Author, changed, to_subscription
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services, shown
from receiver.web.auth import needs, who
from schemas import subscriptions as schemas
from schemas.answers import page_of
from schemas.api import PageQuery

blueprint = ApiBlueprint("subscriptions", __name__, description="Who is told what, where, when and how")

MISSING = "no_such_subscription"
REFUSED = (
    "invalid_arguments, bad_target, bad_secrets, forbidden_address, bad_schedule, bad_template, bad_filter ...: "
    "docs/how-to/trouble.md has each"
)
UNFIT = "bad_template, template_failed, cannot_convert, invalid_arguments"


@blueprint.get("/subscriptions")
@blueprint.arguments(schemas.SubscriptionQuery, location="query")
@blueprint.response(200, page_of(schemas.Subscription))
@needs(Role.ADMIN)
def list_subscriptions(query: dict[str, Any]) -> dict[str, Any]:
    """List subscriptions with their figures, in the order in which they were made."""
    return shown(services().subscriptions.page(query["cursor"] or 0, query["limit"], query["state"]))


@blueprint.post("/subscriptions")
@blueprint.arguments(schemas.NewSubscription)
@blueprint.response(201, schemas.SubscriptionMade)
@blueprint.alt_response(409, description="name_taken, too_many_subscriptions")
@blueprint.alt_response(422, description=REFUSED)
@needs(Role.ADMIN)
def add_subscription(new: dict[str, Any]) -> dict[str, Any]:
    """Make a subscription; from now on what it wants is kept for it and sent.

    With `signed` a signing secret is made, for `http`; it is in this answer and nowhere else.
    """
    author = Author(Origin.API, who(), _zone())
    made = services().subscribing.add(to_subscription(new, author), is_signed=new["signed"])
    return services().subscriptions.one(made.id) | {"signing_secret": made.secret}


@blueprint.get(f"/subscriptions/<{ID}:subscription_id>")
@blueprint.response(200, schemas.Subscription)
@blueprint.alt_response(404, description=MISSING)
@needs(Role.ADMIN)
def get_subscription(subscription_id: int) -> dict[str, Any]:
    """Show a subscription with its figures."""
    return services().subscriptions.one(subscription_id)


@blueprint.patch(f"/subscriptions/<{ID}:subscription_id>")
@blueprint.arguments(schemas.SubscriptionChange)
@blueprint.response(200, schemas.Subscription)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(
    409, description="name_taken; set_in_settings: where such a one goes to, and when, is not changed here"
)
@blueprint.alt_response(422, description=REFUSED)
@needs(Role.ADMIN)
def change_subscription(sent: dict[str, Any], subscription_id: int) -> dict[str, Any]:
    """Change a subscription, pause it, disable it, or let it go on; what waits for it stays."""
    zone = _zone()
    services().subscribing.change(subscription_id, lambda known: changed(known, sent, zone), Origin.API)
    return services().subscriptions.one(subscription_id)


@blueprint.delete(f"/subscriptions/<{ID}:subscription_id>")
@blueprint.response(204)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(409, description="set_in_settings")
@needs(Role.ADMIN)
def remove_subscription(subscription_id: int) -> None:
    """Remove a subscription with everything that waits for it."""
    services().subscribing.remove(subscription_id)


@blueprint.post(f"/subscriptions/<{ID}:subscription_id>/secret")
@blueprint.response(201, schemas.SigningSecret)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(409, description="not_signed: only what goes over http is signed")
@needs(Role.ADMIN)
def make_signing_secret(subscription_id: int) -> dict[str, Any]:
    """Make another signing secret; for a day what is sent is signed with the one before too."""
    made = services().subscribing.new_secret(subscription_id)
    return {"secret": made.secret, "old_until": made.old_until}


@blueprint.post("/subscriptions/preview")
@blueprint.arguments(schemas.PreviewWanted)
@blueprint.response(200, schemas.Preview)
@blueprint.alt_response(404, description="no_such_event")
@blueprint.alt_response(422, description=UNFIT)
@needs(Role.ADMIN)
def preview_any(wanted: dict[str, Any]) -> dict[str, Any]:
    """Show what a real event looks like in a format or template, before there is a subscription. Nothing is sent."""
    return services().previewing.of(None, wanted, _zone())


@blueprint.post(f"/subscriptions/<{ID}:subscription_id>/preview")
@blueprint.arguments(schemas.PreviewWanted)
@blueprint.response(200, schemas.Preview)
@blueprint.alt_response(404, description=f"{MISSING}, no_such_event")
@blueprint.alt_response(422, description=UNFIT)
@needs(Role.ADMIN)
def preview(wanted: dict[str, Any], subscription_id: int) -> dict[str, Any]:
    """Show what would be sent of a real event; with another format, template or way of pictures to try it. Nothing is sent."""
    return services().previewing.of(subscription_id, wanted, _zone())


@blueprint.post(f"/subscriptions/<{ID}:subscription_id>/replay")
@blueprint.arguments(schemas.Replay)
@blueprint.response(202, schemas.ReplayShown)
@blueprint.alt_response(404, description=f"{MISSING}, no_such_event")
@blueprint.alt_response(409, description="subscription_disabled")
@needs(Role.ADMIN)
def replay(wanted: dict[str, Any], subscription_id: int) -> dict[str, Any]:
    """Send past events once more that it wants: of a time, a device, a list, or one of them; behind what waits already."""
    named = {**wanted, "since": aware(wanted["since"]), "until": aware(wanted["until"])}
    return services().repeating.replay(subscription_id, named, who())


@blueprint.get(f"/subscriptions/<{ID}:subscription_id>/replays")
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, page_of(schemas.ReplayShown))
@needs(Role.ADMIN)
def list_replays(query: dict[str, Any], subscription_id: int) -> dict[str, Any]:
    """List the replays of a subscription, newest first, with how far they are."""
    return shown(services().repeating.page(subscription_id, query["cursor"], query["limit"]))


def _zone() -> str:
    return str(services().settings.timezone)
