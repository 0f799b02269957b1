"""What our own interface takes and gives of subscriptions: who is told what, where, when and how."""

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.api import LARGEST_ID, LISTS, STATUSES, Moment, PageQuery, Strict, Text, Whole
from schemas.giving import Answer

TOPICS = ("event", "alert", "device", "person", "review")
CHANNELS = ("http", "mqtt", "amqp", "file")
FORMATS = ("original", "a", "b", "c", "event", "template")
PICTURES = ("inline", "url", "none")
STATES = ("enabled", "paused", "failing", "disabled")
# What somebody may say; `failing` is what the server finds.
SETTABLE = ("enabled", "paused", "disabled")
SEVERITIES = ("info", "warning", "critical")
SCHEDULES = ("now", "every", "cron", "window")
MOST = 1000
TEMPLATE_LETTERS = 64 * 1024
# A chain of certificates has a few thousand.
TARGET_LETTERS = 32 * 1024

CLOCK = validate.Regexp(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", error="must be a time of day like 22:30")


def _ids(what: str) -> fields.List[Any]:
    return fields.List(
        Whole(validate=validate.Range(1, LARGEST_ID)),
        validate=validate.Length(max=MOST),
        metadata={"description": f"ids of {what}; empty: all"},
    )


def _words(choices: tuple[str, ...], what: str) -> fields.List[Any]:
    return fields.List(
        fields.String(validate=validate.OneOf(choices)),
        validate=validate.Length(max=MOST),
        metadata={"description": f"{what}; empty: all"},
    )


def _is_plain(value: Any, depth: int = 4) -> bool:
    """Whether every database takes it: no NUL, no halves of characters, nothing endless."""
    if isinstance(value, dict):
        return depth > 0 and len(value) <= MOST and all(_is_plain([*each], depth - 1) for each in value.items())
    if isinstance(value, list):
        return depth > 0 and len(value) <= MOST and all(_is_plain(each, depth - 1) for each in value)
    if isinstance(value, str):
        is_text = "\x00" not in value and not any("\ud800" <= each <= "\udfff" for each in value)
        return is_text and len(value) <= TARGET_LETTERS
    return value is None or isinstance(value, int | float)


def _check_plain(document: dict[str, Any]) -> None:
    if not _is_plain(document):
        raise ValidationError("must be plain words and numbers, of a bounded length, without NUL characters")


def _target(**options: Any) -> fields.Dict:
    told = (
        "where to, by channel: http `url`, `headers` ...; mqtt `host`, `port`, `topic` ...; amqp `host`, `exchange`, "
        "`routing_key` ...; file `path` ...; docs/how-to/subscriptions.md has them all"
    )
    return fields.Dict(keys=fields.String(), validate=_check_plain, metadata={"description": told}, **options)


class FilterOf(Strict):
    lists = _words(LISTS, "lists of the decision, or of what the device reports where nothing is decided")
    devices = _ids("devices")
    groups = fields.List(
        Text(validate=validate.Length(1, 64)),
        validate=validate.Length(max=MOST),
        metadata={"description": "groups of the person, or of the device; empty: all"},
    )
    decisions = _words(STATUSES, "decisions; such events wait until they have been recognised")
    persons = _ids("people")
    kinds = fields.List(
        fields.String(validate=validate.Regexp(r"[a-z_]{1,32}\Z", error="must be a word like escalated")),
        validate=validate.Length(max=MOST),
        metadata={
            "description": "what has happened, of everything but events: of alerts opened, acknowledged, assigned, escalated, "
            "ended, closed; empty: all"
        },
    )
    severities = _words(SEVERITIES, "of alerts")
    min_score = fields.Float(
        allow_none=True,
        validate=validate.Range(0, 1),
        metadata={"description": "the device's score, 0 to 1, at least; null: any"},
    )


class ScheduleOf(Strict):
    kind = fields.String(
        required=True,
        validate=validate.OneOf(SCHEDULES),
        metadata={"description": "`now`: at once; `every` so many seconds; by `cron`; within a daily `window`"},
    )
    seconds = fields.Float(
        validate=validate.Range(0, 86_400, min_inclusive=False), metadata={"description": "of `every`"}
    )
    cron = Text(
        validate=validate.Length(1, 200),
        metadata={"description": "of `cron`: five fields, such as `*/10 22,23,0-5 * * *`"},
    )
    window_from = fields.String(data_key="from", validate=CLOCK, metadata={"description": "of `window`: HH:MM"})
    window_to = fields.String(
        data_key="to", validate=CLOCK, metadata={"description": "of `window`: HH:MM; may be of the next day"}
    )
    timezone = Text(
        validate=validate.Length(1, 64), metadata={"description": "such as Europe/Paris; without it that of the site"}
    )

    @validates_schema
    def _says_what_its_kind_needs(self, data: dict[str, object], **_options: object) -> None:
        needed = {"every": ("seconds",), "cron": ("cron",), "window": ("window_from", "window_to")}
        missing = [name for name in needed.get(str(data.get("kind")), ()) if name not in data]
        if missing:
            names = ", ".join(name.removeprefix("window_") for name in missing)
            raise ValidationError(f"{data['kind']} needs {names}")


class _Changeable(Strict):
    name = Text(validate=validate.Length(1, 100), metadata={"description": "what people call it"})
    target = _target()
    secrets = fields.Dict(
        keys=fields.String(),
        values=Text(validate=validate.Length(max=TARGET_LETTERS)),
        load_only=True,
        metadata={"description": "passwords and keys, never given back; empty text takes one away"},
    )
    topics = fields.List(
        fields.String(validate=validate.OneOf(TOPICS)),
        validate=validate.Length(1, len(TOPICS)),
        metadata={"description": "what is told"},
    )
    filter = fields.Nested(FilterOf, metadata={"description": "of that, only what fits all that is named"})
    schedule = fields.Nested(ScheduleOf)
    format = fields.String(
        validate=validate.OneOf(FORMATS),
        metadata={"description": "`original`: as it arrived; `a`, `b`, `c`: such a generation; `event`: our own JSON"},
    )
    template = Text(
        validate=validate.Length(max=TEMPLATE_LETTERS), metadata={"description": "of `template`: in Jinja, sandboxed"}
    )
    pictures = fields.String(validate=validate.OneOf(PICTURES))
    batch_size = Whole(validate=validate.Range(1, 500), metadata={"description": "messages in one request, at most"})
    rate_per_minute = Whole(
        allow_none=True,
        validate=validate.Range(1, 600_000),
        metadata={"description": "deliveries a minute, at most; null: as fast as they are taken"},
    )
    ordered = fields.Boolean(metadata={"description": "what a device tells goes out in order, one after another"})
    state = fields.String(validate=validate.OneOf(SETTABLE))


class NewSubscription(_Changeable):
    name = Text(
        required=True,
        validate=validate.Length(1, 100),
        metadata={"description": "what people call it; of this one alone"},
    )
    channel = fields.String(required=True, validate=validate.OneOf(CHANNELS))
    target = _target(required=True)
    signed = fields.Boolean(
        load_default=False, metadata={"description": "make a secret by which what is sent is signed; `http` alone"}
    )


class SubscriptionChange(_Changeable):
    """What is not named stays; `target`, `filter` and `schedule` are replaced as a whole."""

    @validates_schema
    def _says_something(self, data: dict[str, object], **_options: object) -> None:
        if not data:
            raise ValidationError("say at least one thing that shall be otherwise")


class Figures(Answer):
    """Its books balance: recorded = waiting + delivered + dead + dropped."""

    recorded = fields.Integer(metadata={"description": "deliveries that were ever written for it"})
    waiting = fields.Integer()
    waiting_bytes = fields.Integer(metadata={"description": "of messages and pictures that wait"})
    oldest = fields.AwareDateTime(allow_none=True, metadata={"description": "since when the oldest of them waits"})
    delivered = fields.Integer(metadata={"description": "taken by the other side"})
    dead = fields.Integer(metadata={"description": "given up, until somebody retries them"})
    dropped = fields.Integer(metadata={"description": "never sent: erased meanwhile, or no room to keep them"})
    without_pictures = fields.Integer(metadata={"description": "that had to go without pictures for want of disk"})
    failed = fields.Integer(metadata={"description": "tries that came to nothing"})
    seconds = fields.Float(allow_none=True, metadata={"description": "that a successful try takes, on average"})
    last_success = fields.AwareDateTime(allow_none=True)
    failing_since = fields.AwareDateTime(allow_none=True)
    last_error = fields.String(allow_none=True, metadata={"description": "what the other side said, until it works"})
    next_run = fields.AwareDateTime(allow_none=True, metadata={"description": "of a schedule with runs"})


class FilterShown(Answer):
    lists = fields.List(fields.String())
    devices = fields.List(fields.Integer())
    groups = fields.List(fields.String())
    decisions = fields.List(fields.String())
    persons = fields.List(fields.Integer())
    kinds = fields.List(fields.String())
    severities = fields.List(fields.String())
    min_score = fields.Float(allow_none=True)


class ScheduleShown(Answer):
    kind = fields.String(validate=validate.OneOf(SCHEDULES))
    seconds = fields.Float(allow_none=True)
    cron = fields.String(allow_none=True)
    window_from = fields.String(data_key="from", allow_none=True)
    window_to = fields.String(data_key="to", allow_none=True)
    timezone = fields.String()


class Subscription(Answer):
    id = fields.Integer()
    name = fields.String()
    origin = fields.String(metadata={"description": "who made it: settings, command or api"})
    channel = fields.String(validate=validate.OneOf(CHANNELS))
    target = fields.Dict(metadata={"description": "passwords in addresses are starred"})
    secrets = fields.List(fields.String(), metadata={"description": "the names of those that are set"})
    signed = fields.Boolean(metadata={"description": "what is sent carries Standard Webhooks signatures"})
    topics = fields.List(fields.String(validate=validate.OneOf(TOPICS)))
    filter = fields.Nested(FilterShown)
    schedule = fields.Nested(ScheduleShown)
    format = fields.String(validate=validate.OneOf(FORMATS))
    template = fields.String(allow_none=True)
    pictures = fields.String(validate=validate.OneOf(PICTURES))
    batch_size = fields.Integer()
    rate_per_minute = fields.Integer(allow_none=True)
    ordered = fields.Boolean()
    state = fields.String(validate=validate.OneOf(STATES))
    reason = fields.String(allow_none=True, metadata={"description": "machine word: why it is failing or paused"})
    created_at = fields.AwareDateTime()
    created_by = fields.String()
    figures = fields.Nested(Figures)


class SubscriptionQuery(PageQuery):
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))


class SigningSecret(Answer):
    secret = fields.String(metadata={"description": "for the other side; shown here and never again"})
    old_until = fields.AwareDateTime(
        allow_none=True, metadata={"description": "until then what is sent is signed with the one before too"}
    )


class SubscriptionMade(Subscription):
    signing_secret = fields.String(
        allow_none=True, metadata={"description": "with `signed`: for the other side; shown here and never again"}
    )


class PreviewWanted(Strict):
    event = Whole(required=True, validate=validate.Range(1, LARGEST_ID), metadata={"description": "a real event's id"})
    format = fields.String(load_default=None, validate=validate.OneOf(FORMATS))
    template = Text(load_default=None, validate=validate.Length(max=TEMPLATE_LETTERS))
    pictures = fields.String(load_default=None, validate=validate.OneOf(PICTURES))


class Preview(Answer):
    content_type = fields.String()
    body = fields.String(metadata={"description": "what would be sent; its beginning, if it is long"})
    size = fields.Integer(metadata={"description": "bytes of the whole"})


class Replay(Strict):
    """Which past events: all that is named must fit, and the subscription must want them."""

    since = Moment(
        data_key="from", load_default=None, metadata={"description": "occurred at this time or later (ISO 8601)"}
    )
    until = Moment(data_key="to", load_default=None, metadata={"description": "occurred at this time or earlier"})
    device = Whole(
        load_default=None, validate=validate.Range(1, LARGEST_ID), metadata={"description": "of this device"}
    )
    list = fields.String(load_default=None, validate=validate.OneOf(LISTS), metadata={"description": "of this list"})
    event = Whole(load_default=None, validate=validate.Range(1, LARGEST_ID), metadata={"description": "this one alone"})

    @validates_schema
    def _says_something(self, data: dict[str, Any], **_options: object) -> None:
        named = [name for name, value in data.items() if value is not None]
        if not named:
            raise ValidationError("say which: at least one of from, to, device, list; or event")
        if "event" in named and len(named) > 1:
            raise ValidationError("either one event or a range")


class ReplayShown(Answer):
    id = fields.Integer()
    state = fields.String(validate=validate.OneOf(("running", "done")))
    deliveries = fields.Integer(metadata={"description": "that it has made so far"})
    since = fields.String(data_key="from", allow_none=True)
    until = fields.String(data_key="to", allow_none=True)
    device = fields.Integer(allow_none=True)
    list = fields.String(allow_none=True)
    event = fields.Integer(allow_none=True)
    created_at = fields.AwareDateTime()
    created_by = fields.String()
