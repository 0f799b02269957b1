"""Events, blacklist hits, and the messages they came in."""

from datetime import datetime
from typing import Any

from receiver.store.listing import EventFilter
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from schemas import answers, api

blueprint = ApiBlueprint("events", __name__, description="Who was seen, where, when, and what we say about it")


@blueprint.get("/events")
@blueprint.arguments(api.EventQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Event))
def list_events(query: dict[str, Any]) -> dict[str, Any]:
    """List events, newest first by order of receipt."""
    return shown(services().asking.events(_filter(query)))


@blueprint.get(f"/events/<{ID}:event_id>")
@blueprint.response(200, answers.EventInFull)
def get_event(event_id: int) -> dict[str, Any]:
    """Show one event with everything that was seen on its pictures."""
    return services().asking.event(event_id)


@blueprint.get(f"/events/<{ID}:event_id>/messages")
@blueprint.response(200, answers.page_of(answers.Original))
def get_event_messages(event_id: int) -> dict[str, Any]:
    """Give back the messages that told of an event, as they arrived."""
    services().asking.event(event_id)
    return {"items": services().originals.of_event(event_id), "next": None}


@blueprint.get("/blacklist/hits")
@blueprint.arguments(api.EventQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Event))
def list_blacklist_hits(query: dict[str, Any]) -> dict[str, Any]:
    """List events of people on the blacklist, as the device, the face or both said."""
    return shown(services().asking.events(_filter(query, is_blacklist_hit=True)))


def _filter(query: dict[str, Any], *, is_blacklist_hit: bool = False) -> EventFilter:
    return EventFilter(
        list=query["list"],
        device=query["device"],
        person=query["person"],
        decision=query["decision"],
        want_action=query["want_action"],
        since=_aware(query["since"]),
        until=_aware(query["until"]),
        text=query["q"],
        is_blacklist_hit=is_blacklist_hit,
        before=query["cursor"],
        limit=query["limit"],
    )


def _aware(moment: datetime | None) -> datetime | None:
    """A time without a zone is one of the site."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=services().settings.timezone)
