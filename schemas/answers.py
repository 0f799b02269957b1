"""What our own interface under /v1 gives: documented for the OpenAPI page; keys that a schema does not name are left out."""

from functools import cache

from marshmallow import INCLUDE, Schema, fields, validate

from schemas.api import OPINIONS, STATUSES
from schemas.giving import Answer


class Problem(Answer):
    class Meta:
        unknown = INCLUDE

    type = fields.String()
    status = fields.Integer(metadata={"description": "as the answer's own"})
    title = fields.String()
    reason = fields.String(metadata={"description": "machine word; docs/how-to/trouble.md explains each"})
    detail = fields.String(metadata={"description": "a sentence for a person"})
    errors = fields.Raw(metadata={"description": "with invalid_arguments: what is wrong, by field"})


class PictureLink(Answer):
    digest = fields.String(metadata={"description": "SHA-256, hexadecimal"})
    url = fields.String()
    media_type = fields.String()
    width = fields.Integer()
    height = fields.Integer()


class Device(Answer):
    id = fields.Integer()
    key = fields.String()
    licence = fields.String()
    name = fields.String()
    address = fields.String()
    state = fields.String(metadata={"description": "pending, trusted or blocked"})


class Gate(Answer):
    id = fields.Integer()
    key = fields.String()
    address = fields.String()
    name = fields.String()
    device_type = fields.String()
    ip = fields.String()
    status = fields.String()
    first_seen = fields.AwareDateTime()
    last_seen = fields.AwareDateTime()


class KeptEvents(Answer):
    waiting = fields.Integer()
    left = fields.Integer()


class DeviceInFull(Device):
    group = fields.String(metadata={"description": "devices of one group know people by the same ids; empty: none"})
    serial = fields.String()
    mac = fields.String()
    first_seen = fields.AwareDateTime()
    last_seen = fields.AwareDateTime()
    status = fields.Raw(allow_none=True, metadata={"description": "the newest status report"})
    status_at = fields.AwareDateTime(allow_none=True)
    problem = fields.String(allow_none=True, metadata={"description": "machine word, e.g. body_too_large"})
    problem_at = fields.AwareDateTime(allow_none=True)
    pending_reason = fields.String(
        allow_none=True, metadata={"description": "why it is pending: unknown, other_address, no_key, wrong_key"}
    )
    bound = fields.String(metadata={"description": "from where it may speak: an address, a CIDR, or any"})
    known_by = fields.String(metadata={"description": "address, key, certificate or signature"})
    hub = fields.Boolean(metadata={"description": "vouches for the devices in its messages"})
    vouched_by = fields.Integer(allow_none=True, metadata={"description": "the hub that vouches for it"})
    trusted_at = fields.AwareDateTime(allow_none=True)
    trusted_by = fields.String()
    is_catching_up = fields.Boolean(metadata={"description": "what it sent before it was trusted is being processed"})
    kept = fields.Nested(
        KeptEvents, metadata={"description": "events that are unverified: waiting, or left because they were too old"}
    )
    dropped = fields.Integer(metadata={"description": "messages that were acknowledged and not kept"})
    gates = fields.List(fields.Nested(Gate))


class PersonNamed(Answer):
    id = fields.Integer()
    name = fields.String()
    list = fields.String()


class Decision(Answer):
    status = fields.String(validate=validate.OneOf(STATUSES))
    person = fields.Nested(PersonNamed, allow_none=True)
    distance = fields.Float(allow_none=True, metadata={"description": "to the nearest person weighed, whoever it is"})
    threshold = fields.Float(allow_none=True)
    margin = fields.Float(allow_none=True, metadata={"description": "how much further the runner-up person was"})
    reasons = fields.List(fields.String())
    engine = fields.String()
    model = fields.String()
    quality = fields.Dict(allow_none=True)
    box = fields.List(fields.Integer(), allow_none=True, metadata={"description": "left, top, right, bottom in pixels"})
    picture = fields.String(allow_none=True, metadata={"description": "the kind of picture decided on"})
    face = fields.Integer(allow_none=True, metadata={"description": "the library face that matched"})
    face_picture = fields.Nested(
        PictureLink, allow_none=True, metadata={"description": "the picture of that face, while it is the person's"}
    )
    cohort = fields.Float(
        allow_none=True,
        metadata={"description": "how much of the threshold comes from how near the face is to other people"},
    )
    pictures = fields.Integer(metadata={"description": "of the event's own that were averaged"})
    fused_with = fields.List(
        fields.Integer(),
        metadata={"description": "events of the same gate and moment whose faces were averaged with it"},
    )


class Compared(Answer):
    says = fields.String(validate=validate.OneOf(OPINIONS))
    reasons = fields.List(fields.String())
    distance = fields.Float(allow_none=True)
    limit = fields.Float(allow_none=True, metadata={"description": "up to which two pictures show one person"})


class ComparedWithLibrary(Compared):
    person = fields.Integer(allow_none=True, metadata={"description": "who carries the device's identity id"})
    face = fields.Integer(allow_none=True, metadata={"description": "the nearest of that person's faces"})


class ComparedPicture(PictureLink):
    role = fields.String(metadata={"description": "live, reported (the device's library picture) or current (ours)"})
    box = fields.List(fields.Integer(), allow_none=True)


class SecondOpinion(Answer):
    says = fields.String(validate=validate.OneOf(OPINIONS))
    library = fields.Nested(ComparedWithLibrary)
    device_picture = fields.Nested(
        Compared,
        allow_none=True,
        metadata={"description": "with the picture that the device sent along; null: it sent none"},
    )
    why = fields.String(
        allow_none=True, metadata={"description": "library_disagrees, device_picture_disagrees or face_disagrees"}
    )
    seen_as = fields.Integer(allow_none=True, metadata={"description": "whom the decision has matched"})
    pictures = fields.List(
        fields.Nested(ComparedPicture),
        metadata={"description": "side by side, where the face is not the named person's"},
    )


class Reported(Answer):
    identity_id = fields.String()
    identity_name = fields.String()
    group = fields.String()
    person_type = fields.Integer(allow_none=True, metadata={"description": "null: what was sent could not be read"})
    list = fields.String()
    want_action = fields.String()
    score = fields.Float(allow_none=True, metadata={"description": "0 to 1"})
    score_raw = fields.Float(allow_none=True, metadata={"description": "as sent"})
    fiqa_result = fields.Boolean(allow_none=True)
    entered_at = fields.AwareDateTime(allow_none=True)
    left_at = fields.AwareDateTime(allow_none=True)
    api_version = fields.String()
    licence = fields.String()
    ep_id = fields.String()
    device_ip = fields.String()
    device_type = fields.String()
    stream_url = fields.String(metadata={"description": "credentials taken out"})
    grab_quality = fields.Dict(metadata={"description": "grab_fiqa_info as sent"})
    box_quality = fields.Dict(metadata={"description": "box_fiqa_info as sent"})
    notes = fields.List(fields.String(), metadata={"description": "what could not be read"})
    identity_info = fields.Dict()
    extra = fields.Dict()


class Registration(Answer):
    outcome = fields.String()
    reason = fields.String(allow_none=True)


class Blacklist(Answer):
    is_hit = fields.Boolean()
    said_by = fields.List(fields.String(), metadata={"description": "device, face or both"})


class RefusedPicture(Answer):
    kind = fields.String()
    reason = fields.String()


class Event(Answer):
    id = fields.Integer()
    occurred_at = fields.AwareDateTime()
    received_at = fields.AwareDateTime()
    has_device_time = fields.Boolean(metadata={"description": "false: occurred_at is the time of receipt"})
    verified = fields.Boolean(
        metadata={"description": "false: nobody has trusted its device, and nothing follows from it"}
    )
    channel = fields.String()
    generation = fields.String()
    list = fields.String()
    device = fields.Nested(Device, allow_none=True)
    gate = fields.Nested(Gate, allow_none=True)
    reported = fields.Nested(Reported)
    recognition = fields.String(validate=validate.OneOf(("pending", "done", "failed", "off", "held")))
    recognition_reason = fields.String(allow_none=True)
    decision = fields.Nested(Decision, allow_none=True)
    second_opinion = fields.Nested(
        SecondOpinion,
        allow_none=True,
        metadata={"description": "whether our reading of the face agrees with the device; null: it named nobody"},
    )
    registration = fields.Nested(Registration, allow_none=True)
    blacklist = fields.Nested(Blacklist)
    review = fields.String(allow_none=True, metadata={"description": "machine word of what a person should look at"})
    pictures = fields.Dict(
        fields.String(), fields.Nested(PictureLink), metadata={"description": "by kind: face, scene, library, infrared"}
    )
    refused_pictures = fields.List(fields.Nested(RefusedPicture))
    attributes = fields.Dict()


class Sighting(Answer):
    kind = fields.String()
    box = fields.List(fields.Integer())
    landmarks = fields.List(fields.List(fields.Integer()))
    score = fields.Float()
    quality = fields.Dict()
    model = fields.String()
    is_live = fields.Boolean(metadata={"description": "whether the event was decided on this face"})
    picture = fields.Nested(PictureLink)


class EventInFull(Event):
    legal_hold = fields.Boolean(metadata={"description": "must be kept: retention and erasure leave it"})
    alerts = fields.List(fields.Integer(), metadata={"description": "the alerts that have it"})
    sightings = fields.List(fields.Nested(Sighting))


class Identity(Answer):
    external_id = fields.String()
    device = fields.Integer(allow_none=True, metadata={"description": "null: not one device alone"})
    device_group = fields.String(allow_none=True, metadata={"description": "null too: any device"})


class Person(Answer):
    id = fields.Integer()
    name = fields.String()
    list = fields.String()
    state = fields.String(
        metadata={"description": "active, set_aside, ignored (a stranger who is nobody), merged (into somebody else)"}
    )
    valid_from = fields.AwareDateTime(allow_none=True)
    valid_until = fields.AwareDateTime(allow_none=True)
    is_in_force = fields.Boolean(metadata={"description": "neither set aside nor outside of the validity, just now"})
    groups = fields.List(fields.String())
    note = fields.String()
    source = fields.String()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    identities = fields.List(fields.Nested(Identity))
    visits = fields.Integer(
        metadata={"description": "how often the person came: sightings close in time are one visit"}
    )
    events = fields.Integer(metadata={"description": "events in which the person was seen"})
    first_seen = fields.AwareDateTime(allow_none=True)
    last_seen = fields.AwareDateTime(allow_none=True)
    picture = fields.Nested(PictureLink, allow_none=True, metadata={"description": "the best one"})
    own_fields = fields.Dict(attribute="fields", data_key="fields", metadata={"description": "what the site notes"})


class EnrolmentFinding(Answer):
    reason = fields.String()
    level = fields.String(metadata={"description": "warn or refuse"})
    measure = fields.String(metadata={"description": "distance for look_alike and contradiction"})
    value = fields.Float()
    limit = fields.Float()
    person = fields.Nested(PersonNamed, allow_none=True, metadata={"description": "whom it looks like"})
    face = fields.Integer(allow_none=True, metadata={"description": "the nearest face of the library"})
    picture = fields.Nested(PictureLink, allow_none=True, metadata={"description": "of that face"})
    other = fields.Integer(
        allow_none=True, metadata={"description": "the place in the request, from 0, of the nearest picture"}
    )


class Face(Answer):
    id = fields.Integer()
    state = fields.String(metadata={"description": "current, former or set_aside"})
    source = fields.String(
        metadata={"description": "upload, import, device, device_1001, device_1002, event (by itself) ..."}
    )
    models = fields.List(fields.String(), metadata={"description": "the models it has an embedding of"})
    insisted = fields.List(fields.String(), metadata={"description": "what spoke against it when somebody insisted"})
    insisted_at = fields.AwareDateTime(allow_none=True)
    box = fields.List(fields.Integer())
    quality = fields.Dict()
    event_id = fields.Integer(allow_none=True)
    created_at = fields.AwareDateTime()
    picture = fields.Nested(PictureLink)


class FaceInFull(Face):
    person = fields.Nested(PersonNamed)


class FaceChanged(FaceInFull):
    findings = fields.List(fields.Nested(EnrolmentFinding))


class Faces(Answer):
    items = fields.List(fields.Nested(Face))


class SeenAt(Answer):
    device = fields.Nested(Device, allow_none=True)
    gate = fields.Nested(Gate, allow_none=True)
    events = fields.Integer()
    first_seen = fields.AwareDateTime()
    last_seen = fields.AwareDateTime()


class PersonInFull(Person):
    seen_at = fields.List(fields.Nested(SeenAt), metadata={"description": "by gate, the latest first, at most 100"})
    legal_hold = fields.Boolean(metadata={"description": "must be kept: is not deleted or erased"})
    merged_into = fields.Integer(
        allow_none=True, metadata={"description": "state `merged`: who has the faces, ids and events now"}
    )
    faces = fields.List(fields.Nested(Face))


class LookedAt(Answer):
    is_used = fields.Boolean()
    reason = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)
    digest = fields.String(allow_none=True)
    faces = fields.Integer()
    face = fields.Integer(allow_none=True)
    box = fields.List(fields.Integer(), allow_none=True)
    quality = fields.Dict(allow_none=True)
    findings = fields.List(fields.Nested(EnrolmentFinding))
    insisted = fields.List(fields.String(), metadata={"description": "what would have refused it without override"})


class PersonEnrolled(PersonInFull):
    pictures = fields.List(fields.Nested(LookedAt), metadata={"description": "what was found on each picture"})


class Original(Answer):
    channel = fields.String()
    received_at = fields.AwareDateTime()
    peer = fields.String()
    path = fields.String()
    message = fields.Raw()
    redacted = fields.String(
        allow_none=True,
        metadata={
            "description": "erased: what told of a person was taken out; blurred: a picture shows an erased person, whose "
            "face was made unrecognisable; else the message is as it came"
        },
    )


class Health(Answer):
    status = fields.String()
    problems = fields.List(fields.String())


@cache
def page_of(item: type[Schema]) -> type[Schema]:
    """The schema of a page of such items."""
    return Answer.from_dict(
        {
            "items": fields.List(fields.Nested(item)),
            "next": fields.String(
                allow_none=True, metadata={"description": "the cursor of the next page, null at the end"}
            ),
        },
        name=f"{item.__name__}Page",
    )
