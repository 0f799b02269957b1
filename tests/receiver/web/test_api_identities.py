"""Device identities over HTTP: listed page by page, adopted by a worker, followed, and gone with whoever is erased."""

from pathlib import Path
from typing import Any

import pytest

from schemas import identities as schemas
from tests.receiver.adopter import Adopter
from tests.receiver.boxes import text_of
from tests.receiver.erasing import columns_with, make_erasing, without_rest
from tests.receiver.web.site import Site, is_problem, open_site
from tests.receiver.web.test_export import exported

NAME, IDENTITY = "Quilliam Erasable", "QX-778-ZZ"


def passes(site: Site, number: int, **changes: Any) -> None:
    """Somebody whom the box knows passes."""
    inner = {"person_type": 1} | changes.pop("ext_data", {})
    names = {"identity_id": f"E{number}", "identity_name": f"Person {number}", "reg_pic": text_of(number)}
    site.told(number, ext_data=inner, **names | changes)
    site.desk.work()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def work(site: Site, folder: Path, adoption_id: int) -> Any:
    """What the worker does."""
    Adopter(site.store, folder, site.engine).worker().run(adoption_id)
    return site.get(f"/v1/adoptions/{adoption_id}")


def adopt(site: Site, **document: Any) -> Any:
    answer = site.client.post("/v1/identities/adopt", json=document)
    assert answer.status_code == 202, answer.get_data(as_text=True)
    found = answer.get_json()
    assert answer.headers["Location"] == f"/v1/adoptions/{found['id']}"
    return found


def test_identities_are_listed_adopted_and_followed(any_site: Site, folder: Path) -> None:
    for number in (1, 2, 3):
        passes(any_site, number, ext_data={"person_type": 2 if number == 3 else 1})
    listed = any_site.get("/v1/identities")["items"]
    assert [(each["external_id"], each["name"], each["list"], each["state"]) for each in listed] == [
        ("E1", "Person 1", "staff", "known"), ("E2", "Person 2", "staff", "known"), ("E3", "Person 3", "visitor", "known"),
    ]  # fmt: skip
    assert any_site.client.get(listed[0]["picture"]["url"]).status_code == 200
    begun = adopt(any_site, list="staff")
    assert (begun["state"], begun["percent"], begun["counts"]["waiting"]) == ("running", 0, 2)
    assert [each["is_waiting"] for each in any_site.get("/v1/identities")["items"]] == [True, True, False]
    done = work(any_site, folder, begun["id"])
    assert (done["state"], done["percent"], done["counts"]["adopted"]) == ("done", 100, 2)
    adopted = any_site.get("/v1/identities", state="adopted")["items"]
    assert [each["person"]["name"] for each in adopted] == ["Person 1", "Person 2"]
    (person,) = any_site.get("/v1/people", q="E1")["items"]
    assert (person["source"], person["identities"]) == (
        "device", [{"external_id": "E1", "device": listed[0]["device"]["id"], "device_group": None}],
    )  # fmt: skip
    again = adopt(any_site)
    assert again["counts"]["waiting"] == 1
    chosen = adopt(any_site, identities=[{"device": listed[0]["device"]["id"], "external_id": "E1"}])
    assert (chosen["state"], chosen["counts"]["waiting"]) == ("done", 0)
    assert [each["id"] for each in any_site.get("/v1/adoptions", limit=2)["items"]] == [chosen["id"], again["id"]]


def test_a_list_comes_page_by_page(any_site: Site) -> None:
    for number in range(1, 6):
        passes(any_site, number, identity_id=f"a:{number}")
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = any_site.get("/v1/identities", limit=2, **cursor)
        found += [each["external_id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert found == [f"a:{number}" for number in range(1, 6)]


def test_identities_are_found_by_device_list_state_and_text(site: Site) -> None:
    passes(site, 1)
    passes(site, 2, box="ABCDEF000120240101000002", identity_name="Zoë")

    def names(**query: Any) -> list[str]:
        return [each["external_id"] for each in site.get("/v1/identities", **query)["items"]]

    assert names(device="ABCDEF000120240101000002") == names(device="2") == names(q="zo") == names(q="e2") == ["E2"]
    assert names(device="nobody") == names(list="vip") == names(state="refused") == []
    assert names(list="staff", state="known") == ["E1", "E2"]


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"},
        {"cursor": "1"},
        {"cursor": f"{2**70}:a"},
        {"state": "x"},
        {"limit": 0},
        {"q": "\x00"},
        {"colour": 1},
    ],
)
def test_a_wrong_question_is_refused(site: Site, query: dict[str, Any]) -> None:
    assert is_problem(site.client.get("/v1/identities", query_string=query), 422, "invalid_arguments")


@pytest.mark.parametrize(
    "document",
    [
        {"identities": []},
        {"identities": [{"device": 1}]},
        {"identities": [{"device": 1, "external_id": "E1"}], "list": "staff"},
        {"identities": [{"device": 1, "external_id": "E1"}] * (schemas.MOST_CHOSEN + 1)},
        {"list": "stranger"},
        {"everybody": True},
        [],
    ],
)
def test_a_wrong_wish_is_refused(site: Site, document: Any) -> None:
    assert is_problem(site.client.post("/v1/identities/adopt", json=document), 422, "invalid_arguments")
    assert site.get("/v1/adoptions")["items"] == []


def test_an_adoption_is_cancelled_once(site: Site, folder: Path) -> None:
    passes(site, 1)
    begun = adopt(site)
    answer = site.client.post(f"/v1/adoptions/{begun['id']}/cancel")
    assert (answer.status_code, answer.get_json()["state"]) == (200, "cancelled")
    assert is_problem(site.client.post(f"/v1/adoptions/{begun['id']}/cancel"), 409, "adoption_ended")
    assert is_problem(site.client.get("/v1/adoptions/99"), 404, "no_such_adoption")
    assert work(site, folder, begun["id"])["counts"]["adopted"] == 0


def test_nothing_can_be_adopted_without_recognition(tmp_path: Path) -> None:
    with open_site(tmp_path, recognition="off") as site:
        assert is_problem(site.client.post("/v1/identities/adopt", json={}), 503, "recognition_off")


@pytest.mark.parametrize("is_adopted", [True, False])
def test_nothing_of_whom_a_device_knew_is_left_when_the_person_is_erased(
    any_site: Site, folder: Path, *, is_adopted: bool
) -> None:
    him = {"identity_id": IDENTITY, "identity_name": NAME}
    passes(any_site, 3, **him)
    if is_adopted:
        work(any_site, folder, adopt(any_site)["id"])
        person = any_site.get("/v1/people", q=IDENTITY)["items"][0]["id"]
    else:
        # Refused, and shown to somebody, before he was enrolled by hand.
        passes(any_site, 4, **him, reg_pic=text_of(30))
        work(any_site, folder, adopt(any_site)["id"])
        assert any_site.get("/v1/identities")["items"][0]["reason"] == "no_face"
        person = any_site.enrol(NAME, 3, external_id=IDENTITY)
    needles = (NAME.encode(), IDENTITY.encode())
    assert "device_identity.name" in columns_with(any_site.store, needles)
    begun = any_site.client.delete(f"/v1/people/{person}", query_string={"erase": "true"}).get_json()["id"]
    assert any_site.get("/v1/identities")["items"] == []
    make_erasing(any_site.store, folder).run(begun, without_rest())
    assert columns_with(any_site.store, needles) == set()
    assert any_site.get(f"/v1/erasures/{begun}")["counts"]["device_identities"] == 1
    # The box goes on knowing him: by the same picture he does not come back.
    passes(any_site, 5, **him, reg_pic=text_of(3))
    assert work(any_site, folder, adopt(any_site)["id"])["counts"]["refused"] == 1
    assert any_site.get("/v1/people")["items"] == []


def test_whom_a_device_knows_is_part_of_what_is_given_out(site: Site, folder: Path) -> None:
    passes(site, 3)
    work(site, folder, adopt(site)["id"])
    person = site.get("/v1/people")["items"][0]["id"]
    _, told, _ = exported(site, person)
    assert [(each["external_id"], each["name"], each["state"]) for each in told["device_identities"]] == [
        ("E3", "Person 3", "adopted")
    ]
