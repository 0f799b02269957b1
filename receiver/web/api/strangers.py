"""Strangers, who came into the library by themselves, and the visits of anybody."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.services.asking.visiting import Timeline, place_after
from receiver.store.strangers import StrangerFilter
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services, shown
from receiver.web.auth import limits, needs
from schemas import answers, visits

blueprint = ApiBlueprint("strangers", __name__, description="Strangers with lasting ids; who came when, and how often")


@blueprint.get("/strangers")
@blueprint.arguments(visits.StrangerQuery, location="query")
@blueprint.response(200, answers.page_of(answers.Person))
@needs(Role.VIEWER, is_limited=True)
def list_strangers(query: dict[str, Any]) -> dict[str, Any]:
    """List strangers with how often and when they were seen, the latest or the most frequent first."""
    cursor = query["cursor"]
    wanted = StrangerFilter(
        state=query["state"],
        text=query["q"],
        since=aware(query["since"]),
        until=aware(query["until"]),
        device=query["device"],
        gate=query["gate"],
        min_visits=query["min_visits"],
        order=query["order"],
        after=None if cursor is None else place_after(cursor, query["order"]),
        limit=query["limit"],
        limits=limits(),
    )
    return shown(services().visiting.strangers(wanted))


@blueprint.get(f"/strangers/<{ID}:person_id>")
@blueprint.response(200, answers.PersonInFull)
@needs(Role.VIEWER, is_limited=True)
def get_stranger(person_id: int) -> dict[str, Any]:
    """Show a stranger with all faces and every gate; whoever is somebody by now is under /v1/people."""
    return services().visiting.stranger(person_id, limits())


@blueprint.get(f"/people/<{ID}:person_id>/visits")
@blueprint.arguments(visits.VisitQuery, location="query")
@blueprint.response(200, answers.page_of(visits.Visit))
@needs(Role.VIEWER, is_limited=True)
def list_visits(query: dict[str, Any], person_id: int) -> dict[str, Any]:
    """List somebody's visits, newest first: sightings that follow each other within `GATEHOUSE_VISIT_MINUTES` are one."""
    return shown(services().visiting.timeline(person_id, Timeline(query["cursor"], query["limit"], limits())))
