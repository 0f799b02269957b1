"""ServerAPI as its clients speak it: the README's whole flow, then each address with what it refuses and how it says so."""

from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
import requests

from receiver.domain.accounts import Limits, Role
from receiver.domain.trust import State
from receiver.services.devices.trusting import Change
from receiver.store import accounts, announcements
from tests.conversations.front_end import FrontEnd
from tests.conversations.vehicle_talk import BEGUN, ENDED, PICTURE, TAKEN, TEXT, Talk, talk_to
from tests.photos import photo
from tests.receiver.boxes import history
from tests.receiver.web.site import Site, open_site
from tests.system.conftest import MakeSite
from tests.system.processes import PASSWORD, eventually

NEW_ALERT = '42/alert,["an_alert",{"data":"new_alert"}]'


def test_the_whole_flow_of_the_readme(make_site: MakeSite) -> None:
    # Two of them: polls come to either.
    site = make_site(RECOGNITION="off", TIMEZONE="Africa/Maputo", WEB_PROCESSES="2")
    site.start("serve")
    eventually(site.is_ready)
    api = f"{site.url}/api/v1"
    login, device = comes_in(api)
    # A front end listens.
    front_end = FrontEnd(site.url)
    front_end.emit("get_alert", login)
    assert front_end.told() == ['42/alert,["my_response",{"data":"Added!"}]']
    # An alert begins, and the front end is told.
    begin = {"token": device["token"], "truck_id": device["truck_id"], "alert_init": BEGUN, "behavior": "Single Hand"}
    alert = done(requests.post(f"{api}/alert/", json=begin))
    assert alert["alert_id"] == alert["id"]
    assert front_end.told() == [NEW_ALERT]
    (shown,) = done(requests.get(f"{api}/alert/", params={**login, "started": True}))["alerts"]
    assert shown["alert_init"] == "2026-03-01T08:00:00"
    assert (shown["alert_end"], shown["behavior"], shown["started"]) == (None, "Single Hand", True)
    sends_frames(api, login, device, alert["alert_id"])
    # The same alert is one of ours, with its frame, at the right moment.
    (ours,) = site.get("/v1/alerts")["items"]
    assert (ours["id"], ours["behavior"], ours["source"]) == (alert["id"], "Single Hand", "device")
    assert ours["started_at"].startswith("2026-03-01T06:00:00")
    assert len(site.get(f"/v1/alerts/{alert['id']}/frames")["items"]) == 1
    # And an alert of a gate is one of theirs.
    hit = history(1, ext_data={"person_type": 3})
    requests.post(f"{site.url}/HistoryEvent", json=hit, timeout=60).raise_for_status()
    assert front_end.told() == [NEW_ALERT]
    newest = done(requests.get(f"{api}/alert/", params=login))["alerts"][0]
    (event,) = site.get("/v1/events")["items"]
    assert (newest["behavior"], newest["started"], newest["truck_id"]) == ("Unsafe", True, event["gate"]["id"])


def done(answer: requests.Response) -> Any:
    document = answer.json()
    assert (answer.status_code, document["code"], document["status_code"]) == (200, 200, "Success"), answer.text
    return document["data"]


def comes_in(api: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An administrator makes a user, and a box registers."""
    admin = done(requests.post(f"{api}/login/", json={"username": "admin", "password": PASSWORD}))["token"]
    new_user = {"username": "juan", "password": "una clave larga", "role": "Full", "email": "juan@example.com"}
    asking = {"cur_user": {"username": "admin", "token": admin}, "new_user": new_user}
    user = done(requests.post(f"{api}/user/register/", json=asking))
    box = {"mac": "<dc:71:96:53:16:0a>", "password": "<pass123>", "name": "truck1"}
    device = done(requests.post(f"{api}/jetson/register/", json=box))
    assert device.keys() == {"id", "truck_id", "token"}
    return {"username": "juan", "token": user["token"]}, device


def sends_frames(api: str, login: dict[str, Any], device: dict[str, Any], alert_id: int) -> None:
    """Frames as the README's Python 3 sends and reads them, of the alert until it ends, then a calm one."""
    picture = photo("obama.jpg").read_bytes()
    text = str(b64encode(picture))
    frame = {"token": device["token"], "alert_id": alert_id, "frame_timestamp": TAKEN, "frame": text}
    kept = done(requests.post(f"{api}/log/", json=frame))
    assert kept["frame_id"] == kept["id"]
    (found,) = done(requests.get(f"{api}/log/", params={**login, "alert_id": alert_id}))["frames"]
    assert b64decode(found["frame_image"]) == b64decode(found["frame"]) == picture
    end = {"token": device["token"], "alert_id": alert_id, "alert_end": ENDED}
    assert done(requests.put(f"{api}/alert/", json=end))["id"] == alert_id
    (shown,) = done(requests.get(f"{api}/alert/", params={**login, "id": alert_id}))["alerts"]
    assert (shown["alert_end"], shown["started"]) == ("2026-03-01T08:05:00", False)
    calm = {"token": device["token"], "truck_id": device["truck_id"], "frame_timestamp": ENDED, "frame": text}
    calm_id = done(requests.post(f"{api}/safe/", json=calm))["safeframe_id"]
    last = done(requests.get(f"{api}/truck/laststatus/", params={**login, "truck_id": device["truck_id"]}))["frame"]
    assert (last["id"], last["truck_id"]) == (calm_id, device["truck_id"])
    assert b64decode(last["frame_image"]) == picture


@pytest.fixture
def talk(any_site: Site) -> Talk:
    """On each kind of database."""
    return talk_to(any_site)


def test_passwords_are_checked_and_logins_end(talk: Talk) -> None:
    for login in ({"username": "chief", "password": "another"}, {"username": "nobody", "password": "a long password"}):
        assert talk.ask("POST", "/login/", 401, json=login) == "Wrong username or password"
    talk.get("/logout/")
    assert talk.get("/alert/", 400) == "Wrong token"
    talk.ask("GET", "/logout/")


def test_guesses_are_counted(talk: Talk) -> None:
    wrong = {"username": "chief", "password": "another"}
    for _ in range(5):
        talk.ask("POST", "/login/", 401, json=wrong)
    assert talk.ask("POST", "/login/", 429, json=wrong).startswith("too many logins have failed")


def test_accounts_are_made_changed_and_listed_by_administrators(talk: Talk) -> None:
    new = {"username": "Ana", "password": "a long password", "role": "Limited", "email": "ana@example.com"}
    made = talk.ask("POST", "/user/register/", json={"token": talk.admin, "new_user": new})
    ask = {"token": talk.admin, "new_user": new}
    assert talk.ask("POST", "/user/register/", 409, json=ask) == "Username already register."
    assert (
        talk.ask("POST", "/user/register/", 409, json=ask | {"new_user": new | {"role": "Chief"}})
        == "Role doesn't exists."
    )
    long = ask | {"new_user": new | {"password": "x" * 255}}
    assert talk.ask("POST", "/user/register/", 413, json=long) == "Password is too large."
    low = ask | {"token": made["token"], "new_user": new | {"username": "eva"}}
    assert talk.ask("POST", "/user/register/", 400, json=low) == "Current user don't has permission"
    changed = talk.ask("PUT", "/user/register/", json=ask | {"new_user": new | {"role": "Full"}})
    assert changed["id"] == made["id"]
    assert changed["token"] != made["token"]
    assert talk.ask("GET", "/alert/", 400, query_string={"token": made["token"]}) == "Wrong token"
    unknown = ask | {"new_user": new | {"username": "eva"}}
    assert talk.ask("PUT", "/user/register/", 400, json=unknown) == "User doesn't exists"
    for query in ({"username": "ana"}, {"email": "ana@example.com"}, {"user_id": made["id"]}, {"role": "Full"}):
        found = talk.get("/user/register/", **query)
        assert [(each["id"], each["email"], each["role"]) for each in found["users"]] == [
            (made["id"], "ana@example.com", "Full")
        ]
    assert talk.get("/user/register/", sort_name="username", sort_order="asc")["users"][0]["username"] == "ana"


def test_a_user_sets_its_own_password_and_nobody_elses(talk: Talk) -> None:
    token = talk.user(Role.VIEWER)
    new = {"username": "viewerfalse", "password": "another password", "role": "Limited", "email": "x@example.com"}
    asking = {"token": token, "new_user": new}
    for change in ({"username": "chief"}, {"role": "Admin"}):
        talk.ask("PUT", "/user/register/", 400, json=asking | {"new_user": new | change})
    renewed = talk.ask("PUT", "/user/register/", json=asking)["token"]
    assert talk.get("/alert/", 200, token=renewed)["alerts"] == []


def test_the_same_box_is_given_the_same_and_another_box_is_refused(talk: Talk) -> None:
    assert talk.register(1) == talk.vehicle
    box = {"mac": "00:00:00:00:00:01", "password": "secret", "name": "truck 1"}
    for changed in (box | {"password": "guessed"}, box | {"name": "another"}):
        assert talk.ask("POST", "/jetson/register/", 409, json=changed) == "Mac already register."
    taken = box | {"mac": "00:00:00:00:00:09"}
    assert talk.ask("POST", "/jetson/register/", 409, json=taken) == "Truck already register."
    wrong = box | {"mac": "00:00:00:00:00"}
    assert talk.ask("POST", "/jetson/register/", 400, json=wrong) == "Mac doesn't has correct format."
    assert talk.ask("PUT", "/jetson/register/", 401, json=taken) == "Jetson device dosen't exists"
    renewed = talk.ask("PUT", "/jetson/register/", json=box)
    assert (renewed["id"], renewed["truck_id"]) == (talk.vehicle["id"], talk.vehicle["truck_id"])
    assert talk.begin(400) == "Wrong token"
    assert talk.begin(token=renewed["token"])


def test_an_administrator_revokes_a_boxs_token_and_blocks_a_box(talk: Talk) -> None:
    talk.services.trusting.take_key(talk.vehicle["id"])
    talk.services.vehicles._known.clear()
    assert talk.begin(400) == "Wrong token"
    renewed = talk.register(1)
    assert talk.begin(vehicle=renewed)
    talk.services.trusting.change(talk.vehicle["id"], Change(state=State.BLOCKED))
    talk.services.vehicles._known.clear()
    assert talk.begin(400, vehicle=renewed) == "Wrong token"


def test_what_is_missing_empty_or_wrong_is_told_in_its_own_words(talk: Talk) -> None:
    own = talk.vehicle
    assert talk.ask("POST", "/alert/", 400) == "No input data provided"
    assert talk.ask("POST", "/alert/", 400, json={}) == "No input data provided"
    assert talk.ask("POST", "/alert/", 400, data=b"{nothing") == "No input data provided"
    assert talk.ask("POST", "/alert/", 400, json={"token": own["token"]}) == 'Missing "truck_id" field in payload'
    assert talk.begin(400, behavior="") == 'Missing value for "behavior" field in payload'
    assert talk.begin(400, behavior="Asleep") == "Behavior Unknow."
    time = "date fields must be in '%Y-%m-%d %H:%M:%S' format."
    for wrong in ("2026-03-01T08:00:00", "yesterday", "0001-01-01 00:00:00", "9999-12-31 23:59:59", 7):
        assert talk.begin(400, alert_init=wrong) == time
    numbers: list[Any] = ["x", 1.5, True, [1], 10**18 * 10, "9" * 40]
    for number in numbers:
        talk.begin(400, truck_id=number)
    assert talk.begin(400, truck_id=own["truck_id"] + 1) == "Truck_id doesn't exists."
    for token in ("nothing", "gd_1_" + "0" * 64, talk.admin, 7, {"a": 1}, "gd_" + "9" * 18 + "_" + "0" * 64):
        talk.begin(400, token=token)
    assert talk.get("/alert/", 400, token=own["token"]) == "Wrong token"
    assert talk.ask("GET", "/alert/", 400) == "Wrong token"


def test_no_vehicle_writes_into_anothers_alert_nor_into_one_that_is_over(talk: Talk) -> None:
    other = talk.register(2)
    alert = talk.begin()["alert_id"]
    gone = "Alert_id doesn't exists or is close."
    assert talk.end(alert, 400, token=other["token"]) == gone
    assert talk.frame(alert, 400, token=other["token"]) == gone
    assert talk.begin(400, truck_id=other["truck_id"]) == "Truck_id doesn't exists."
    assert talk.calm(400, truck_id=other["truck_id"]) == "Truck_id doesn't exists."
    assert talk.end(alert)["id"] == alert
    assert talk.end(alert, 400) == gone
    assert talk.frame(alert, 400) == gone
    assert talk.end(987_654, 400) == gone


@pytest.mark.parametrize(
    "text",
    [TEXT, str(b64encode(PICTURE)), f'b"{TEXT}"', f"data:image/jpeg;base64,{TEXT}"],
    ids=["clean", "b''", 'b""', "url"],
)
def test_a_frame_is_taken_in_each_form_and_given_back_clean(talk: Talk, text: str) -> None:
    alert = talk.begin()["alert_id"]
    kept = talk.frame(alert, frame=text, frame_index=7)
    (found,) = talk.get("/log/", alert_id=alert)["frames"]
    assert found == {
        "id": kept["frame_id"], "alert_id": alert, "frame_index": 7, "frame_timestamp": "2026-03-01T08:01:00",
        "frame_image": TEXT, "frame": TEXT,
    }  # fmt: skip


def test_what_is_no_picture_is_refused(talk: Talk) -> None:
    alert = talk.begin()["alert_id"]
    for wrong in (b64encode(b"no picture").decode(), "§§", 7, ["x"], {"a": 1}):
        talk.frame(alert, 400, frame=wrong)
        talk.calm(400, frame=wrong)
    assert talk.get("/log/", alert_id=alert)["frames"] == []


def test_frames_come_in_pages_of_five_newest_first(talk: Talk) -> None:
    alert = talk.begin()["alert_id"]
    ids = [
        talk.frame(alert, frame_index=number, frame_timestamp=f"2026-03-01 08:01:{number:02}")["id"]
        for number in range(7)
    ]
    newest = list(reversed(ids))
    pages = [[each["id"] for each in talk.get("/log/", alert_id=alert, page=page)["frames"]] for page in (1, 2, 3)]
    assert pages == [newest[:5], newest[5:], []]
    later = talk.get("/log/", alert_id=alert, frame_timestamp="2026-03-01 08:01:05")["frames"]
    assert [each["frame_index"] for each in later] == [6, 5]
    assert len(talk.get("/log/", alert_id=alert, frame_index=4)["frames"]) == 3


def test_alerts_are_filtered_paged_and_sorted_by_what_may_be_sorted(talk: Talk) -> None:
    other = talk.register(2)
    made = [talk.begin(alert_init=f"2026-03-0{day} 08:00:00", behavior=word)["id"] for day, word in
            ((1, "Tamper"), (2, "Safe"), (3, "Eating/Drinking"))]  # fmt: skip
    made.append(talk.begin(vehicle=other, alert_init="2026-03-04 08:00:00")["id"])
    talk.end(made[0])

    def ids(**query: Any) -> list[int]:
        return [each["id"] for each in talk.get("/alert/", **query)["alerts"]]

    assert ids() == list(reversed(made))
    assert ids(behavior="Safe") == [made[1]]
    assert ids(truck_id=other["truck_id"]) == ids(truck_name="truck 2") == [made[3]]
    assert ids(alert_init="2026-03-03 00:00:00") == [made[3], made[2]]
    assert ids(alert_init_start="2026-03-02 00:00:00", alert_init_end="2026-03-03 09:00:00") == [made[2], made[1]]
    assert ids(alert_finish_time_start=BEGUN, alert_finish_time_end=ENDED) == [made[0]]
    for yes, no in (("True", "False"), ("true", "false"), ("1", "0")):
        assert ids(started=yes) == [made[3], made[2], made[1]]
        assert ids(started=no) == [made[0]]
    assert ids(sort_name="alert_init", sort_order="asc") == made
    page = talk.get("/alert/", limit=3, page=2)
    assert [each["id"] for each in page["alerts"]] == [made[0]]
    assert (page["totalPages"], page["totalItems"], page["perPage"]) == (2, 4, 3)
    assert ids(page=9) == []
    for wrong in ({"page": "x"}, {"limit": 0}, {"limit": 10**9}, {"page": 10**12}, {"sort_name": "password_hash"},
                  {"sort_order": "; drop"}, {"started": "perhaps"}, {"id": "x"}, {"alert_init": "x"}):  # fmt: skip
        talk.get("/alert/", 400, **wrong)


def test_vehicles_are_listed_with_their_last_alert(talk: Talk) -> None:
    talk.register(2)
    first, last = talk.begin()["id"], talk.begin(alert_init=TAKEN)["id"]
    talk.end(first)
    plain = talk.get("/truck/list/")
    assert plain["trucks"][0] == {"id": talk.vehicle["truck_id"], "name": "truck 1", "status": "Active"}
    assert plain["totalItems"] == 2
    assert talk.get("/jetson/register/") == plain
    (shown,) = talk.get("/truck/list/", include_last_alert=True, id=talk.vehicle["truck_id"])["trucks"]
    assert shown["alerts_total"] == 2
    assert shown["last_alert"] == {
        "id": last, "alert_init": "2026-03-01 08:01:00", "alert_end": "", "behavior": "Unsafe", "started": True,
    }  # fmt: skip
    found = talk.get("/truck/list/", last_alert_time_start=BEGUN, last_alert_time_end=ENDED)["trucks"]
    assert [each["name"] for each in found] == ["truck 1"]


def test_vehicles_that_are_blocked_are_listed_when_asked_for_alone(talk: Talk) -> None:
    other = talk.register(2)
    talk.services.trusting.change(other["id"], Change(state=State.BLOCKED))

    def found(path: str = "/truck/list/", **query: Any) -> list[tuple[str, str]]:
        page = talk.ask("GET", path, query_string={"token": talk.admin, **query})
        assert page["totalItems"] == len(page["trucks"])
        return [(each["name"], each["status"]) for each in page["trucks"]]

    for path in ("/truck/list/", "/jetson/register/"):
        assert found(path) == found(path, status="Active") == [("truck 1", "Active")]
        assert found(path, status="Inactive") == [("truck 2", "Inactive")]
    assert found(id=other["truck_id"]) == []
    talk.ask("GET", "/truck/list/", 400, query_string={"token": talk.admin, "status": "Broken"})


def test_how_a_vehicle_is_comes_from_what_it_sent(talk: Talk) -> None:
    where = {"truck_id": talk.vehicle["truck_id"]}
    assert talk.get("/truck/laststatus/", 404, **where) == "Frame doesn't exists"
    assert talk.get("/truck/laststatus/", 400, truck_id=987) == "Truck_id doesn't exists."
    assert talk.get("/truck/currstatus/", **where)["lastFrameStatus"] is None
    alert = talk.begin(behavior="Tamper")["id"]
    frame_id = talk.frame(alert)["id"]
    last = talk.get("/truck/laststatus/", **where)["frame"]
    assert (last["id"], last["alert_id"], last["frame_image"]) == (frame_id, alert, TEXT)
    now = talk.get("/truck/currstatus/", **where)
    assert (now["deviceId"], now["lastAlert"], now["lastAlertTimestamp"]) == (
        talk.vehicle["id"],
        "Tamper",
        "2026-03-01T08:00:00",
    )
    assert now["lastFrameStatus"] == {"behavior": "Tamper", "frame": TEXT, "timestamp": "2026-03-01T08:01:00"}
    talk.end(alert)
    assert talk.get("/truck/currstatus/", **where)["lastFrameStatus"]["behavior"] == "Safe"
    assert talk.ask("GET", "/truck/currstatus/", 400, query_string=where) == "Wrong token"


def test_whom_nobody_trusts_is_kept_within_bounds_and_wakes_nobody(tmp_path: Path, database_url: str) -> None:
    with open_site(tmp_path, database_url, device_trust="adopt", pending_events="4") as site:
        talk = talk_to(site)
        alert = talk.begin()["alert_id"]
        talk.frame(alert)
        talk.calm()
        talk.end(alert)
        assert [each["id"] for each in talk.get("/alert/")["alerts"]] == [alert]
        assert len(talk.get("/log/", alert_id=alert)["frames"]) == 1
        assert told(site) == []
        talk.begin()
        for refused in (talk.begin(503), talk.calm(503)):
            assert "nobody has trusted this device" in refused
        talk.services.trusting.change(talk.vehicle["id"], Change(state=State.TRUSTED, by="account 1"))
        talk.services.vehicles._known.clear()
        trusted = talk.begin()["alert_id"]
        assert told(site) == [("opened", trusted)]
        for number in range(2, 22):
            talk.register(number)
        box = {"mac": "00:00:00:00:01:00", "password": "secret", "name": "one too many"}
        talk.ask("POST", "/jetson/register/", 503, json=box)


def told(site: Site) -> list[tuple[str, int]]:
    with site.store.read() as tx:
        return [(row.kind, row.alert_id) for row in announcements.after(tx, 0, 99)]


def test_verbs_that_do_nothing_are_refused_as_its_clients_know_it(talk: Talk) -> None:
    for method, path in (("DELETE", "/alert/"), ("PUT", "/log/"), ("GET", "/safe/"), ("POST", "/truck/list/")):
        assert talk.ask(method, path, 401) is None
    answer = talk.client.patch("/api/v1/alert/")
    assert (answer.status_code, list(answer.get_json())) == (405, ["message"])
    assert talk.client.get("/api/v1/alert").status_code == 308


def test_an_account_that_is_limited_to_gates_sees_those_alone(talk: Talk) -> None:
    other = talk.register(2)
    hidden, seen = talk.begin()["id"], talk.begin(vehicle=other)["id"]
    talk.frame(hidden)
    token = talk.user(Role.VIEWER, Limits(gates=frozenset({other["truck_id"]})))
    assert [each["id"] for each in talk.get("/alert/", token=token)["alerts"]] == [seen]
    assert talk.get("/log/", token=token, alert_id=hidden)["frames"] == []
    assert [each["name"] for each in talk.get("/truck/list/", token=token)["trucks"]] == ["truck 2"]
    assert (
        talk.get("/truck/laststatus/", 400, token=token, truck_id=talk.vehicle["truck_id"])
        == "Truck_id doesn't exists."
    )


def test_a_token_ends_with_its_time(talk: Talk) -> None:
    with talk.services.asking._store.write() as tx:
        login = accounts.find_login(tx, int(talk.admin.split("_")[1]))
        assert login is not None
        accounts.change_login(tx, login.id, {"expires_at": login.created_at})
    talk.services.admitting.forget()
    assert talk.get("/alert/", 400) == "Wrong token"
