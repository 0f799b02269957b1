"""Rules as /v1/rules takes and gives them."""

from typing import Any

from marshmallow import fields, validate

from schemas.alerts import ONE_ID, SEVERITIES
from schemas.api import LISTS, OPINIONS, STATUSES, Moment, Strict, Text, Whole
from schemas.giving import Answer

TRIGGERS = ("event", "device_silent", "quarantine_growing", "backlog_growing")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ON_HOLIDAYS = ("as_usual", "never", "only")
SECONDS = validate.Range(0, 31_536_000)
CLOCK = validate.Regexp(r"\A([01][0-9]|2[0-3]):[0-5][0-9]\Z|\A24:00\Z", error="must be a time such as 22:00")


def _some(inner: fields.Field[Any], what: str) -> "fields.List[Any]":
    return fields.List(inner, validate=validate.Length(max=500), metadata={"description": what})


class Window(Strict):
    days = fields.List(
        fields.String(validate=validate.OneOf(DAYS)),
        validate=validate.Length(max=7),
        metadata={"description": "none: every day; a night belongs to the day on which it begins"},
    )
    begins = fields.String(required=True, validate=CLOCK)
    ends = fields.String(
        required=True, validate=CLOCK, metadata={"description": "at or before `begins`: of the next day"}
    )


class Conditions(Strict):
    lists = _some(fields.String(validate=validate.OneOf(LISTS)), "blacklist: the device, the face or both said so")
    decisions = _some(fields.String(validate=validate.OneOf(STATUSES)), "what we say of the face")
    second_opinions = _some(fields.String(validate=validate.OneOf(OPINIONS)), "what we say to the device's word")
    devices = _some(Whole(validate=ONE_ID), "ids")
    gates = _some(Whole(validate=ONE_ID), "ids")
    device_groups = _some(Text(validate=validate.Length(1, 64)), "groups of devices")
    person_groups = _some(Text(validate=validate.Length(1, 64)), "groups of people")
    after_seconds = Whole(
        validate=SECONDS, metadata={"description": "device_silent: so long; backlog_growing: the oldest waits so long"}
    )
    count = Whole(
        validate=validate.Range(1, 100_000), metadata={"description": "so many in quarantine or in the backlog"}
    )
    within_seconds = Whole(validate=SECONDS, metadata={"description": "quarantine_growing: came in this time"})
    windows = fields.List(
        fields.Nested(Window), validate=validate.Length(max=50), metadata={"description": "none: always"}
    )
    zone = Text(validate=validate.Length(max=64), metadata={"description": "such as Europe/Berlin; else the site's"})
    country = Text(
        validate=validate.Regexp(r"\A[A-Z]{2}\Z|\A\Z"), metadata={"description": "whose holidays count, such as DE"}
    )
    subdivision = Text(validate=validate.Length(max=16), metadata={"description": "of the country, such as BY"})
    dates = _some(
        fields.String(validate=validate.Regexp(r"\A\d{4}-\d\d-\d\d\Z")), "further days that count as holidays"
    )
    on_holidays = fields.String(validate=validate.OneOf(ON_HOLIDAYS))


class RuleChange(Strict):
    name = Text(validate=validate.Length(1, 255))
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    is_active = fields.Boolean()
    conditions = fields.Nested(Conditions, metadata={"description": "takes the place of all conditions"})
    suppress_seconds = Whole(
        validate=SECONDS,
        metadata={
            "description": "so long after an event another of the same person and device belongs to the same alert"
        },
    )
    escalate_seconds = Whole(
        allow_none=True,
        validate=validate.Range(1, 31_536_000),
        metadata={
            "description": "after which somebody else is told, unless somebody has acknowledged it; null: nobody"
        },
    )


class NewRule(Strict):
    name = Text(required=True, validate=validate.Length(1, 255))
    trigger = fields.String(load_default="event", validate=validate.OneOf(TRIGGERS))
    severity = fields.String(load_default="warning", validate=validate.OneOf(SEVERITIES))
    is_active = fields.Boolean(load_default=True)
    conditions = fields.Nested(Conditions, load_default=dict)
    suppress_seconds = Whole(load_default=300, validate=SECONDS)
    escalate_seconds = Whole(load_default=None, allow_none=True, validate=validate.Range(1, 31_536_000))


class Period(Strict):
    since = Moment(data_key="from", load_default=None, metadata={"description": "a day ago if it is not given"})
    until = Moment(data_key="to", load_default=None, metadata={"description": "now if it is not given"})


class Trial(Period):
    rule = fields.Nested(NewRule, required=True)


class Rule(Answer):
    id = fields.Integer()
    built_in = fields.String(allow_none=True, metadata={"description": "of a ready-made one"})
    name = fields.String()
    trigger = fields.String(validate=validate.OneOf(TRIGGERS))
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    is_active = fields.Boolean()
    conditions = fields.Nested(Conditions)
    suppress_seconds = fields.Integer()
    escalate_seconds = fields.Integer(allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    updated_by = fields.String()


class WouldOpen(Answer):
    kind = fields.String()
    severity = fields.String()
    started_at = fields.AwareDateTime()
    last_at = fields.AwareDateTime()
    events = fields.Integer()
    event = fields.Integer(metadata={"description": "the first of them"})
    person = fields.Integer(allow_none=True)
    device = fields.Integer()
    gate = fields.Integer(allow_none=True)
    list = fields.String()


class TrialResult(Answer):
    since = fields.AwareDateTime(data_key="from", attribute="from")
    until = fields.AwareDateTime(data_key="to", attribute="to")
    events = fields.Integer(metadata={"description": "that were weighed"})
    events_met = fields.Integer(metadata={"description": "that are what the rule asks for"})
    alerts = fields.Integer(metadata={"description": "that would have been opened, if nobody had answered any"})
    is_complete = fields.Boolean(metadata={"description": "false: there are more events than one trial reads"})
    items = fields.List(fields.Nested(WouldOpen), metadata={"description": "the first 200 of the alerts"})
