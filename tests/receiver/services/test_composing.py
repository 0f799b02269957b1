"""What is sent of an event, in every form and with pictures in every way; this same server takes it again and reads the same."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import delete, insert, select, update

from receiver.domain.errors import Invalid, NotFound
from receiver.domain.subscriptions import Channel, Form, Origin, Pictures, Subscription, Topic
from receiver.services.asking.asking import Asking
from receiver.services.forwarding.composing import Composing, ComposingParts
from receiver.services.forwarding.due import Due
from receiver.services.forwarding.templates import Templates
from receiver.services.intake.originals import Originals
from receiver.store import tables
from receiver.store.pictures import Pictures as PictureStore
from receiver.store.store import open_store
from schemas import answers
from tests.receiver.boxes import HISTORY, history, open_intake, text_of

URL = "https://gates.example"
MOMENT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
SUBSCRIPTION = Subscription(1, "platform", Origin.COMMAND, Channel.HTTP, {"url": "http://platform.example/"})
ITEM = history(
    reg_pic=text_of(1),
    unknown={"kept": [1.5, None]},
    ext_data={"spot_pic": "data:image/jpeg;base64," + text_of(2), "recognize_face": text_of(3)},
)


class Site:
    """A store with one event, and what composes of it."""

    def __init__(self, folder: Path, item: dict[str, Any]) -> None:
        self.store = open_store("", folder)
        self.store.upgrade()
        with open_intake(self.store, folder) as intake:
            (recorded,) = intake.record([item], HISTORY)
        pictures = PictureStore(self.store.pictures)
        self.originals = Originals(self.store, pictures)
        self.asking = Asking(self.store)
        self.templates = Templates()
        self.composing = Composing(
            ComposingParts(self.store, self.originals, self.asking, pictures, self.templates, URL)
        )
        self.event_id = recorded.event_id or 0
        with self.store.read() as tx:
            self.message_id = tx.execute(select(tables.message.c.id)).scalar_one()

    def due(self, **changes: Any) -> Due:
        said = Due(
            1, 1, 1, Topic.EVENT, self.event_id, self.message_id, None, None,
            is_bare=False, is_replay=False, attempts=0, refusals=0, created_at=MOMENT,
        )  # fmt: skip
        return replace(said, **changes)

    def body(self, **changes: Any) -> Any:
        composed = self.composing.compose(replace(SUBSCRIPTION, **changes), [self.due()])
        assert composed.content_type == "application/json"
        return orjson.loads(composed.body)

    def close(self) -> None:
        self.composing.close()
        self.store.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "box").mkdir()
    made = Site(tmp_path / "box", ITEM)
    yield made
    made.close()


def test_the_original_is_what_came(site: Site) -> None:
    assert site.body() == ITEM


@pytest.mark.parametrize("form", [Form.ORIGINAL, Form.A, Form.B, Form.C])
def test_this_same_server_takes_what_is_sent_and_reads_the_same(site: Site, tmp_path: Path, form: Form) -> None:
    (tmp_path / "hub").mkdir()
    hub = Site(tmp_path / "hub", site.body(form=form))
    ours, theirs = site.asking.event(site.event_id), hub.asking.event(hub.event_id)
    hub.close()
    for name in ("occurred_at", "list", "channel"):
        assert theirs[name] == ours[name]
    for name in ("identity_id", "identity_name", "person_type", "list", "want_action"):
        assert theirs["reported"][name] == ours["reported"][name]
    kept = {kind: (each["digest"], each["media_type"]) for kind, each in ours["pictures"].items()}
    assert {kind: (each["digest"], each["media_type"]) for kind, each in theirs["pictures"].items()} == kept
    assert len(kept) == 3
    assert theirs["device"]["licence"] == ours["device"]["licence"]
    assert theirs["gate"]["address"] == ours["gate"]["address"]
    assert theirs["generation"] == ("A" if form is Form.ORIGINAL else form.upper())
    assert theirs["refused_pictures"] == []


@pytest.mark.parametrize("form", [Form.ORIGINAL, Form.A, Form.B, Form.C])
def test_without_pictures_their_place_is_empty(site: Site, tmp_path: Path, form: Form) -> None:
    body = site.body(form=form, pictures=Pictures.NONE)
    assert text_of(1)[:40] not in str(body)
    (tmp_path / "hub").mkdir()
    hub = Site(tmp_path / "hub", body)
    event = hub.asking.event(hub.event_id)
    hub.close()
    assert (event["pictures"], event["refused_pictures"]) == ({}, [])


def test_pictures_by_address_stand_where_their_text_was(site: Site) -> None:
    body = site.body(pictures=Pictures.URL)
    links = {kind: URL + each["url"] for kind, each in site.asking.event(site.event_id)["pictures"].items()}
    assert body["reg_pic"] == links["library"]
    assert body["ext_data"]["spot_pic"] == links["scene"]
    assert site.body(form=Form.C, pictures=Pictures.URL)["recognize_face_image"] == links["face"]


def test_pictures_that_there_was_no_room_for_do_not_go_along(site: Site) -> None:
    composed = site.composing.compose(SUBSCRIPTION, [site.due(is_bare=True)])
    assert orjson.loads(composed.body)["reg_pic"] == ""


def test_our_own_event_is_what_the_interface_shows(site: Site) -> None:
    body = site.body(form=Form.EVENT, pictures=Pictures.URL)
    shown = orjson.loads(orjson.dumps(answers.EventInFull().dump(site.asking.event(site.event_id))))
    assert (body["type"], body["timestamp"]) == ("event", shown["occurred_at"])
    assert body["data"]["pictures"]["scene"]["url"] == URL + shown["pictures"]["scene"]["url"]
    pictures = body["data"].pop("pictures")
    assert body["data"] == {name: value for name, value in shown.items() if name != "pictures"}
    assert set(pictures) == {"scene", "face", "library"}
    inline = site.body(form=Form.EVENT)["data"]["pictures"]
    assert inline["library"]["data"] == text_of(1)
    assert site.body(form=Form.EVENT, pictures=Pictures.NONE)["data"]["pictures"] == {}


def test_a_template_says_it_in_somebody_elses_words(site: Site) -> None:
    template = '{"who": {{ event.reported.identity_name|tojson }}, "at": "{{ timestamp }}"}'
    wanted = replace(SUBSCRIPTION, form=Form.TEMPLATE, template=template, target={"content_type": "text/x-own"})
    body, content_type = site.composing.preview(wanted, site.event_id)
    assert orjson.loads(body)["who"] == "Test Person"
    assert content_type == "text/x-own"
    with pytest.raises(Invalid) as refused:
        site.composing.preview(replace(wanted, template="{{ broken"), site.event_id)
    assert refused.value.reason == "bad_template"


def test_a_preview_is_what_would_be_sent(site: Site) -> None:
    body, content_type = site.composing.preview(SUBSCRIPTION, site.event_id)
    assert (orjson.loads(body), content_type) == (ITEM, "application/json")
    with pytest.raises(NotFound):
        site.composing.preview(SUBSCRIPTION, 99)


def test_batches_are_lists_also_of_one(site: Site) -> None:
    batches = replace(SUBSCRIPTION, batch_size=10)
    both = [site.due(id=1), site.due(id=2)]
    assert orjson.loads(site.composing.compose(batches, both).body) == [ITEM, ITEM]
    assert orjson.loads(site.composing.compose(batches, both[:1]).body) == [ITEM]
    lines = replace(batches, form=Form.TEMPLATE, template="{{ event.id }}")
    assert site.composing.compose(lines, both).body == b"1\n1\n"


def test_what_was_erased_is_left_out(site: Site) -> None:
    batches = replace(SUBSCRIPTION, batch_size=10)
    gone = [site.due(id=1, message_id=99), site.due(id=2)]
    composed = site.composing.compose(batches, gone)
    assert composed.left_out == {1: "erased"}
    assert orjson.loads(composed.body) == [ITEM]
    with site.store.write() as tx:
        tx.execute(insert(tables.erasure_event).values(event_id=site.event_id, erasure_id=1, is_own=True))
    for form in (Form.ORIGINAL, Form.B, Form.EVENT):
        composed = site.composing.compose(replace(SUBSCRIPTION, form=form), [site.due()])
        assert (composed.body, composed.left_out) == (b"", {1: "erased"})
    with pytest.raises(NotFound):
        site.composing.preview(SUBSCRIPTION, site.event_id)


def test_a_picture_that_is_no_longer_kept_is_null(site: Site) -> None:
    with site.store.pictures.write() as tx:
        tx.execute(delete(tables.picture))
    assert site.body()["reg_pic"] is None
    assert site.body(form=Form.EVENT)["data"]["pictures"]["scene"]["data"] is None


def test_a_damaged_message_is_an_error_of_its_own(site: Site) -> None:
    with site.store.write() as tx:
        tx.execute(update(tables.message).values(raw=b"{no json"))
    with pytest.raises(Invalid) as refused:
        site.composing.compose(SUBSCRIPTION, [site.due()])
    assert refused.value.reason == "cannot_restore"
    with site.store.write() as tx:
        tx.execute(delete(tables.event_picture))
        tx.execute(update(tables.message).values(raw=b'{"greeting":"hello"}'))
    with pytest.raises(Invalid) as refused:
        site.composing.compose(replace(SUBSCRIPTION, form=Form.A), [site.due()])
    assert refused.value.reason == "cannot_convert"


def test_other_topics_are_told_in_an_envelope(site: Site) -> None:
    due = site.due(
        topic=Topic.ALERT, event_id=None, message_id=None, subject=4, content={"kind": "opened", "gate": "east"}
    )
    composed = site.composing.compose(SUBSCRIPTION, [due])
    assert orjson.loads(composed.body) == {
        "type": "alert.opened", "timestamp": "2026-03-01T08:30:00+00:00", "data": {"id": 4, "gate": "east"},
    }  # fmt: skip


def test_only_channels_with_topics_are_told_the_facts(site: Site) -> None:
    assert site.composing.compose(SUBSCRIPTION, [site.due()]).facts == {}
    facts = site.composing.compose(replace(SUBSCRIPTION, channel=Channel.MQTT), [site.due()]).facts
    assert {name: facts[name] for name in ("device", "event", "list", "person", "decision")} == {
        "device": 1, "event": site.event_id, "list": "staff", "person": "Test Person", "decision": None,
    }  # fmt: skip
