"""The past that lookups are measured with is one that the server itself could have written."""

from pathlib import Path

from benchmarks.lookups import ENDPOINTS
from benchmarks.million import FACES, build
from receiver import bootstrap
from receiver.settings import Settings
from tests.made_stores import made_house
from tests.receiver.boxes import history
from tests.receiver.web.logins import client_of

EVENTS, PEOPLE = 800, 10


def test_a_written_past_is_shown_like_one_that_was_received(tmp_path: Path) -> None:
    built = build(tmp_path, EVENTS, PEOPLE)
    assert (built.people, built.events) == (PEOPLE, EVENTS)
    house = made_house(Settings(data_dir=tmp_path, recognition="off"))
    client = client_of(bootstrap.make_app(house))
    of_each = EVENTS // PEOPLE * 3 // 4
    for number in range(1, PEOPLE + 1):
        person, visits, events = (client.get(path.format(id=number)) for path in ENDPOINTS.values())
        assert person.get_json()["events"] == of_each
        assert len(person.get_json()["faces"]) == FACES
        # Two events a passage, each passage a visit.
        assert person.get_json()["visits"] == len(visits.get_json()["items"]) == of_each // 2
        assert len(events.get_json()["items"]) == 50
        assert all(each["pictures"]["face"]["digest"] for each in events.get_json()["items"])
    assert client.post("/HistoryEvent", json=history(1)).status_code == 200
    newest = client.get("/v1/events?limit=1").get_json()["items"][0]
    assert newest["id"] == EVENTS + 1
    house.close()
