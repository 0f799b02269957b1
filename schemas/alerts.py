"""Alerts and frames as /v1/alerts takes and gives them."""

from marshmallow import fields, validate

from schemas.answers import Device, Gate, PersonNamed, PictureLink
from schemas.api import LARGEST_ID, Moment, PageQuery, Strict, Text, Whole
from schemas.giving import Answer

STATES = ("open", "acknowledged", "closed")
SEVERITIES = ("info", "warning", "critical")
SOURCES = ("rule", "device", "program", "server")
OUTCOMES = ("confirmed", "false_alarm", "test", "other")
CHANGES = ("acknowledged", "assigned", "commented", "ended", "escalated", "closed")
ONE_ID = validate.Range(1, LARGEST_ID)
WORD = validate.Regexp(r"\A[a-z][a-z0-9_]{0,31}\Z", error="must be a word of a to z, 0 to 9 and _")
NOTE = validate.Length(max=4000)


class AlertQuery(PageQuery):
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))
    severity = fields.String(load_default=None, validate=validate.OneOf(SEVERITIES))
    kind = fields.String(
        load_default=None, validate=WORD, metadata={"description": "blacklist_hit, identity_disagreement, behavior ..."}
    )
    source = fields.String(load_default=None, validate=validate.OneOf(SOURCES))
    rule = fields.Integer(load_default=None, validate=ONE_ID)
    device = fields.Integer(load_default=None, validate=ONE_ID)
    gate = fields.Integer(load_default=None, validate=ONE_ID)
    person = fields.Integer(load_default=None, validate=ONE_ID)
    event = fields.Integer(load_default=None, validate=ONE_ID, metadata={"description": "has this event"})
    assigned_to = fields.Integer(load_default=None, validate=ONE_ID, metadata={"description": "an account's id"})
    verified = fields.Boolean(
        load_default=None,
        metadata={
            "description": "false: only those of devices that nobody has trusted, which wake nobody; true: without"
        },
    )
    since = Moment(
        data_key="from", load_default=None, metadata={"description": "began at this time or later (ISO 8601)"}
    )
    until = Moment(data_key="to", load_default=None, metadata={"description": "began at this time or earlier"})


class PeriodQuery(Strict):
    since = Moment(data_key="from", load_default=None, metadata={"description": "a week ago if it is not given"})
    until = Moment(data_key="to", load_default=None, metadata={"description": "now if it is not given"})


class NewAlert(Strict):
    kind = fields.String(required=True, validate=WORD, metadata={"description": "a word of the program's own"})
    title = Text(required=True, validate=validate.Length(1, 255), metadata={"description": "what a person is to read"})
    severity = fields.String(load_default="warning", validate=validate.OneOf(SEVERITIES))
    device = Whole(load_default=None, validate=ONE_ID)
    gate = Whole(load_default=None, validate=ONE_ID)
    person = Whole(load_default=None, validate=ONE_ID)
    event = Whole(
        load_default=None,
        validate=ONE_ID,
        metadata={"description": "what it is about; says device, gate and person too"},
    )
    started_at = Moment(load_default=None, metadata={"description": "now if it is not given"})
    key = Text(
        load_default=None,
        validate=validate.Length(1, 100),
        metadata={"description": "while an alert with this key is not closed another one only repeats it"},
    )
    suppress_seconds = Whole(
        load_default=300,
        validate=validate.Range(0, 604_800),
        metadata={"description": "how long after the last one with the key another still repeats it"},
    )
    escalate_seconds = Whole(
        load_default=None,
        validate=validate.Range(1, 604_800),
        metadata={"description": "after which somebody else is told, unless somebody has acknowledged it"},
    )


class Acknowledge(Strict):
    note = Text(load_default="", validate=NOTE)


class Assign(Strict):
    account = Whole(required=True, allow_none=True, validate=ONE_ID, metadata={"description": "null: nobody any more"})


class Close(Strict):
    outcome = fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    note = Text(load_default="", validate=NOTE)


class Comment(Strict):
    text = Text(required=True, validate=validate.Length(1, 4000))


class FrameOptions(Strict):
    index = Whole(
        load_default=0, validate=validate.Range(0, LARGEST_ID), metadata={"description": "the sender's count"}
    )
    taken_at = Moment(load_default=None, metadata={"description": "now if it is not given"})


class Thumbnailed(PictureLink):
    thumbnail = fields.String(metadata={"description": "the same, 200 pixels wide"})


class Frame(Thumbnailed):
    id = fields.Integer()
    device = fields.Integer()
    alert = fields.Integer(allow_none=True, metadata={"description": "null: of the device's calm stream"})
    index = fields.Integer(metadata={"description": "the sender's own count"})
    taken_at = fields.AwareDateTime()
    received_at = fields.AwareDateTime()


class Assigned(Answer):
    id = fields.Integer()
    name = fields.String(allow_none=True, metadata={"description": "null: there is no such account any more"})


class Alert(Answer):
    id = fields.Integer()
    kind = fields.String()
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    state = fields.String(validate=validate.OneOf(STATES))
    source = fields.String(validate=validate.OneOf(SOURCES))
    title = fields.String(metadata={"description": "the rule's name, or what the program says"})
    sentence = fields.String(metadata={"description": "what it is about, in the reader's language"})
    rule = fields.Integer(allow_none=True)
    device = fields.Nested(Device, allow_none=True)
    gate = fields.Nested(Gate, allow_none=True)
    person = fields.Nested(PersonNamed, allow_none=True)
    list = fields.String(allow_none=True, metadata={"description": "what the person was to the gate then"})
    event = fields.Integer(allow_none=True, metadata={"description": "the first of its events"})
    events = fields.Integer(metadata={"description": "how many events it has"})
    frames = fields.Integer(metadata={"description": "how many frames it has"})
    behavior = fields.String(allow_none=True, metadata={"description": "the word of a vehicle's device"})
    detail = fields.Dict(metadata={"description": "what was counted"})
    verified = fields.Boolean(metadata={"description": "false: nobody has trusted its device, and it woke nobody"})
    opened_at = fields.AwareDateTime()
    started_at = fields.AwareDateTime()
    last_at = fields.AwareDateTime(metadata={"description": "when what it is about last occurred"})
    ended_at = fields.AwareDateTime(allow_none=True)
    updated_at = fields.AwareDateTime()
    acknowledged_by = fields.String(allow_none=True)
    acknowledged_at = fields.AwareDateTime(allow_none=True)
    assigned_to = fields.Nested(Assigned, allow_none=True)
    closed_by = fields.String(allow_none=True)
    closed_at = fields.AwareDateTime(allow_none=True)
    outcome = fields.String(allow_none=True, metadata={"description": "confirmed, false_alarm, test, other, or over"})
    note = fields.String()
    escalate_at = fields.AwareDateTime(allow_none=True, metadata={"description": "when somebody else is told"})
    escalated_at = fields.AwareDateTime(allow_none=True)


class SideBySide(Answer):
    reference = fields.Nested(
        Thumbnailed, allow_none=True, metadata={"description": "the person's face in the library"}
    )
    face = fields.Nested(Thumbnailed, allow_none=True, metadata={"description": "the face at the gate"})
    scene = fields.Nested(Thumbnailed, allow_none=True, metadata={"description": "the whole view"})


class AlertEvent(Answer):
    id = fields.Integer()
    occurred_at = fields.AwareDateTime()
    gate = fields.Integer(allow_none=True)
    pictures = fields.Dict(keys=fields.String(), values=fields.Nested(Thumbnailed))


class Step(Answer):
    kind = fields.String(validate=validate.OneOf(CHANGES))
    at = fields.AwareDateTime()
    by = fields.String()
    text = fields.String()


class AlertInFull(Alert):
    side_by_side = fields.Nested(SideBySide, metadata={"description": "the pictures by which somebody judges"})
    event_list = fields.List(fields.Nested(AlertEvent), metadata={"description": "the newest 20 of its events"})
    frame_list = fields.List(fields.Nested(Frame), metadata={"description": "the newest 6 of its frames"})
    steps = fields.List(fields.Nested(Step), metadata={"description": "what was done and said, oldest first"})


class Took(Answer):
    count = fields.Integer()
    mean_seconds = fields.Float(allow_none=True, metadata={"description": "from the opening on"})


class InHour(Answer):
    at = fields.AwareDateTime(metadata={"description": "when the hour began"})
    count = fields.Integer()


def _counts(what: str) -> fields.Dict:
    return fields.Dict(keys=fields.String(), values=fields.Integer(), metadata={"description": what})


class Statistics(Answer):
    since = fields.AwareDateTime(data_key="from", attribute="from")
    until = fields.AwareDateTime(data_key="to", attribute="to")
    total = fields.Integer(metadata={"description": "alerts opened in the period"})
    by_kind = _counts("by kind")
    by_severity = _counts("by severity")
    by_state = _counts("by the state that they are in now")
    by_outcome = _counts("of the closed ones")
    by_rule = _counts("by the rule's id")
    by_device = _counts("by the device's id")
    by_hour = fields.List(fields.Nested(InHour), metadata={"description": "hours in which any was opened"})
    acknowledged = fields.Nested(Took)
    closed = fields.Nested(Took)
