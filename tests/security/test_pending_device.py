"""A device that nobody has trusted can change nothing, whatever it sends, however often, and under whose name ever."""

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from receiver.domain.events import Channel
from receiver.domain.trust import State
from receiver.services.devices.trusting import Change, proof_of_key
from receiver.services.intake.recording import Sender
from receiver.store import outbox, tables
from schemas.errors import UnreadableItem
from tests.receiver.boxes import HISTORY, LICENCE, TIME, history, real_time, text_of
from tests.receiver.services.test_statuses import REPORT
from tests.receiver.web.site import Site, open_site

# Where a pending device leaves something of its own; everything else must stay as it is, row for row.
ITS_OWN = {"event", "message", "event_picture", "event_key", "device", "gate", "quarantine", "rejected_body"}
# By which the rows of everybody else are told from those that a pending device may change: its own, while it waits.
OWN_MARKS = {
    "event": "'unverified': None,",
    "device": "'state': 'trusted'",
    "gate": "'device_id': 1,",
    "quarantine": "'unverified_peer': None",
}
TRUSTED_PEER = HISTORY.peer
NAMES = st.sampled_from([LICENCE, "OTHER", "", "0xe0a50900062b"])
PEERS = st.sampled_from(["10.6.6.6", "10.6.6.7", "fe80::6", TRUSTED_PEER])
IDENTITIES = st.sampled_from(["E1007", "E2", "", "stranger-1"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with people, events of a trusted box, a stranger, and nothing left to do."""
    with open_site(tmp_path_factory.mktemp("pending"), device_trust="adopt", pending_events="200") as opened:
        opened.enrol("known", 1)
        opened.enrol("wanted", 2, list="blacklist")
        opened.told(0, 1)
        opened.services.trusting.change(1, Change(state=State.TRUSTED))
        with opened.store.write() as tx:
            tx.execute(tables.task.delete().where(tables.task.c.topic == "catch-up"))
            tx.execute(tables.device.update().values(is_catching_up=False))
        opened.services.intake.book.forget()
        opened.told(1, 1)
        opened.told(2, 3, want_action="1001", identity_id="stranger-1")
        opened.told(3, 2, ext_data={"person_type": 3})
        opened.desk.work()
        yield opened


def messages(identity: str, name: str, number: int, picture: int | None) -> st.SearchStrategy[Any]:
    inner = {} if picture is None else {"recognize_face": text_of(picture)}
    return st.builds(
        lambda action, kind, shape, given_id: _message(shape, number, name, {
            "identity_id": identity, "want_action": action, "person_type": kind, "event_id": given_id, "reg_pic": text_of(4),
            "ext_data": {**inner, "person_type": kind, "fiqa_result": True},
        }),
        st.sampled_from(["0", "1001", "1002", 1001]), st.integers(1, 5), st.sampled_from("ABCR"),
        st.sampled_from(["", "an-id", "another"]),
    )  # fmt: skip


def _message(shape: str, number: int, name: str, said: dict[str, Any]) -> dict[str, Any]:
    if shape == "R":
        return real_time(number, **said)
    document = history(number, box=name, **said)
    if shape == "A":
        return document
    flat = {**document, **document.pop("ext_data"), "timestamp": TIME + number}
    gate = {"ep_id": f"{name}__10.0.0.21", "ep_ip": "10.0.0.21"}
    if shape == "B":
        return {**flat, "ep_info": gate}
    return {
        **flat, "mq_license_key": name, "post_action": flat["want_action"], "media_device_info": gate,
        "recognize_face_image": flat.get("recognize_face"), "user_type": "blacklist",
    }  # fmt: skip


EVENTS = st.tuples(IDENTITIES, NAMES, st.integers(0, 6), st.sampled_from([None, 1, 2, 3, 5])).flatmap(
    lambda parts: messages(*parts)
)
STATUSES = st.builds(
    lambda name, status: {**REPORT, "dev_sno": name, "gateway_status": status, "gateway_name": "intruder"},
    NAMES, st.sampled_from(["online", "offline"]),
)  # fmt: skip
JUNK = st.one_of(
    st.none(), st.text(max_size=5), st.integers(), st.dictionaries(st.text(max_size=3), st.text(max_size=3))
)
STEPS = st.lists(
    st.tuples(PEERS, st.sampled_from(list(Channel)), st.sampled_from(["", "a guessed key"]), st.one_of(EVENTS, STATUSES, JUNK)),
    min_size=1, max_size=12,
)  # fmt: skip


def is_the_boxs_own_word(peer: str, item: Any) -> bool:
    """What cannot be told from the trusted box: its name, or none, from its address."""
    if peer != TRUSTED_PEER:
        return False
    said = repr(item)
    return LICENCE in said or not any(name in said for name in ("OTHER", "0xe0a50900062b"))


def standing_rows(site: Site) -> dict[str, Any]:
    """Every row of every table, where one may grow: by its key, so that what was there can be looked up again."""
    found: dict[str, Any] = {}
    with site.store.read() as tx:
        for table in tables.main.sorted_tables:
            rows = [row._asdict() for row in tx.execute(select(table))]
            keys = [column.name for column in table.primary_key]
            found[table.name] = {tuple(row[key] for key in keys): repr(row) for row in rows}
    return found


def send(site: Site, peer: str, channel: Channel, key: str, item: Any) -> str:
    proofs = (proof_of_key(key),) if key else ()
    if isinstance(item, dict) and "gateway_name" in item:
        site.services.statuses.record([item], peer, proofs)
        return "status"
    (recorded,) = site.services.intake.record([item], Sender(peer, "/HistoryEvent", channel, "", proofs))
    return recorded.result


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_pending_device_can_change_nothing(site: Site, steps: list[Any]) -> None:
    before = standing_rows(site)
    seen = [site.get(path) for path in ("/v1/people", "/v1/strangers", "/v1/blacklist/hits")]
    verified = site.ids(verified="true", limit=500)
    results = [
        send(site, peer, channel, key, item)
        for peer, channel, key, item in steps
        if not is_the_boxs_own_word(peer, item)
    ]
    assert set(results) <= {"new", "duplicate", "quarantined", "dropped", "status"}
    after = standing_rows(site)
    for name, rows in before.items():
        if name in ITS_OWN:
            others = {key: row for key, row in rows.items() if OWN_MARKS.get(name, "") in row}
            assert others.items() <= after[name].items(), name
        else:
            assert rows == after[name], name
    with site.store.read() as tx:
        assert outbox.counts(tx) == {}
    assert seen == [site.get(path) for path in ("/v1/people", "/v1/strangers", "/v1/blacklist/hits")]
    assert site.ids(verified="true", limit=500) == verified


def make_room(site: Site) -> None:
    """Nothing of an earlier example is in the way."""
    with site.store.write() as tx:
        tx.execute(tables.event.delete().where(tables.event.c.unverified.is_not(None)))
    site.services.intake.book.forget()


@example([(TRUSTED_PEER, Channel.REAL_TIME, "", history(number, box="OTHER")) for number in range(7)])
@example([("10.6.6.6", channel, "", history(number)) for channel in Channel for number in range(7)])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_pending_device_takes_nothing_from_a_trusted_one(site: Site, steps: list[Any]) -> None:
    """What the trusted box sends afterwards, the same messages among them, is new as if nobody else had spoken."""
    make_room(site)
    base = time.monotonic_ns() % 10**12
    shifted = [(peer, channel, key, _shifted(item, base)) for peer, channel, key, item in steps]
    for peer, channel, key, item in shifted:
        if not is_the_boxs_own_word(peer, item):
            send(site, peer, channel, key, item)
    own = [history(base + number, identity_id=f"own {base}", event_id="") for number in range(7)]
    recorded = site.services.intake.record(own, replace(HISTORY))
    assert [(each.result, each.reason) for each in recorded] == [("new", None)] * 7
    with site.store.write() as tx:
        tx.execute(tables.task.delete())


def _shifted(item: Any, base: int) -> Any:
    if not isinstance(item, dict) or "timestamp" not in item:
        return item
    return {**item, "timestamp": int(item["timestamp"]) + base, "identity_id": f"own {base}", "event_id": ""}


def test_what_is_unreadable_as_status_is_refused_without_a_trace(site: Site) -> None:
    before = standing_rows(site)
    with pytest.raises(UnreadableItem):
        site.services.statuses.record(["junk"], "10.6.6.6")
    assert standing_rows(site) == before
