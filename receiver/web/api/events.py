"""Events, blacklist hits, and the messages they came in."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.store.listing import EventFilter
from receiver.web import auditing
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services, shown
from receiver.web.auth import limits, needs
from schemas import answers, api

blueprint = ApiBlueprint("events", __name__, description="Who was seen, where, when, and what we say about it")


@blueprint.get("/events")
@blueprint.arguments(api.EventQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Event))
@needs(Role.VIEWER, is_limited=True)
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """List events, newest first by order of receipt."""
    return shown(services().asking.events(_filter(query)))


@blueprint.get(f"/events/<{ID}:event_id>")
@blueprint.response(200, answers.EventInFull)
@needs(Role.VIEWER, is_limited=True)
def get_event(event_id: int) -> dict[str, Any]:
    """Show one event with everything that was seen on its pictures."""
    return services().asking.event(event_id, limits())


@blueprint.patch(f"/events/<{ID}:event_id>")
@blueprint.arguments(api.EventChange)
@blueprint.response(200, answers.EventInFull)
@needs(Role.ADMIN)
def change_event(change: dict[str, Any], event_id: int) -> dict[str, Any]:
    """Put an event on legal hold, or lift it; nothing else of an event can be changed."""
    auditing.tell(legal_hold=change["legal_hold"])
    services().holding.event(event_id, is_held=change["legal_hold"])
    return services().asking.event(event_id)


@blueprint.get(f"/events/<{ID}:event_id>/messages")
@blueprint.response(200, answers.page_of(answers.Original))
@needs(Role.VIEWER)
def get_event_messages(event_id: int) -> dict[str, Any]:
    """Give back the messages that told of an event, as they arrived."""
    services().asking.event(event_id)
    return {"items": services().originals.of_event(event_id), "next": None}


@blueprint.get("/blacklist/hits")
@blueprint.arguments(api.EventQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Event))
@needs(Role.VIEWER, is_limited=True)
def list_blacklist_hits(query: dict[str, Any]) -> dict[str, Any]:
    """List events of people on the blacklist, as the device, the face or both said."""
    return shown(services().asking.events(_filter(query, is_blacklist_hit=True)))


def _filter(query: dict[str, Any], *, is_blacklist_hit: bool = False) -> EventFilter:
    return EventFilter(
        list=query["list"],
        device=query["device"],
        person=query["person"],
        decision=query["decision"],
        second_opinion=query["second_opinion"],
        want_action=query["want_action"],
        since=aware(query["since"]),
        until=aware(query["until"]),
        text=query["q"],
        verified=query["verified"],
        is_blacklist_hit=is_blacklist_hit,
        limits=limits(),
        before=query["cursor"],
        limit=query["limit"],
    )
