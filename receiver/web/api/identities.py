"""Device identities: whom the boxes know, and taking them over into the library."""

from typing import Any

from flask import Response, jsonify

from receiver.domain.accounts import Role
from receiver.services.adopting.adoptions import NewAdoption
from receiver.store.identities import IdentityFilter
from receiver.web.api.blueprint import ID, ApiBlueprint, services, shown
from receiver.web.auth import needs, who
from schemas import api
from schemas import identities as schemas
from schemas.answers import page_of

blueprint = ApiBlueprint("identities", __name__, description="Whom devices know, and taking them into the library")


@blueprint.get("/identities")
@blueprint.arguments(schemas.IdentityQuery, location="query")
@blueprint.response(200, page_of(schemas.DeviceIdentity))
@needs(Role.VIEWER)
def list_identities(query: dict[str, Any]) -> dict[str, Any]:
    """List whom devices know, by device and id: name, list and last library picture, and whose id it is in our library."""
    wanted = IdentityFilter(query["device"], query["state"], query["list"], query["q"])
    return shown(services().adoptions.identities(wanted, query["cursor"], query["limit"]))


@blueprint.post("/identities/adopt")
@blueprint.arguments(schemas.Adopt)
@blueprint.response(202, schemas.Adoption)
@blueprint.alt_response(422, description="invalid_arguments")
@blueprint.alt_response(503, description="recognition_off")
@needs(Role.REGISTRAR)
def adopt(wanted: dict[str, Any]) -> Response:
    """Take identities over into the library: all, those of a filter, or those chosen.

    A worker enrols each through the gate of enrolment. Whoever is adopted, or was refused with the same picture, is not
    tried again: given a second time, it changes nothing.
    """
    chosen = wanted["identities"]
    which = IdentityFilter(
        wanted["device"],
        None,
        wanted["list"],
        wanted["q"],
        None if chosen is None else [(each["device"], each["external_id"]) for each in chosen],
    )
    by = who()
    begun = services().adoptions.begin(NewAdoption(which, by, wanted["again"]))
    answer = jsonify(schemas.Adoption().dump(services().adoptions.show(begun)))
    answer.status_code = 202
    answer.headers["Location"] = f"/v1/adoptions/{begun}"
    return answer


@blueprint.get("/adoptions")
@blueprint.arguments(api.PageQuery, location="query")
@blueprint.response(200, page_of(schemas.Adoption))
@needs(Role.VIEWER)
def list_adoptions(query: dict[str, Any]) -> dict[str, Any]:
    """List adoptions, newest first."""
    return shown(services().adoptions.listed(query["cursor"], query["limit"]))


@blueprint.get(f"/adoptions/<{ID}:adoption_id>")
@blueprint.response(200, schemas.Adoption)
@needs(Role.VIEWER)
def get_adoption(adoption_id: int) -> dict[str, Any]:
    """Show how far an adoption is."""
    return services().adoptions.show(adoption_id)


@blueprint.post(f"/adoptions/<{ID}:adoption_id>/cancel")
@blueprint.response(200, schemas.Adoption)
@blueprint.alt_response(409, description="adoption_ended")
@needs(Role.REGISTRAR)
def cancel_adoption(adoption_id: int) -> dict[str, Any]:
    """End an adoption after the identity under way; whoever is enrolled stays."""
    return services().adoptions.cancel(adoption_id)
