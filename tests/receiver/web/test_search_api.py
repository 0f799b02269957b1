"""/v1/search: who somebody is, who is near, and in which past events; and that a candidate is never an identity."""

from datetime import timedelta
from typing import Any

import pytest

from receiver.services.looking import retracing
from receiver.store import tables
from tests.receiver.boxes import TIME, count, jpeg, text_of
from tests.receiver.faces import MODEL, face_of, sighting
from tests.receiver.past import HOUR, NOON, Past
from tests.receiver.web.pictures_sent import post
from tests.receiver.web.site import Site


def test_a_decision_is_the_one_that_an_event_with_that_picture_gets(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1, off=0.2), luminance_mean=35.0)])
    site.engine.prepare(31, [sighting(face_of(15), luminance_mean=35.0)])
    site.enrol("Ann Example", 1, 101)
    site.enrol("Bea Example", 3)
    for number, shade in enumerate((1, 3, 9, 30, 31)):
        event = site.told(number, shade, identity_id="", identity_name="", timestamp=TIME + 60_000 * number)
        site.desk.work()
        on_event = site.get(f"/v1/events/{event}")["decision"]
        (face,) = post(site, "search", shade)["faces"]
        assert on_event | face["decision"] == on_event
        assert on_event.keys() - face["decision"].keys() <= {"engine", "picture", "pictures", "box", "quality"}


def test_candidates_are_no_identity(site: Site) -> None:
    site.engine.prepare(30, [sighting(face_of(1, off=0.9))])
    person = site.enrol("Ann Example", 1)
    (face,) = post(site, "search", 30)["faces"]
    assert (face["decision"]["status"], face["decision"]["person"]) == ("unknown", None)
    (candidate,) = face["candidates"]
    assert candidate["person"] == {"id": person, "name": "Ann Example", "list": "staff"}
    assert candidate["distance"] == pytest.approx(0.9)
    assert candidate["distance"] > candidate["threshold"]


def test_candidates_come_from_where_they_were_asked_for(site: Site) -> None:
    known = site.enrol("Ann Example", 1)
    stranger = site.enrol("stranger", 2, list="stranger")
    listed = site.enrol("Bea Example", 3, list="blacklist")

    def found(**options: Any) -> set[int]:
        (face,) = post(site, "search", 1, **options)["faces"]
        return {each["person"]["id"] for each in face["candidates"]}

    assert found() == {known, listed}
    assert found(**{"in": "strangers"}) == {stranger}
    assert found(**{"in": ["people", "strangers"]}) == {known, stranger, listed}
    assert found(**{"in": "events"}) == set()
    assert found(candidates=1) == {known}
    assert found(candidates=0) == set()


def test_every_face_of_a_picture_is_searched_for(site: Site) -> None:
    ann, bea = site.enrol("Ann Example", 1), site.enrol("Bea Example", 2)
    site.engine.prepare(30, [sighting(face_of(1)), sighting(face_of(2), size=50)])
    faces = post(site, "search", 30, candidates=1)["faces"]
    assert [face["decision"]["person"]["id"] for face in faces] == [ann, bea]
    assert [face["box"][2] for face in faces] == [101, 51]


def test_a_search_knows_what_the_library_has_learnt_since_the_last_one(site: Site) -> None:
    assert post(site, "search", 1)["faces"][0]["decision"]["status"] == "unknown"
    person = site.enrol("Ann Example", 1)
    assert post(site, "search", 1)["faces"][0]["decision"]["person"]["id"] == person
    site.client.delete(f"/v1/people/{person}")
    (face,) = post(site, "search", 1)["faces"]
    assert (face["decision"]["status"], face["candidates"]) == ("unknown", [])


def test_without_a_face_there_is_nobody_to_search_for(site: Site) -> None:
    found = post(site, "search", 29, **{"in": "people,strangers,events"})
    assert found["faces"] == []
    assert (found["past"]["compared"], found["past"]["is_complete"], found["past"]["next"]) == (0, True, None)


def test_nothing_that_was_looked_at_is_kept(site: Site) -> None:
    site.enrol("Ann Example", 1)
    kept = [
        count(site.store, table) for table in (tables.event, tables.sighting, tables.face, tables.person, tables.task)
    ]
    with site.store.pictures.read() as tx:
        pictures = tx.execute(tables.picture.select()).all()
    for route, options in (("detect", {}), ("verify", {"other": text_of(2)}), ("search", {"in": "events"})):
        post(site, route, 5, **options)
    after = [
        count(site.store, table) for table in (tables.event, tables.sighting, tables.face, tables.person, tables.task)
    ]
    with site.store.pictures.read() as tx:
        assert tx.execute(tables.picture.select()).all() == pictures
    assert after == kept


@pytest.fixture
def past(any_site: Site) -> Past:
    return Past(any_site.store, MODEL)


def events_of(site: Site, **options: Any) -> tuple[list[int], Any]:
    found = post(site, "search", 1, **{"in": "events", "from": "2026-04-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"} | options)  # fmt: skip
    (face,) = found["faces"]
    return [each["event"] for each in face["events"]], found


def test_past_events_that_show_the_face_are_found_nearest_first(any_site: Site, past: Past) -> None:
    person = any_site.enrol("Ann Example", 9)
    north = past.gate("north")
    far = past.event(NOON - HOUR, face_of(1, off=0.4), at=north)
    near = past.event(NOON, face_of(2), face_of(1, off=0.1), at=north, decision="matched", person_id=person)
    past.event(NOON, face_of(3), at=north)
    ids, found = events_of(any_site)
    assert ids == [near, far]
    (hit, _) = found["faces"][0]["events"]
    assert hit["distance"] == pytest.approx(0.1)
    assert (hit["occurred_at"], hit["decision"], hit["box"], hit["kind"]) == ("2026-05-01T12:00:00+00:00", "matched", [1, 0, 10, 10], "face")  # fmt: skip
    assert hit["person"] == {"id": person, "name": "Ann Example", "list": "staff"}
    assert (hit["gate"]["id"], hit["device"]["id"]) == (north[1], north[0])
    assert hit["picture"]["url"] == f"/v1/pictures/{hit['picture']['digest']}"
    assert found["past"]["compared"] == 4
    assert found["past"]["is_complete"] is True


def test_past_events_are_narrowed_by_time_gate_device_and_distance(any_site: Site, past: Past) -> None:
    north, south = past.gate("north"), past.gate("south")
    early = past.event(NOON - 24 * HOUR, face_of(1), at=north)
    late = past.event(NOON, face_of(1, off=0.1), at=south)
    other = past.event(NOON, face_of(1, off=1.0), at=south)
    assert events_of(any_site)[0] == [early, late]
    assert events_of(any_site, gate="north.example")[0] == [early]
    assert events_of(any_site, device="SOUTH")[0] == [late]
    assert events_of(any_site, max_distance=0.05)[0] == [early]
    assert events_of(any_site, max_distance=2)[0] == [early, late, other]
    assert events_of(any_site, max_distance=2, limit=1)[0] == [early]
    # The site's clock is two hours ahead; a time without a zone is its own.
    assert events_of(any_site, **{"from": "2026-05-01T14:00:00"})[0] == [late]
    assert events_of(any_site, **{"from": "2026-05-01T14:00:01"})[0] == []
    assert events_of(any_site, to="2026-05-01T11:59:59Z")[0] == [early]


def test_how_far_back_was_searched_is_told(any_site: Site, past: Past) -> None:
    past.event(NOON, face_of(1))
    before = past.event(NOON - timedelta(days=40), face_of(1))
    found = post(any_site, "search", 1, **{"in": "events", "to": "2026-05-02T00:00:00Z"})
    assert (found["past"]["from"], found["past"]["to"]) == ("2026-04-02T00:00:00+00:00", "2026-05-02T00:00:00+00:00")
    assert found["past"]["searched_back_to"] == found["past"]["from"]
    assert before not in [each["event"] for each in found["faces"][0]["events"]]
    default = post(any_site, "search", 1, **{"in": "events"})["past"]
    assert default["is_complete"] is True
    assert 0 < default["max_distance"] < 1


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "0001-01-02T00:00:00", "9999-12-31T23:59:59-14:00"])
@pytest.mark.parametrize("bound", ["from", "to"])
def test_the_ends_of_the_calendar_are_times_like_others(any_site: Site, bound: str, moment: str) -> None:
    answer = any_site.client.post("/v1/search", json={"picture": text_of(1), "in": "events", bound: moment})
    assert answer.status_code == 200, answer.get_data(as_text=True)


def test_a_long_past_is_told_in_parts(any_site: Site, past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retracing, "PAGE_ROWS", 2)
    monkeypatch.setattr(retracing, "MOST_ROWS", 2)
    ids = [past.event(NOON - number * HOUR, face_of(1, off=number / 10)) for number in range(5)]
    parts: list[list[int]] = []
    cursor: dict[str, str] = {}
    while True:
        found, answer = events_of(any_site, **cursor)
        parts.append(found)
        if answer["past"]["is_complete"]:
            break
        assert answer["past"]["searched_back_to"] == (NOON - (2 * len(parts) - 1) * HOUR).isoformat()
        cursor = {"cursor": answer["past"]["next"]}
    assert parts == [ids[:2], ids[2:4], ids[4:]]
    assert answer["past"]["next"] is None


def test_faces_of_another_model_are_counted_and_not_compared(any_site: Site, past: Past) -> None:
    past.event(NOON, face_of(1), model="another-model")
    ids, found = events_of(any_site)
    assert (ids, found["past"]["compared"], found["past"]["other_models"]) == ([], 0, 1)


def test_an_event_that_is_decided_here_is_found_afterwards(site: Site) -> None:
    person = site.enrol("Ann Example", 1)
    event = site.told(0, 1, identity_id="", identity_name="")
    site.desk.work()
    (face,) = post(site, "search", 1, **{"in": "events", "from": "2020-01-01"})["faces"]
    (hit,) = face["events"]
    assert (hit["event"], hit["person"]["id"], hit["gate"]["address"]) == (event, person, "10.0.0.21")
    assert site.client.get(hit["picture"]["url"]).data == jpeg(1)
