"""The review list: what a person should look at, and what is done about it."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.domain.events import ListName
from receiver.domain.reviews import ACCEPTED_BY, ReviewKind, ReviewState
from receiver.services.reviewing.reviews_shown import from_cursor
from receiver.store.review_lists import ReviewFilter
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services
from receiver.web.auth import needs, require, who
from receiver.web.language import in_their_language
from schemas import reviews as schemas
from schemas.api import InvalidArguments

blueprint = ApiBlueprint("reviews", __name__, description="What a person should look at")

MISSING = "no_such_review"
DECIDED = "already_decided: `detail` says by whom, and how; review_settled: it went away by itself"


@blueprint.get("/reviews")
@blueprint.arguments(schemas.ReviewQuery, location="query")
@blueprint.response(200, schemas.ReviewPage)
@needs(Role.VIEWER)
def list_reviews(query: dict[str, Any]) -> dict[str, Any]:
    """List what a person should look at, and count it by kind and state.

    Without `kind` every kind has its share of a page, so that thousands of one kind do not hide the others.
    """
    state = None if query["state"] == schemas.ANY else ReviewState(query["state"])
    wanted = ReviewFilter(
        kinds=tuple(dict.fromkeys(ReviewKind(each) for each in query["kind"])),
        state=state,
        person=query["person"],
        since=aware(query["since"]),
        is_oldest_first=query["order"] == schemas.OLDEST,
        limit=query["limit"],
    )
    try:
        wanted = from_cursor(wanted, query["cursor"])
    except ValueError:
        raise InvalidArguments({"cursor": ["must be `next` of the page before"]}) from None
    return in_their_language(services().reviews.page(wanted))


@blueprint.get(f"/reviews/<{ID}:review_id>")
@blueprint.response(200, schemas.Review)
@blueprint.alt_response(404, description=MISSING)
@needs(Role.VIEWER)
def get_review(review_id: int) -> dict[str, Any]:
    """Show an item with its pictures and what each answer does."""
    return _shown(review_id)


@blueprint.post(f"/reviews/<{ID}:review_id>/accept")
@blueprint.arguments(schemas.Accept)
@blueprint.response(200, schemas.Review)
@blueprint.alt_response(403, description="role_too_low, also where the kind needs more than the role named here")
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(
    409, description=f"{DECIDED}; or why it cannot be done: no_face, lists_differ ...; nothing is changed"
)
@blueprint.alt_response(422, description="still_unreadable")
@blueprint.alt_response(503, description="recognition_off, busy: nothing is changed")
@needs(Role.GUARD)
def accept_review(wanted: dict[str, Any], review_id: int) -> dict[str, Any]:
    """Do what the item proposes; `on_accept` says what that is.

    What changes the library is for registrars, reading a message in quarantine again for administrators.
    """
    require(ACCEPTED_BY[ReviewKind(services().reviews.item(review_id)["kind"])])
    into_list = ListName(wanted["list"]) if wanted["list"] else None
    services().reviewing.accept(review_id, who(), into_list)
    return _shown(review_id)


@blueprint.post(f"/reviews/<{ID}:review_id>/reject")
@blueprint.arguments(schemas.Reject)
@blueprint.response(200, schemas.Review)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(409, description=f"{DECIDED}; must_be_done: such a task cannot be dropped")
@needs(Role.GUARD)
def reject_review(_nothing: dict[str, Any], review_id: int) -> dict[str, Any]:
    """Leave everything as it is; the same is not asked again."""
    services().reviewing.reject(review_id, who())
    return _shown(review_id)


@blueprint.post(f"/reviews/<{ID}:review_id>/later")
@blueprint.arguments(schemas.Later)
@blueprint.response(200, schemas.Review)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(409, description=DECIDED)
@blueprint.alt_response(422, description="not_in_the_future")
@needs(Role.GUARD)
def put_review_off(wanted: dict[str, Any], review_id: int) -> dict[str, Any]:
    """Ask again later: tomorrow, or at the time that is given."""
    services().reviewing.later(review_id, aware(wanted["until"]))
    return _shown(review_id)


def _shown(review_id: int) -> dict[str, Any]:
    return in_their_language(services().reviews.item(review_id))
