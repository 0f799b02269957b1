"""The past that lookups are measured with is one that the server itself could have written."""

from collections import Counter
from pathlib import Path

from benchmarks.lookups import ENDPOINTS
from benchmarks.million import FACES, OFTEN, OFTEN_SEEN, build
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
    # Two events a passage, each passage a visit.
    seen: Counter[int] = Counter()
    for passage in range(EVENTS // 2):
        if passage % OFTEN == 0:
            seen[OFTEN_SEEN] += 1
        elif passage // PEOPLE % 4 < 3:
            seen[1 + passage % PEOPLE] += 1
    assert seen.most_common(1)[0][0] == OFTEN_SEEN
    for number in range(1, PEOPLE + 1):
        person, visits, events = (client.get(path.format(id=number)) for path in ENDPOINTS.values())
        assert person.get_json()["events"] == 2 * seen[number]
        assert len(person.get_json()["faces"]) == FACES
        assert person.get_json()["visits"] == seen[number]
        assert len(visits.get_json()["items"]) == min(50, seen[number])
        assert len(events.get_json()["items"]) == 50
        assert all(each["pictures"]["face"]["digest"] for each in events.get_json()["items"])
    assert client.post("/HistoryEvent", json=history(1)).status_code == 200
    newest = client.get("/v1/events?limit=1").get_json()["items"][0]
    assert newest["id"] == EVENTS + 1
    house.close()
