"""The review list as /v1/reviews takes and gives it."""

from marshmallow import fields, validate

from schemas.answers import PersonNamed
from schemas.api import LARGEST_ID, LISTS, Moment, Strict, Text
from schemas.giving import Answer

KINDS = (
    "proposed_merge", "identity_conflict", "identity_taken", "look_alike", "stale_picture", "contradicting_picture",
    "second_opinion", "quarantined", "failed_enrolment", "buried_task",
)  # fmt: skip
STATES = ("open", "later", "accepted", "rejected", "settled")
ANY = "any"
NEWEST, OLDEST = "newest", "oldest"


class ReviewQuery(Strict):
    kind = fields.List(
        fields.String(validate=validate.OneOf(KINDS)),
        load_default=list,
        metadata={
            "description": "of this kind; several times for several kinds; none: of all, each with its share of a page"
        },
    )
    state = fields.String(
        load_default="open",
        validate=validate.OneOf((*STATES, ANY)),
        metadata={"description": "`open` has what was put off and is due again; `any`: all"},
    )
    person = fields.Integer(
        load_default=None, validate=validate.Range(1, LARGEST_ID), metadata={"description": "concerns this person"}
    )
    since = Moment(load_default=None, metadata={"description": "noted at this time or later (ISO 8601)"})
    order = fields.String(load_default=NEWEST, validate=validate.OneOf((NEWEST, OLDEST)))
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500), metadata={"description": "rows of a page"})
    cursor = Text(
        load_default=None, validate=validate.Length(max=500), metadata={"description": "`next` of the page before"}
    )


class Accept(Strict):
    list = fields.String(
        load_default=None,
        validate=validate.OneOf(LISTS),
        metadata={"description": "of two people who become one: whose list holds, where both are named and differ"},
    )


class Reject(Strict):
    """Nothing is to be said."""


class Later(Strict):
    until = Moment(load_default=None, metadata={"description": "not before this time; tomorrow if it is not given"})


class Concerned(PersonNamed):
    merged_into = fields.Integer(allow_none=True, metadata={"description": "who this one has turned out to be"})


class ReviewPicture(Answer):
    role = fields.String(metadata={"description": "new, current, other, live, reported ..."})
    person = fields.Nested(Concerned, allow_none=True, metadata={"description": "whose face it is, as far as known"})
    box = fields.List(
        fields.Integer(),
        allow_none=True,
        metadata={"description": "left, top, right, bottom in pixels; null: all of it"},
    )
    digest = fields.String(metadata={"description": "SHA-256, hexadecimal"})
    url = fields.String()
    thumbnail = fields.String(metadata={"description": "the same, 200 pixels wide"})


class Review(Answer):
    id = fields.Integer()
    kind = fields.String(validate=validate.OneOf(KINDS))
    state = fields.String(validate=validate.OneOf(STATES))
    reason = fields.String(metadata={"description": "machine word"})
    sentence = fields.String(metadata={"description": "what was found and what is asked, in the reader's language"})
    on_accept = fields.String(metadata={"description": "what accepting does, in the reader's language"})
    on_reject = fields.String(metadata={"description": "what rejecting does, in the reader's language"})
    advice = fields.String(allow_none=True, metadata={"description": "what helps against the reason"})
    person = fields.Nested(Concerned, allow_none=True)
    other = fields.Nested(Concerned, allow_none=True)
    event = fields.Integer(allow_none=True, metadata={"description": "the event that showed it"})
    about = fields.Dict(
        allow_none=True,
        metadata={"description": "the message in quarantine, the given-up task, or the refused row of an import"},
    )
    detail = fields.Dict(metadata={"description": "distance, limit and what else was measured"})
    outcome = fields.Dict(
        allow_none=True, metadata={"description": "what came of the answer: person, face, correction (undo it), events"}
    )
    pictures = fields.List(fields.Nested(ReviewPicture))
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    due_at = fields.AwareDateTime(allow_none=True, metadata={"description": "of `later`: not before"})
    settled_at = fields.AwareDateTime(allow_none=True)
    settled_by = fields.String(allow_none=True, metadata={"description": "who decided; null: it went away by itself"})


class ReviewPage(Answer):
    items = fields.List(fields.Nested(Review))
    counts = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String(), values=fields.Integer()),
        metadata={"description": "by kind and state, of the whole list whatever is asked for"},
    )
    next = fields.String(allow_none=True, metadata={"description": "cursor of the next page; null at the end"})
