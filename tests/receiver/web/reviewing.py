"""What tests of the review list share: asking and answering as a program would, and what is asked about."""

import io
from datetime import UTC, datetime
from typing import Any

from werkzeug.test import TestResponse

from receiver.services.importing.importing import Importing, ImportingParts
from receiver.services.people.people import People, See
from receiver.store import outbox, quarantine, reviews
from receiver.store.pictures import Pictures
from receiver.store.reviews import NewReview, ReviewPicture
from tests.receiver.archives import packed
from tests.receiver.boxes import HISTORY, history, jpeg
from tests.receiver.faces import gate_of, read_prepared
from tests.receiver.importer import HEADER
from tests.receiver.web.site import PIXELS, Site

NOW = datetime.now(UTC)
KIND = "identity_conflict"
FILES = {"a.jpg": jpeg(1), "b.jpg": jpeg(101), "n.jpg": jpeg(40)}
TABLE = HEADER + "1,Ann,,a.jpg\n2,A Twin,,b.jpg\n3,Nobody,,n.jpg\n4,Without,,missing.jpg\n"


def listed(site: Site, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = site.get("/v1/reviews", **query)["items"]
    return found


def the_one(site: Site, **query: Any) -> dict[str, Any]:
    (found,) = listed(site, **query)
    return found


def answer(site: Site, item: dict[str, Any] | int, what: str, **document: Any) -> TestResponse:
    review_id = item if isinstance(item, int) else item["id"]
    return site.client.post(f"/v1/reviews/{review_id}/{what}", json=document)


def done(site: Site, item: dict[str, Any] | int, what: str, **document: Any) -> dict[str, Any]:
    got = answer(site, item, what, **document)
    assert got.status_code == 200, got.get_data(as_text=True)
    found: dict[str, Any] = got.get_json()
    return found


def note(site: Site, kind: str, key: str, reason: str = "near", **more: Any) -> int:
    """As the nightly look through the library does."""
    with site.store.write() as tx:
        return reviews.note(tx, NewReview(kind, key, reason, **more), NOW)


def kept_picture(site: Site, shade: int) -> bytes:
    """A picture that came with an event; its digest."""
    event = site.told(shade, shade, identity_id="", identity_name="")
    return bytes.fromhex(site.get(f"/v1/events/{event}")["pictures"]["face"]["digest"])


def faces(site: Site, person: int) -> list[tuple[str, str]]:
    """(state, digest) of a person's faces, oldest first."""
    found = site.get(f"/v1/people/{person}/faces")["items"]
    return [(each["state"], each["picture"]["digest"]) for each in found]


def seen_as(site: Site, shade: int, number: int = 900) -> int | None:
    """Whom a new event with that face is decided to show."""
    event = site.told(number, shade, identity_id="", identity_name="")
    site.desk.work()
    person = site.get(f"/v1/events/{event}")["decision"]["person"]
    return None if person is None else int(person["id"])


def two(site: Site, kind: str = "proposed_merge", **second: Any) -> tuple[int, int, int]:
    """Two people and the item that asks whether they are one."""
    first = site.enrol("Ann Example", 1, external_id="7")
    other = site.enrol("Ann Exampel", 5, **second)
    pictures = [ReviewPicture(bytes.fromhex(faces(site, each)[0][1]), "current", each) for each in (first, other)]
    return first, other, note(site, kind, f"{kind}:{first}:{other}", person_id=other, other_id=first, pictures=pictures)


def unread(site: Site, item: Any) -> None:
    (recorded,) = site.services.intake.record([item], HISTORY)
    assert recorded.result == "quarantined"


def readable(site: Site) -> dict[str, Any]:
    """A message in quarantine that an update of the program has learnt to read."""
    row = {
        "received_at": NOW, "channel": "history", "peer": "192.0.2.1", "path": "/HistoryEvent", "content_type": "",
        "reason": "bad_json", "detail": "", "raw": site.app.json.dumps(history(77)).encode(), "form": "item",
        "digest": b"d" * 32,
    }  # fmt: skip
    with site.store.write() as tx:
        quarantine.keep(tx, row)
    return the_one(site, kind="quarantined")


def buried(site: Site, topic: str = "recognise", subject: int = 5) -> dict[str, Any]:
    with site.store.write() as tx:
        outbox.add(tx, topic, [subject], NOW)
        task = max(outbox.listed(tx, None, 99), key=lambda row: row.id)
        outbox.bury(tx, task.id, "MemoryError()")
    return the_one(site, kind="buried_task")


def tasks(site: Site) -> list[tuple[str, int]]:
    with site.store.read() as tx:
        return [(row.state, row.attempts) for row in outbox.listed(tx, None, 99)]


def seeing(site: Site) -> See:
    """What the site's engine sees on an encoded picture."""
    return lambda data: site.engine.sightings(read_prepared(data))


def imported(site: Site, **fields: str) -> int:
    """Four people, three of whom are refused; the import's id."""
    data = packed({"people.csv": TABLE.encode(), **FILES})
    answered = site.client.post("/v1/imports", data={"file": (io.BytesIO(data), "people.zip"), **fields})
    import_id = int(answered.get_json()["id"])

    def library(store: Any, pictures: Any, eyes: Any) -> People:
        return People(store, pictures, eyes, PIXELS, gate_of())

    Importing(ImportingParts(site.store, Pictures(site.store.pictures), seeing(site), library)).run(import_id)
    return import_id
