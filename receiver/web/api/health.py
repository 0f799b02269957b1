"""Whether the server lives, and whether it is ready for work."""

from typing import Any

from flask import Response

from receiver.web.api.blueprint import ApiBlueprint, services
from receiver.web.auth import public
from schemas import answers

blueprint = ApiBlueprint("health", __name__, description="For supervisors and load balancers")


@blueprint.get("/health/live")
@blueprint.response(200, answers.Health)
@public
def live() -> dict[str, Any]:
    """Answer as long as the process does."""
    return {"status": "live", "problems": []}


@blueprint.get("/health/ready")
@blueprint.response(200, answers.Health)
@blueprint.alt_response(503, schema=answers.Health, description="not ready; `problems` says why")
@public
def ready() -> tuple[dict[str, Any], int] | Response | dict[str, Any]:
    """Answer 200 if events can be kept, else 503 with the problems."""
    problems = services().health.problems()
    if problems:
        return {"status": "not_ready", "problems": problems}, 503
    return {"status": "ready", "problems": []}
