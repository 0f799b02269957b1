"""Second opinions over HTTP: shown, listed, asked about, and gone with whom they are about."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as listening

from tests.receiver.boxes import jpeg, text_of
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.faces import face_of, sighting
from tests.receiver.web.reviewing import done, listed, the_one
from tests.receiver.web.site import Site, is_problem

MINUTE = 60_000
# The box's own picture of person 1.
BOX_PICTURE = 70


@pytest.fixture(autouse=True)
def _box_picture(request: pytest.FixtureRequest) -> None:
    site: Site = request.getfixturevalue("any_site" if "any_site" in request.fixturenames else "site")
    site.engine.prepare(BOX_PICTURE, [sighting(face_of(1, off=0.2))])


def told(site: Site, number: int, face: int, **changes: Any) -> dict[str, Any]:
    event_id = site.told(number, face, **({"identity_id": "E1", "reg_pic": text_of(BOX_PICTURE)} | changes))
    site.desk.work()
    shown: dict[str, Any] = site.get(f"/v1/events/{event_id}")
    return shown


def test_the_word_its_numbers_and_its_pictures_are_shown(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 1, external_id="E1")
    shown = told(any_site, 0, 2)
    opinion = shown["second_opinion"]
    assert (opinion["says"], opinion["why"], opinion["seen_as"]) == ("disagrees", "face_disagrees", None)
    (face,) = any_site.get(f"/v1/people/{person}")["faces"]
    library = opinion["library"]
    assert (library["says"], library["person"], library["face"]) == ("disagrees", person, face["id"])
    assert library["distance"] > library["limit"]
    assert opinion["device_picture"]["says"] == "disagrees"
    assert [each["role"] for each in opinion["pictures"]] == ["live", "reported", "current"]
    for each, shade in zip(opinion["pictures"], (2, BOX_PICTURE, 1), strict=True):
        assert any_site.client.get(each["url"]).data == jpeg(shade)
    assert any_site.get("/v1/events")["items"][0]["second_opinion"] == opinion


def test_events_are_listed_by_what_we_say(any_site: Site) -> None:
    any_site.enrol("Somebody", 1, external_id="E1")
    agrees = told(any_site, 0, 101)["id"]
    disagrees = [told(any_site, MINUTE * each, 2)["id"] for each in (1, 2)]
    nobody_can_tell = told(any_site, 3 * MINUTE, 3, identity_id="E9", reg_pic="")["id"]
    unnamed = told(any_site, 4 * MINUTE, 4, identity_id="", identity_name="")["id"]
    assert any_site.get(f"/v1/events/{unnamed}")["second_opinion"] is None
    for says, expected in (("agrees", [agrees]), ("disagrees", disagrees[::-1]), ("cannot_tell", [nobody_can_tell])):
        assert any_site.ids(second_opinion=says) == expected
    assert any_site.ids(second_opinion="disagrees", limit=1) == disagrees[1:]
    assert is_problem(any_site.client.get("/v1/events?second_opinion=maybe"), 422, "invalid_arguments")


@pytest.fixture
def statements() -> Iterator[list[tuple[str, Any]]]:
    asked: list[tuple[str, Any]] = []

    def note(*said: Any) -> None:
        asked.append((str(said[2]), said[3]))

    listening.listen(Engine, "before_cursor_execute", note)
    yield asked
    listening.remove(Engine, "before_cursor_execute", note)


def test_contradictions_are_found_by_their_indexes(site: Site, statements: list[tuple[str, Any]]) -> None:
    """However many events there are: the list, and the count for the review item."""
    site.enrol("Somebody", 1, external_id="E1")
    told(site, 0, 2)
    site.ids(second_opinion="disagrees")
    asked = [each for each in statements if each[0].startswith("SELECT") and "second_opinion = " in each[0]]
    with site.store.read() as tx:
        connection = tx.connection.driver_connection
        assert connection is not None
        plans = [row[3] for query, values in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {query}", values)]
    assert [each for each in plans if "ix_event_disagrees" in each]
    assert [
        each for each in plans if "ix_event_disagreeing (identity_id=? AND occurred_at>? AND occurred_at<?)" in each
    ]


def test_nothing_of_it_is_left_of_an_erased_person(any_site: Site, tmp_path: Path) -> None:
    person = any_site.enrol("Somebody", 1, external_id="E1")
    own = told(any_site, 0, 101)["id"]
    # Another man's face under the erased one's id: the event stays the other man's.
    other = any_site.enrol("Another", 2)
    others = told(any_site, MINUTE, 2)["id"]
    opinion = any_site.get(f"/v1/events/{others}")["second_opinion"]
    theirs = {each["role"]: each["digest"] for each in opinion["pictures"]}
    embedding = face_of(1, off=0.2).tobytes()
    assert "sighting.embedding" in columns_with(any_site.store, [embedding])
    answer = any_site.client.delete(f"/v1/people/{person}", query_string={"erase": "true"})
    assert answer.status_code == 202
    make_erasing(any_site.store, tmp_path).run(answer.get_json()["id"], without_rest())
    for event_id in (own, others):
        assert any_site.get(f"/v1/events/{event_id}")["second_opinion"] is None
    assert any_site.get(f"/v1/events/{others}")["decision"]["person"]["id"] == other
    needles = [
        embedding,
        *(each for role in ("reported", "current") for each in (theirs[role].encode(), bytes.fromhex(theirs[role]))),
    ]
    # That these very bytes were erased is remembered, so that they are not taken in again.
    assert columns_with(any_site.store, needles) == {"erased_picture.digest"}
    assert any_site.get(f"/v1/events/{others}")["pictures"].keys() == {"face"}
    assert any_site.client.get(f"/v1/pictures/{theirs['live']}").data == jpeg(2)


def test_a_contradiction_is_asked_about_with_all_three_pictures(any_site: Site) -> None:
    person = any_site.enrol("Somebody", 1, external_id="E1")
    event = told(any_site, 0, 2)["id"]
    item = the_one(any_site, kind="second_opinion")
    assert (item["reason"], item["state"], item["event"]) == ("face_disagrees", "open", event)
    assert item["person"]["id"] == person
    pictures = {each["role"]: any_site.client.get(each["url"]).data for each in item["pictures"]}
    assert pictures == {"live": jpeg(2), "reported": jpeg(BOX_PICTURE), "current": jpeg(1)}
    assert item["detail"]["count"] == 1
    done(any_site, item, "accept")
    told(any_site, MINUTE, 2)
    assert listed(any_site, kind="second_opinion") == []
