"""Rules: when alerts are opened."""

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response

from receiver.domain.accounts import Role
from receiver.domain.alerts import storable
from receiver.web.api.blueprint import ID, ApiBlueprint, aware, services
from receiver.web.auth import needs, who
from schemas import answers
from schemas import rules as schemas

blueprint = ApiBlueprint("rules", __name__, description="When alerts are opened, and how much they matter")

MISSING = "no_such_rule"
WRONG = "bad_rule, bad_window, bad_zone, unknown_calendar"
DAY = timedelta(days=1)


@blueprint.get("/rules")
@blueprint.response(200, answers.page_of(schemas.Rule))
@needs(Role.VIEWER)
def list_rules() -> dict[str, Any]:
    """List all rules, ready-made ones first."""
    return {"items": services().rules.listed(), "next": None}


@blueprint.post("/rules")
@blueprint.arguments(schemas.NewRule)
@blueprint.response(201, schemas.Rule)
@blueprint.alt_response(409, description="too_many_rules")
@blueprint.alt_response(422, description=WRONG)
@needs(Role.ADMIN)
def add_rule(new: dict[str, Any]) -> dict[str, Any]:
    """Make a rule; workers follow it within a second."""
    return services().rules.rule(services().rules.add(new, who()))


@blueprint.get(f"/rules/<{ID}:rule_id>")
@blueprint.response(200, schemas.Rule)
@blueprint.alt_response(404, description=MISSING)
@needs(Role.VIEWER)
def get_rule(rule_id: int) -> dict[str, Any]:
    """Show a rule."""
    return services().rules.rule(rule_id)


@blueprint.patch(f"/rules/<{ID}:rule_id>")
@blueprint.arguments(schemas.RuleChange)
@blueprint.response(200, schemas.Rule)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(422, description=WRONG)
@needs(Role.ADMIN)
def change_rule(change: dict[str, Any], rule_id: int) -> dict[str, Any]:
    """Change a rule, or switch it on or off."""
    services().rules.change(rule_id, change, who())
    return services().rules.rule(rule_id)


@blueprint.delete(f"/rules/<{ID}:rule_id>")
@blueprint.response(204)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(409, description="ready_made")
@needs(Role.ADMIN)
def remove_rule(rule_id: int) -> Response:
    """Remove a rule; its alerts stay."""
    services().rules.remove(rule_id)
    return Response(status=204)


@blueprint.post(f"/rules/<{ID}:rule_id>/dry-run")
@blueprint.arguments(schemas.Period)
@blueprint.response(200, schemas.TrialResult)
@blueprint.alt_response(404, description=MISSING)
@blueprint.alt_response(422, description="cannot_replay, bad_period")
@needs(Role.ADMIN)
def try_rule(period: dict[str, Any], rule_id: int) -> dict[str, Any]:
    """Say which alerts a rule would have opened in a past period; nothing is opened."""
    return _tried(services().rules.rule(rule_id), period)


@blueprint.post("/rules/dry-run")
@blueprint.arguments(schemas.Trial)
@blueprint.response(200, schemas.TrialResult)
@blueprint.alt_response(422, description=f"{WRONG}, cannot_replay, bad_period")
@needs(Role.ADMIN)
def try_new_rule(trial: dict[str, Any]) -> dict[str, Any]:
    """The same with a rule that is not made yet."""
    return _tried(trial["rule"], trial)


def _tried(rule: dict[str, Any], period: dict[str, Any]) -> dict[str, Any]:
    until = storable(aware(period["until"]) or datetime.now(UTC))
    return services().trying_rules.run(rule, storable(aware(period["since"]) or until - DAY), until)
