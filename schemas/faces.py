"""What detecting, verifying and searching take and give: options checked on the way in, answers documented on the way out."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from schemas.answers import Decision, Device, Gate, PersonNamed, PictureLink
from schemas.api import LARGEST_ID, STATUSES, Moment, Strict, Text, Whole
from schemas.giving import Answer

# What narrows past events, and nothing else.
OF_PAST_EVENTS = {
    "max_distance": "max_distance", "since": "from", "until": "to", "gate": "gate", "device": "device", "cursor": "cursor"
}  # fmt: skip
GATES = ("recognise", "register", "enrol")
WHERE = ("people", "strangers", "events")
VERIFIED = ("matched", "not_matched", "poor_quality", "no_face")
LARGEST_DISTANCE = 10.0

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CURSOR = re.compile(r"(-?\d{1,18})\.(\d{1,19})")

BASE64 = "base64, with or without a data: prefix"
BOX = {"description": "left, top, right, bottom in pixels of the upright picture"}


class Places(fields.List[str]):
    """Words as a list, or in one text with commas."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, str):
            value = [word.strip() for word in value.split(",")]
        return super()._deserialize(value, attr, data, **kwargs)


class PlaceInTime(fields.String):
    """A cursor: the time and the number of the last row that was read."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        found = CURSOR.fullmatch(super()._deserialize(value, attr, data, **kwargs))
        if found is None or int(found[2]) > LARGEST_ID:
            raise ValidationError("must be `next` of the answer before")
        try:
            return EPOCH + int(found[1]) * MICROSECOND, int(found[2])
        except OverflowError as error:
            raise ValidationError("must be `next` of the answer before") from error

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002 - the interface's
        if value is None:
            return None
        moment, number = value
        return f"{(moment - EPOCH) // MICROSECOND}.{number}"


class DetectOptions(Strict):
    gate = fields.String(
        load_default="enrol",
        validate=validate.OneOf(GATES),
        metadata={"description": "what the faces are judged for: to be recognised, registered, or enrolled by hand"},
    )
    embedding = fields.Boolean(load_default=False, metadata={"description": "give the embeddings too"})


class VerifyOptions(Strict):
    person = Whole(
        load_default=None,
        validate=validate.Range(1, LARGEST_ID),
        metadata={"description": "a person's id, instead of a second picture"},
    )


class SearchOptions(Strict):
    where = Places(
        fields.String(validate=validate.OneOf(WHERE)),
        data_key="in",
        load_default=("people",),
        validate=validate.Length(1, 10),
        metadata={"description": "people (everybody but strangers), strangers, events; several with commas"},
    )
    candidates = Whole(
        load_default=5, validate=validate.Range(0, 50), metadata={"description": "most candidates of a face"}
    )
    limit = Whole(
        load_default=20, validate=validate.Range(1, 200), metadata={"description": "most past events of a face"}
    )
    max_distance = fields.Float(
        load_default=None,
        validate=validate.Range(0, LARGEST_DISTANCE),
        metadata={"description": "of past events; without it, as far as two pictures of one person may be apart"},
    )
    since = Moment(
        data_key="from",
        load_default=None,
        metadata={"description": "past events from this time on (ISO 8601); without it, 30 days before `to`"},
    )
    until = Moment(
        data_key="to", load_default=None, metadata={"description": "past events up to this time; without it, now"}
    )
    gate = Text(
        load_default=None,
        validate=validate.Length(max=600),
        metadata={"description": "past events of this gate: id, key, address or name"},
    )
    device = Text(
        load_default=None,
        validate=validate.Length(max=600),
        metadata={"description": "past events of this device: id, key, licence or address"},
    )
    cursor = PlaceInTime(load_default=None, metadata={"description": "`past.next` of the answer before: further back"})

    @validates_schema
    def _narrows_what_is_searched(self, data: dict[str, Any], **_: Any) -> None:
        if "events" not in data["where"]:
            given = {word: name for name, word in OF_PAST_EVENTS.items() if data.get(name) is not None}
            if given:
                raise ValidationError({word: ["speaks of past events: put `events` into `in`"] for word in given})


class OnePicture(Strict):
    picture = fields.String(required=True, metadata={"description": BASE64})


class OneFile(Strict):
    """For the documentation: a picture as a file of a multipart form.

    Options may stand beside it, but the page to try it would send those that nobody filled in as the word null.
    """

    picture = fields.Raw(required=True, metadata={"type": "string", "format": "binary"})


class TwoFiles(OneFile):
    """For the documentation: a picture, and another one if no person is named."""

    other = fields.Raw(metadata={"type": "string", "format": "binary"})


class DetectRequest(DetectOptions, OnePicture):
    """For the documentation: options may stand here or in the query."""


class VerifyRequest(VerifyOptions, OnePicture):
    """For the documentation: a picture, and another one or a person."""

    other = fields.String(metadata={"description": f"the second picture, {BASE64}"})


class SearchRequest(SearchOptions, OnePicture):
    """For the documentation: options may stand here or in the query."""


class Finding(Answer):
    reason = fields.String(metadata={"description": "machine word"})
    level = fields.String(validate=validate.OneOf(("warn", "refuse")))
    measure = fields.String()
    value = fields.Float()
    limit = fields.Float()
    advice = fields.String(allow_none=True, metadata={"description": "a sentence for the person before the camera"})


class JudgedQuality(Answer):
    gate = fields.String(validate=validate.OneOf(GATES), metadata={"description": "what the findings are for"})
    is_good_enough = fields.Boolean(metadata={"description": "no finding refuses"})
    measures = fields.Dict(fields.String(), fields.Float(), metadata={"description": "raw"})
    scores = fields.Dict(fields.String(), fields.Float(), metadata={"description": "0 (bad) to 100 (good)"})
    findings = fields.List(fields.Nested(Finding))


class SeenFace(Answer):
    box = fields.List(fields.Integer(), metadata=BOX)
    landmarks = fields.List(
        fields.List(fields.Integer()),
        metadata={
            "description": "corners of the eyes and base of the nose, x and y, as the detector's model orders them"
        },
    )
    score = fields.Float(metadata={"description": "the detector's; higher is surer"})
    quality = fields.Nested(JudgedQuality)


class DetectedFace(SeenFace):
    is_foremost = fields.Boolean(metadata={"description": "the face that the picture is about"})
    embedding = fields.List(fields.Float(), metadata={"description": "only where it was asked for"})
    model = fields.String(
        metadata={"description": "the embedding's; embeddings of different models are never compared"}
    )


class Detected(Answer):
    sightings = fields.List(fields.Nested(DetectedFace), metadata={"description": "largest first"})
    advice = fields.List(
        fields.String(), metadata={"description": "what would make the foremost face, or that there is none, better"}
    )


class VerifyDecision(Answer):
    status = fields.String(validate=validate.OneOf(VERIFIED))
    distance = fields.Float(allow_none=True, metadata={"description": "of the two; null where a face is missing"})
    threshold = fields.Float(allow_none=True, metadata={"description": "up to which they are the same person"})
    reasons = fields.List(fields.String())
    model = fields.String()
    face = fields.Integer(allow_none=True, metadata={"description": "the nearest of the person's faces, if matched"})
    face_picture = fields.Nested(PictureLink, allow_none=True, metadata={"description": "the picture of that face"})


class Side(Answer):
    faces = fields.Integer(metadata={"description": "how many were found; the foremost one was compared"})
    face = fields.Nested(SeenFace, allow_none=True)


class Verified(Answer):
    decision = fields.Nested(VerifyDecision)
    picture = fields.Nested(Side)
    other = fields.Nested(Side, metadata={"description": "where a second picture was given"})
    person = fields.Nested(PersonNamed, metadata={"description": "with whom it was compared, where one was given"})


class SearchCandidate(Answer):
    person = fields.Nested(PersonNamed)
    distance = fields.Float()
    threshold = fields.Float(metadata={"description": "the limit for this person, on the scale of `distance`"})
    face = fields.Integer(metadata={"description": "the nearest of the person's faces"})


class PastEvent(Answer):
    event = fields.Integer(metadata={"description": "its id"})
    occurred_at = fields.AwareDateTime()
    distance = fields.Float()
    gate = fields.Nested(Gate, allow_none=True)
    device = fields.Nested(Device, allow_none=True)
    picture = fields.Nested(PictureLink)
    kind = fields.String(metadata={"description": "of the picture: face or scene"})
    box = fields.List(fields.Integer(), metadata=BOX)
    decision = fields.String(
        allow_none=True, validate=validate.OneOf(STATUSES), metadata={"description": "what was said of the event then"}
    )
    person = fields.Nested(
        PersonNamed,
        allow_none=True,
        metadata={"description": "whom the event was decided to show, by its own decision"},
    )


class SearchedFace(SeenFace):
    decision = fields.Nested(Decision, metadata={"description": "who it is, as on events"})
    candidates = fields.List(
        fields.Nested(SearchCandidate),
        metadata={"description": "who is near, nearest first: no identity, that is `decision`'s to say"},
    )
    events = fields.List(
        fields.Nested(PastEvent),
        metadata={
            "description": "past events that show a face this near, nearest first, each once; only with `in=events`"
        },
    )


class Past(Answer):
    since = fields.AwareDateTime(data_key="from")
    until = fields.AwareDateTime(data_key="to")
    max_distance = fields.Float()
    compared = fields.Integer(metadata={"description": "past faces that were compared"})
    other_models = fields.Integer(
        metadata={"description": "past faces of other embedding models, which cannot be compared"}
    )
    is_complete = fields.Boolean(metadata={"description": "false: too many for one answer; go on with `next`"})
    searched_back_to = fields.AwareDateTime(metadata={"description": "nothing before this time was looked at"})
    next = PlaceInTime(allow_none=True, metadata={"description": "the `cursor` for what lies further back"})


class Searched(Answer):
    model = fields.String()
    faces = fields.List(fields.Nested(SearchedFace), metadata={"description": "largest first"})
    past = fields.Nested(Past, metadata={"description": "how far the past was searched; only with `in=events`"})
