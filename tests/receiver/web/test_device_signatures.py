"""A box that is a Gatehouse itself signs what it passes on, and the hub knows by that which box sent it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update
from standardwebhooks.webhooks import Webhook

from receiver import bootstrap
from receiver.domain import signatures
from receiver.forwarder.channel import Destination, Outcome, Outgoing
from receiver.forwarder.http import HttpChannel
from receiver.services.devices.signatures import Signatures
from receiver.settings import Settings
from receiver.store import tables
from tests.receiver.boxes import history
from tests.receiver.upstream import Upstream, running
from tests.receiver.web.asgi import ask
from tests.receiver.web.conftest import Web
from tests.receiver.web.logins import client_of
from tests.receiver.web.site import is_problem

NUMBERS = iter(range(10**6))
BOX = {"name": "box of the north", "hub": True}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Web]:
    """A site that believes only who shows who it is."""
    house = bootstrap.open_house(Settings(data_dir=tmp_path, recognition="off", device_trust="secret"))
    app = bootstrap.make_app(house)
    yield Web(app, house.store, tmp_path)
    house.close()


def event(box: str = "BEHIND") -> bytes:
    return orjson.dumps(history(next(NUMBERS), box=box))


def signed(body: bytes, *texts: str, at: float | None = None) -> dict[str, str]:
    secrets = [signatures.read_secret(text) for text in texts]
    return signatures.headers(secrets, "msg_1", int(time.time() if at is None else at), body)


def given(web: Web, device_id: int = 1, **document: str) -> str:
    answer = client_of(web.app).post(f"/v1/devices/{device_id}/secret", json=document)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    secret: str = answer.get_json()["secret"]
    return secret


def reason(web: Web, body: bytes, headers: dict[str, str]) -> str | None:
    """Why a message waits, as the line that answers many requests at once says; the view takes it for the same device's."""
    pairs = [(b"content-type", b"application/json")]
    pairs += [(name.encode(), value.encode()) for name, value in headers.items()]
    line = ask(web.front(), "/HistoryEvent", body, pairs).json["data"]["items"][0]
    peer = {"REMOTE_ADDR": "10.0.0.9"}
    view = web.client.post(
        "/HistoryEvent", data=body, headers=headers, content_type="application/json", environ_base=peer
    )
    assert view.get_json()["data"]["items"][0]["result"] == "duplicate"
    said: str | None = line["reason"]
    return said


def devices(web: Web) -> list[Any]:
    with web.store.read() as tx:
        return list(tx.execute(select(tables.device).order_by(tables.device.c.id)))


def test_the_hub_knows_which_box_sent_it(hub: Web) -> None:
    client = client_of(hub.app)
    assert client.post("/v1/devices", json=BOX).status_code == 201
    secret = given(hub)
    (shown,) = client.get("/v1/devices").get_json()["items"]
    assert (shown["known_by"], shown["hub"]) == ("signature", True)
    body = event()
    assert reason(hub, body, signed(body, secret)) is None
    box, behind = devices(hub)
    assert (behind.licence, behind.vouched_by) == ("BEHIND", box.id)
    with hub.store.read() as tx:
        event_row = tx.execute(select(tables.event)).one()
    assert (event_row.device_id, event_row.unverified) == (behind.id, None)


def test_what_the_forwarder_sends_is_taken(hub: Web) -> None:
    client_of(hub.app).post("/v1/devices", json=BOX)
    secret = given(hub)
    with running(Upstream()) as wire:
        channel = HttpChannel()
        destination = Destination("http", {"url": wire.url}, {"signing_secret": secret})
        assert channel.send(Outgoing(destination, event(), key="msg_7")).outcome is Outcome.DELIVERED
        channel.close()
    headers = {name: value for name, value in wire.headers[0].items() if name.lower().startswith(("webhook", "x-gate"))}
    assert reason(hub, orjson.dumps(wire.asked[0]), headers) is None


def test_what_others_sign_is_taken_too(hub: Web) -> None:
    client_of(hub.app).post("/v1/devices", json=BOX)
    secret, body, now = given(hub), event(), datetime.now(UTC)
    signature = Webhook(secret).sign("msg_2", now, body.decode())
    headers = {"webhook-id": "msg_2", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    assert reason(hub, body, headers) is None


def test_a_signature_of_another_message_time_or_secret_is_none(hub: Web) -> None:
    client_of(hub.app).post("/v1/devices", json=BOX)
    secret, other = given(hub), signatures.secret_text(b"o" * 32)
    body = event()
    assert reason(hub, event(), signed(body, secret)) == "device_pending"
    for headers in (
        signed(body, other),
        signed(body, secret, at=time.time() - 301),
        signed(body, secret, at=time.time() + 301),
        signed(body, secret) | {"webhook-id": "msg_3"},
        signed(body, secret) | {"webhook-timestamp": "soon"},
        signed(body, secret) | {"webhook-timestamp": "\u00b2"},
        signed(body, secret) | {"webhook-signature": "v1,"},
        signed(body, secret) | {"webhook-signature": "v1a," + "x" * 500},
        signed(body, secret) | {"webhook-signature": "," * 500},
        {"webhook-signature": "v1,eA=="},
    ):
        assert reason(hub, event(), headers) == "device_pending"
    assert {row.pending_reason for row in devices(hub) if row.state == "pending"} == {"wrong_key"}


def test_a_valid_signature_is_no_use_for_another_body(hub: Web) -> None:
    client_of(hub.app).post("/v1/devices", json=BOX)
    secret, body = given(hub), event()
    headers = signed(body, secret)
    assert reason(hub, body, headers) is None
    assert reason(hub, event(), headers) == "device_pending"


def test_while_the_secret_changes_both_are_taken_and_afterwards_the_new_one(hub: Web) -> None:
    client_of(hub.app).post("/v1/devices", json=BOX)
    old = given(hub)
    new = given(hub)
    for secret in (old, new):
        body = event()
        assert reason(hub, body, signed(body, secret)) is None
    tomorrow = Signatures(hub.store, lambda: time.time() + timedelta(days=1, minutes=1).total_seconds())
    body, later = event(), time.time() + timedelta(days=1, minutes=1).total_seconds()

    def proof(secret: str) -> bytes:
        said = signatures.signed(signed(body, secret, at=later))
        assert said is not None
        return tomorrow.proof_of(said, body)

    with hub.store.read() as tx:
        known = tx.execute(select(tables.device.c.proof).where(tables.device.c.id == 1)).scalar()
    assert proof(new) == known
    assert proof(old) != known
    third = given(hub)
    body = event()
    assert reason(hub, body, signed(body, old)) == "device_pending", "only the one before is taken"
    body = event()
    assert reason(hub, body, signed(body, third, old)) is None, "signed with both"


def test_the_box_may_have_made_the_secret(hub: Web) -> None:
    client = client_of(hub.app)
    client.post("/v1/devices", json=BOX)
    client.post("/v1/devices", json={"name": "another"})
    own = signatures.secret_text(b"b" * 32)
    assert given(hub, secret=own) == own
    body = event()
    assert reason(hub, body, signed(body, own)) is None
    assert is_problem(client.post("/v1/devices/2/secret", json={"secret": own}), 409, "secret_taken")
    assert is_problem(client.post("/v1/devices/1/secret", json={"secret": own}), 409, "secret_taken")
    assert is_problem(client.post("/v1/devices/1/secret", json={"secret": "whsec_short"}), 422, "bad_secret")
    assert is_problem(client.post("/v1/devices/99/secret", json={}), 404, "no_such_device")


def test_a_key_in_its_place_ends_the_signature(hub: Web) -> None:
    client = client_of(hub.app)
    client.post("/v1/devices", json=BOX)
    secret = given(hub)
    key = client.post("/v1/devices/1/key").get_json()["key"]
    body = event()
    assert reason(hub, body, signed(body, secret)) == "device_pending"
    body = event()
    assert reason(hub, body, {"Authorization": f"Bearer {key}"}) is None
    again = given(hub)
    assert client.delete("/v1/devices/1/key").status_code == 204
    with hub.store.read() as tx:
        assert tx.execute(select(tables.device_secret)).all() == []
    body = event()
    assert reason(hub, body, signed(body, again)) == "device_pending"


def test_of_many_secrets_only_the_named_one_costs_anything(hub: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(hub.app)
    texts = []
    for number in range(12):
        client.post("/v1/devices", json={"name": f"box {number}", "hub": True})
        texts.append(given(hub, number + 1))
    tried: list[int] = []
    real = signatures.signer_of

    def count(said: Any, body: bytes, secrets: list[bytes], now: float) -> bytes | None:
        tried.append(len(secrets))
        return real(said, body, secrets, now)

    monkeypatch.setattr("receiver.services.devices.signatures.signer_of", count)
    body, verify = b"{}", Signatures(hub.store)
    said = signatures.signed(signed(body, texts[11]))
    assert said is not None
    proof = verify.proof_of(said, body)
    assert tried == [1]
    with hub.store.read() as tx:
        assert tx.execute(select(tables.device.c.id).where(tables.device.c.proof == proof)).scalar() == 12
    unnamed = signatures.Signed(said.id, said.timestamp, said.signature)
    verify.proof_of(unnamed, body)
    assert tried == [1, 8]


def test_a_device_of_another_process_is_known_at_once(hub: Web) -> None:
    verify = Signatures(hub.store)
    body = event()
    own = signatures.secret_text(b"b" * 32)
    said = signatures.signed(signed(body, own))
    assert said is not None
    nobody = verify.proof_of(said, body)
    client_of(hub.app).post("/v1/devices", json=BOX)
    given(hub, secret=own)
    assert verify.proof_of(said, body) != nobody
    with hub.store.write() as tx:
        tx.execute(update(tables.device).values(proof_kind="key"))
        tx.execute(update(tables.device_book).values(version=tables.device_book.c.version + 1))
    assert verify.proof_of(said, body) == nobody
