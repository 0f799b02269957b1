"""Speaks ServerAPI to the application alone, as an administrator and as one vehicle."""

from base64 import b64encode
from dataclasses import dataclass
from typing import Any

from flask.testing import FlaskClient

from receiver.domain.accounts import NO_LIMITS, Limits, Role
from receiver.services.accounts.accounts import NewAccount
from receiver.web.app import Services
from tests.receiver.boxes import jpeg
from tests.receiver.web.site import Site

PICTURE = jpeg(1)
TEXT = b64encode(PICTURE).decode()
BEGUN, ENDED, TAKEN = "2026-03-01 08:00:00", "2026-03-01 08:05:00", "2026-03-01 08:01:00"


@dataclass(frozen=True)
class Talk:
    """The application alone; an administrator's token, and one vehicle."""

    client: FlaskClient
    services: Services
    admin: str
    vehicle: dict[str, Any]

    def ask(self, method: str, path: str, status: int = 200, **sent: Any) -> Any:
        """The data of an answer, or the sentence of one that refuses."""
        answer = self.client.open(f"/api/v1{path}", method=method, **sent)
        document = answer.get_json()
        assert (answer.status_code, document["code"]) == (status, status), document
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        return document.get("data") if status == 200 else document.get("error")

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        return self.ask("GET", path, status, query_string={"token": self.admin, **query})

    def register(self, number: int, name: str = "", password: str = "secret") -> dict[str, Any]:
        box = {"mac": f"00:00:00:00:00:{number:02x}", "password": password, "name": name or f"truck {number}"}
        found: dict[str, Any] = self.ask("POST", "/jetson/register/", json=box)
        return found

    def begin(self, status: int = 200, vehicle: dict[str, Any] | None = None, **changes: Any) -> Any:
        own = vehicle or self.vehicle
        alert = {"token": own["token"], "truck_id": own["truck_id"], "alert_init": BEGUN, "behavior": "Unsafe"}
        return self.ask("POST", "/alert/", status, json=alert | changes)

    def end(self, alert_id: int, status: int = 200, **changes: Any) -> Any:
        return self.ask(
            "PUT",
            "/alert/",
            status,
            json={"token": self.vehicle["token"], "alert_id": alert_id, "alert_end": ENDED} | changes,
        )

    def frame(self, alert_id: int, status: int = 200, **changes: Any) -> Any:
        frame = {"token": self.vehicle["token"], "alert_id": alert_id, "frame_timestamp": TAKEN, "frame": TEXT}
        return self.ask("POST", "/log/", status, json=frame | changes)

    def calm(self, status: int = 200, **changes: Any) -> Any:
        own = {"token": self.vehicle["token"], "truck_id": self.vehicle["truck_id"]}
        return self.ask("POST", "/safe/", status, json=own | {"frame_timestamp": TAKEN, "frame": TEXT} | changes)

    def user(self, role: Role, limits: Limits = NO_LIMITS) -> str:
        name = f"{role}{limits.is_limiting}".lower()
        self.services.accounts.add(NewAccount(name, "a long password", role, limits, must_change=False))
        login = {"username": name, "password": "a long password"}
        return str(self.ask("POST", "/login/", json=login)["token"])


def talk_to(any_site: Site) -> Talk:
    """With an administrator's account, and a vehicle that has registered."""
    services, client = any_site.services, any_site.app.test_client()
    services.accounts.add(NewAccount("chief", "a long password", Role.ADMIN, must_change=False))
    begun = Talk(client, services, "", {})
    token = begun.ask("POST", "/login/", json={"username": "chief", "password": "a long password"})["token"]
    return Talk(client, services, token, begun.register(1))
