"""An application that one site has had is for the next one as if it were its own."""

from pathlib import Path

from receiver.settings import Settings
from tests.receiver.web.lent_apps import LentApp
from tests.receiver.web.site import open_site

LOGIN = {"username": "nobody", "password": "wrong"}


def test_the_next_site_has_nothing_of_the_one_before(tmp_path: Path) -> None:
    with open_site(tmp_path / "one") as one:
        one.enrol("Ann Example", 1)
        codes = [one.app.test_client().post("/v1/login", json=LOGIN).status_code for _ in range(6)]
        assert codes == [401] * 5 + [429]
    with open_site(tmp_path / "other") as other:
        assert other.app is one.app
        assert other.app.test_client().post("/v1/login", json=LOGIN).status_code == 401
        assert other.get("/v1/people")["items"] == []
        assert other.services.attempts._store is other.store


def test_two_sites_at_once_have_one_each(tmp_path: Path) -> None:
    with open_site(tmp_path / "one") as one, open_site(tmp_path / "other") as other:
        assert one.app is not other.app
        one.enrol("Ann Example", 1)
        assert other.get("/v1/people")["items"] == []


def test_what_is_read_when_a_request_comes_is_the_own_sites(tmp_path: Path) -> None:
    origin = {"Origin": "https://portal.example"}
    with open_site(tmp_path / "one") as one:
        assert "Access-Control-Allow-Origin" not in one.client.get("/v1/people", headers=origin).headers
    with open_site(tmp_path / "other", cors_origins=origin["Origin"]) as other:
        assert other.client.get("/v1/people", headers=origin).headers["Access-Control-Allow-Origin"] == origin["Origin"]


def test_what_is_read_when_an_application_is_made_chooses_it(tmp_path: Path) -> None:
    with open_site(tmp_path / "one") as one:
        made = LentApp(one.services)
        assert made.suits(Settings(data_dir=tmp_path / "other"))
        assert not made.suits(Settings(data_dir=tmp_path / "other", body_limit=1_000_000))


def test_an_application_with_something_added_is_not_lent_again(tmp_path: Path) -> None:
    with open_site(tmp_path / "one") as one:
        one.app.before_request(lambda: None)
    with open_site(tmp_path / "other") as other:
        assert other.app is not one.app
