"""Strangers whom no device registers: one id at two gates, visits, and who is named never becomes one; real photographs."""

import base64
import io
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
import requests
from PIL import Image, ImageOps

from tests.photos import ANOTHER_MAN, ONE_MAN, photo
from tests.receiver.boxes import history
from tests.system.conftest import MakeSite
from tests.system.processes import Site, eventually

MINUTE = 60_000
NOBODY = {"identity_id": "", "identity_name": "stranger", "score": 6.5}


def shot(name: str, *, share: float = 1.0, quality: int = 92, is_mirrored: bool = False) -> str:
    """A photograph as another camera would have taken it, as base64 text."""
    with Image.open(photo(name)) as image:
        size = (round(image.width * share), round(image.height * share))
        shown = image.convert("RGB").resize(size)
    buffer = io.BytesIO()
    (ImageOps.mirror(shown) if is_mirrored else shown).save(buffer, "JPEG", quality=quality)
    return base64.b64encode(buffer.getvalue()).decode()


def passage(minute: float, picture: str, gate: int = 1, person_type: int = 4, **changes: Any) -> dict[str, Any]:
    """Somebody passes a gate so many minutes after the first one; no want_action."""
    inner = {
        "recognize_face": picture,
        "person_type": person_type,
        "ep_id": f"BOX000120240101000001__10.0.0.{gate}",
        "device_ip": f"10.0.0.{gate}",
    }
    return history(int(minute * MINUTE), ext_data=inner, **{**NOBODY, **changes})


@pytest.fixture
def site(make_site: MakeSite) -> Site:
    made = make_site()
    made.start("serve")
    eventually(made.is_ready)
    return made


def recognised(site: Site, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events in the order in which they were sent, once all of them have been looked at."""
    before = len(site.every("/v1/events"))
    answer = requests.post(f"{site.url}/HistoryEvent", json=items, timeout=30)
    assert answer.status_code == 200, answer.text

    def nothing_is_pending() -> bool:
        rows = site.every("/v1/events")
        return len(rows) == before + len(items) and all(row["recognition"] != "pending" for row in rows)

    eventually(nothing_is_pending)
    return site.every("/v1/events")[::-1][before:]


def test_a_stranger_seen_five_times_at_two_gates_has_one_id(site: Site) -> None:
    pictures = [
        shot(ONE_MAN[0]),
        shot(ONE_MAN[1]),
        shot(ONE_MAN[2]),
        shot(ONE_MAN[0], is_mirrored=True, share=0.8),
        shot(ONE_MAN[1], share=0.7, quality=80),
    ]
    events = recognised(site, [passage(30 * at, each, gate=1 + at % 2) for at, each in enumerate(pictures)])
    (stranger,) = site.every("/v1/strangers")
    assert [each["decision"]["person"] and each["decision"]["person"]["id"] for each in events] == [stranger["id"]] * 5
    assert {each["decision"]["status"] for each in events} == {"matched"}
    assert (stranger["visits"], stranger["events"], stranger["source"]) == (5, 5, "event")
    shown = site.get(f"/v1/strangers/{stranger['id']}")
    assert Counter({each["gate"]["ip"]: each["events"] for each in shown["seen_at"]}) == {"10.0.0.1": 3, "10.0.0.2": 2}
    assert 2 <= len(shown["faces"]) <= 5
    assert {each["source"] for each in shown["faces"]} == {"event"}
    # Another one is another one, and a resend of what was there is nobody's second sighting.
    again = shot(ANOTHER_MAN)
    recognised(site, [passage(300, again), passage(330, again, gate=2)])
    assert [each["id"] for each in site.every("/v1/strangers")] == [stranger["id"]]
    recognised(site, [passage(360, shot(ANOTHER_MAN, share=0.8), gate=2)])
    assert len(site.every("/v1/strangers")) == 2
    listed = site.run("strangers", "list", "--min-visits", "3", "--order", "visits")
    assert listed.returncode == 0, listed.stderr
    assert f"stranger {stranger['id']}" in listed.stdout
    assert "5 visits (5 events)" in listed.stdout
    told = site.run("strangers", "show", str(stranger["id"]))
    assert told.returncode == 0, told.stderr
    assert told.stdout.count("  visit ") == 5


def test_a_poster_comes_twice_however_often_it_is_seen(site: Site) -> None:
    """The same picture, each time compressed a little differently, every five minutes; then it is hung up again at night."""
    minutes = [*range(0, 40, 5), *range(600, 615, 5)]
    pictures = [shot(ONE_MAN[2], quality=80 + number) for number in range(len(minutes))]
    recognised(site, [passage(minute, each) for minute, each in zip(minutes, pictures, strict=True)])
    (poster,) = site.every("/v1/strangers")
    assert (poster["visits"], poster["events"]) == (2, len(minutes))
    later, earlier = site.get(f"/v1/people/{poster['id']}/visits")["items"]
    assert (earlier["events"], later["events"]) == (8, 3)
    lasted = datetime.fromisoformat(earlier["end"]) - datetime.fromisoformat(earlier["start"])
    assert lasted.total_seconds() == 35 * 60
    picture = site.http.get(f"{site.url}{earlier['picture']['url']}", timeout=10)
    assert picture.headers["Content-Type"] == "image/jpeg"
    # It teaches nothing new: one shot is one picture.
    assert len(site.get(f"/v1/strangers/{poster['id']}")["faces"]) == 2


def test_who_is_named_by_the_device_as_staff_never_becomes_a_stranger(site: Site) -> None:
    named: dict[str, Any] = {"identity_id": "E1007", "identity_name": "Somebody"}
    items = [passage(10 * at, shot(name), person_type=1, **named) for at, name in enumerate(ONE_MAN)]
    events = recognised(site, items)
    assert {each["decision"]["status"] for each in events} == {"unknown"}
    assert site.every("/v1/strangers") == []
    # The same face, not named this time, is seen for the first time.
    recognised(site, [passage(100, shot(ONE_MAN[0], share=0.9), person_type=1, identity_name="")])
    assert site.every("/v1/strangers") == []


def test_it_can_be_switched_off(make_site: MakeSite) -> None:
    site = make_site(AUTOMATIC_STRANGERS="0")
    site.start("serve")
    eventually(site.is_ready)
    events = recognised(site, [passage(10 * at, shot(name)) for at, name in enumerate(ONE_MAN)])
    assert {each["decision"]["status"] for each in events} == {"unknown"}
    assert site.every("/v1/strangers") == []
