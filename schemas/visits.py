"""Strangers and visits as our own interface under /v1 takes and gives them."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from schemas.answers import PictureLink, SeenAt
from schemas.api import CORRECTED_STATES, LARGEST_ID, PERSON_STATES, Moment, Strict, Text
from schemas.giving import Answer

ORDERS = ("last_seen", "visits")
# Microseconds since 1970 of the years 6 to 3900: what every database and every clock can hold.
EARLIEST, LATEST = -62_000_000_000_000_000, 61_000_000_000_000_000
NAMED = validate.Length(1, 600)


class PlaceInOrder(fields.Field[tuple[int, int]]):
    """A cursor: what the strangers are ordered by, and the last one's id, with a point between."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> tuple[int, int]:  # noqa: ARG002 - marshmallow's interface
        place, _, last = Text().deserialize(value).partition(".")
        try:
            numbers = int(place[:20]), int(last[:20])
        except ValueError:
            numbers = (0, -1)
        if not (EARLIEST <= numbers[0] <= LATEST and 0 <= numbers[1] <= LARGEST_ID):
            raise ValidationError("must be `next` of the page before")
        return numbers


class StrangerQuery(Strict):
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500), metadata={"description": "rows of a page"})
    cursor = PlaceInOrder(
        load_default=None, metadata={"type": "string", "description": "`next` of the page before, in the same order"}
    )
    q = Text(
        load_default=None,
        validate=validate.Length(max=200),
        metadata={"description": "part of the name, an id or the note"},
    )
    since = Moment(
        data_key="from", load_default=None, metadata={"description": "seen at this time or later (ISO 8601)"}
    )
    until = Moment(data_key="to", load_default=None, metadata={"description": "... and at this time or earlier"})
    device = Text(
        load_default=None, validate=NAMED, metadata={"description": "seen by it: id, key, licence or address"}
    )
    gate = Text(load_default=None, validate=NAMED, metadata={"description": "seen at it: id, key, address or name"})
    min_visits = fields.Integer(
        load_default=0, validate=validate.Range(0, 1_000_000), metadata={"description": "came at least so often"}
    )
    order = fields.String(
        load_default="last_seen",
        validate=validate.OneOf(ORDERS),
        metadata={"description": "the latest first, or who came most often"},
    )
    state = fields.String(
        load_default=None,
        validate=validate.OneOf(PERSON_STATES + CORRECTED_STATES),
        metadata={"description": "without it all but `ignored` and `merged`"},
    )


class VisitQuery(Strict):
    limit = fields.Integer(
        load_default=20, validate=validate.Range(1, 100), metadata={"description": "visits of a page"}
    )
    cursor = fields.Integer(
        load_default=None,
        validate=validate.Range(EARLIEST, LATEST),
        metadata={"description": "`next` of the page before"},
    )


class VisitPicture(PictureLink):
    event = fields.Integer(metadata={"description": "the event that it came with"})


class Visit(Answer):
    start = fields.AwareDateTime()
    end = fields.AwareDateTime(metadata={"description": "the last sighting; the same as `start` where there is one"})
    events = fields.Integer()
    places = fields.List(fields.Nested(SeenAt), metadata={"description": "the gates in their order, at most 20"})
    picture = fields.Nested(
        VisitPicture, allow_none=True, metadata={"description": "the best of the first and last ones at each gate"}
    )
