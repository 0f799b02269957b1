"""Putting the library right: merge, split, promote, ignore, and the way back."""

from typing import Any

from receiver.domain.accounts import Role
from receiver.domain.events import ListName
from receiver.services.correcting.correcting import Promotion
from receiver.services.correcting.splitting import Split
from receiver.store.corrections import CorrectionFilter
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from receiver.web.auth import needs, who
from schemas import corrections as schemas
from schemas.answers import page_of

blueprint = ApiBlueprint("corrections", __name__, description="What was put right in the library; each can be undone")

PERSON = "no_such_person"
BUSY = "person_merged: the person is another one by now; still_moving: events of an earlier correction are being moved"


@blueprint.post(f"/people/<{ID}:person_id>/merge")
@blueprint.arguments(schemas.MergeRequest)
@blueprint.response(200, schemas.Correction)
@blueprint.alt_response(404, description=PERSON)
@blueprint.alt_response(
    409, description=f"contradiction: their faces are far apart; lists_differ: say with `list` which one holds; {BUSY}"
)
@blueprint.alt_response(422, description="invalid_arguments, same_person, list_of_neither")
@needs(Role.REGISTRAR)
def merge_people(wanted: dict[str, Any], person_id: int) -> dict[str, Any]:
    """Make one person of two: this one stays and has the faces, ids, groups and events of the other.

    The other's id stays known: `GET /v1/people/{other}` answers with state `merged` and `merged_into`.
    """
    into_list = ListName(wanted["list"]) if wanted["list"] else None
    return _done(
        services().correcting.merge(
            person_id, wanted["other"], by=who(), is_insisted=wanted["override"], into_list=into_list
        )
    )


@blueprint.post(f"/people/<{ID}:person_id>/split")
@blueprint.arguments(schemas.SplitRequest)
@blueprint.response(200, schemas.Correction)
@blueprint.alt_response(404, description=PERSON)
@blueprint.alt_response(409, description=f"contradiction: the faces are not those of `to`; {BUSY}")
@blueprint.alt_response(422, description="invalid_arguments, nothing_chosen, not_the_persons, same_person")
@needs(Role.REGISTRAR)
def split_person(wanted: dict[str, Any], person_id: int) -> dict[str, Any]:
    """Give some faces and events of this person to somebody else: a new person, or the one named with `to`."""
    split = Split(
        faces=frozenset(wanted["faces"]),
        events=frozenset(wanted["events"]),
        to=wanted["to"],
        list=ListName(wanted["list"]),
        name=wanted["name"],
        is_insisted=wanted["override"],
    )
    return _done(services().splitting.split(person_id, split, by=who()))


@blueprint.post(f"/strangers/<{ID}:person_id>/promote", endpoint="promote_by_strangers")
@blueprint.post(f"/people/<{ID}:person_id>/promote")
@blueprint.arguments(schemas.Promotion)
@blueprint.response(200, schemas.Correction)
@blueprint.alt_response(404, description=PERSON)
@blueprint.alt_response(
    409, description=f"look_alike: it is somebody else's face; not_a_stranger; external_id_taken; {BUSY}"
)
@blueprint.alt_response(422, description="invalid_arguments")
@needs(Role.REGISTRAR)
def promote_stranger(wanted: dict[str, Any], person_id: int) -> dict[str, Any]:
    """Make a stranger staff, visitor, VIP or one of the blacklist, with the whole history."""
    promotion = Promotion(
        ListName(wanted["list"]), wanted["name"], wanted["external_id"], wanted["groups"], wanted["override"]
    )
    return _done(services().correcting.promote(person_id, promotion, by=who()))


@blueprint.post(f"/strangers/<{ID}:person_id>/ignore", endpoint="ignore_by_strangers")
@blueprint.post(f"/people/<{ID}:person_id>/ignore")
@blueprint.arguments(schemas.Nothing)
@blueprint.response(200, schemas.Correction)
@blueprint.alt_response(404, description=PERSON)
@blueprint.alt_response(409, description=f"not_a_stranger, already_ignored; {BUSY}")
@needs(Role.GUARD)
def ignore_stranger(_wanted: dict[str, Any], person_id: int) -> dict[str, Any]:
    """Say that a stranger is nobody, a poster on the wall: recognised from then on, listed no more, and nothing comes of it."""
    return _done(services().correcting.ignore(person_id, by=who()))


@blueprint.post(f"/people/<{ID}:person_id>/undo")
@blueprint.arguments(schemas.Nothing)
@blueprint.response(200, schemas.Correction)
@blueprint.alt_response(404, description="no_such_person, nothing_to_undo")
@blueprint.alt_response(409, description="later_correction, person_gone, still_moving")
@needs(Role.REGISTRAR)
def undo_last(_wanted: dict[str, Any], person_id: int) -> dict[str, Any]:
    """Undo the last correction in which this person takes part."""
    return _done(services().undoing.undo_last(person_id, by=who()))


@blueprint.get("/corrections")
@blueprint.arguments(schemas.CorrectionQuery, location="query")
@blueprint.response(200, page_of(schemas.Correction))
@needs(Role.VIEWER)
def list_corrections(query: dict[str, Any]) -> dict[str, Any]:
    """List corrections, newest first; of one person with `person`."""
    return shown(services().corrections.listed(CorrectionFilter(query["person"], query["cursor"], query["limit"])))


@blueprint.get(f"/corrections/<{ID}:correction_id>")
@blueprint.response(200, schemas.Correction)
@blueprint.alt_response(404, description="no_such_correction")
@needs(Role.VIEWER)
def get_correction(correction_id: int) -> dict[str, Any]:
    """Show a correction."""
    return services().corrections.show(correction_id)


@blueprint.post(f"/corrections/<{ID}:correction_id>/undo")
@blueprint.arguments(schemas.Nothing)
@blueprint.response(200, schemas.Correction)
@blueprint.alt_response(404, description="no_such_correction")
@blueprint.alt_response(
    409,
    description="already_undone; later_correction: `blocked_by` must be undone first; person_gone: somebody was deleted"
    " or erased; still_moving; lists_differ: whom a split made was put on a list since",
)
@needs(Role.REGISTRAR)
def undo_correction(_wanted: dict[str, Any], correction_id: int) -> dict[str, Any]:
    """Undo a correction: what was changed or taken away since stays so, what rests on a face goes with the face."""
    services().undoing.undo(correction_id, by=who())
    return _done(correction_id)


def _done(correction_id: int) -> dict[str, Any]:
    return services().corrections.show(correction_id)
