"""So much is kept of devices that nobody has trusted, and no more; whoever is trusted is never limited."""

from pathlib import Path

from sqlalchemy import func, select

from receiver.domain.trust import TrustRules
from receiver.services.devices.device_book import PENDING_AT_ADDRESS, PENDING_GATES
from receiver.services.intake.catching_up import CatchingUp, CatchingUpParts
from receiver.store import quarantine, tables
from receiver.store.store import Store
from tests.receiver.boxes import LICENCE, count, history, text_of
from tests.receiver.services.test_statuses import REPORT
from tests.receiver.trusted import Gateway, open_gateway, sender, words


def test_what_is_more_than_is_kept_is_dropped_and_counted(store: Store, tmp_path: Path) -> None:
    with open_gateway(store, tmp_path, TrustRules(events_each=3, events_in_all=5)) as gateway:
        told = gateway.send(*(history(number) for number in range(5)))
        assert words(told) == [("new", "device_pending")] * 3 + [("dropped", "pending_full")] * 2
        gateway.send(*(history(number, box="TWO") for number in range(5)))
        gateway.send(history(9))
        assert [(row.licence, row.dropped) for row in gateway.devices()] == [(LICENCE, 3), ("TWO", 3)]
        assert count(store, tables.event) == 5
        gateway.trust()
        gateway.work()
        # Whoever is trusted is never limited, and what was dropped was not taken for known.
        assert words(gateway.send(*(history(number) for number in range(3, 20)))) == [("new", None)] * 17


def test_large_events_are_bounded_by_their_size(store: Store, tmp_path: Path) -> None:
    with open_gateway(store, tmp_path, TrustRules(bytes_in_all=8000)) as gateway:
        small, large = history(1), history(2, ext_data={"recognize_face": text_of(1), "info": {"x": "y" * 3000}})
        assert words(gateway.send(small, large)) == [("new", "device_pending"), ("dropped", "pending_full")]
        assert words(gateway.send(history(3))) == [("new", "device_pending")]


def test_what_nobody_trusted_in_time_makes_room(store: Store, tmp_path: Path) -> None:
    with open_gateway(store, tmp_path, TrustRules(events_each=4)) as gateway:
        gateway.send(*(history(number, ext_data={"recognize_face": text_of(number)}) for number in range(4)))
        worker = CatchingUp(CatchingUpParts(store, gateway.rules, is_recognising=True, ring=lambda: None))
        assert worker.make_room() == 0
        gateway.grow_older(25)
        assert worker.make_room() == 4
        assert [count(store, each) for each in (tables.event, tables.message, tables.event_picture)] == [0, 0, 0]
        gateway.intake.book.forget()
        assert words(gateway.send(history(9))) == [("new", "device_pending")]


def test_made_up_names_do_not_fill_the_list_of_devices(gateway: Gateway) -> None:
    told = gateway.send(*(history(1, box=f"BOX{number}") for number in range(PENDING_AT_ADDRESS + 5)))
    assert [each.reason for each in told].count("too_many_devices") == 5
    assert len(gateway.devices()) == PENDING_AT_ADDRESS
    gateway.report({**REPORT, "dev_sno": "ONEMORE"})
    assert len(gateway.devices()) == PENDING_AT_ADDRESS
    assert words(gateway.send(history(1, box="ELSEWHERE"), peer="10.0.0.10")) == [("new", "device_pending")]


def test_made_up_gates_are_not_written_down_for_ever(gateway: Gateway) -> None:
    told = [
        history(number, ext_data={"ep_id": f"{LICENCE}__10.1.0.{number}", "device_ip": f"10.1.0.{number}"})
        for number in range(PENDING_GATES + 5)
    ]
    assert words(gateway.send(*told)) == [("new", "device_pending")] * len(told)
    assert count(gateway.store, tables.gate) == PENDING_GATES
    assert words(gateway.send(history(99))) == [("new", "device_pending")]
    gateway.trust()
    gateway.work()
    gateway.send(history(100))
    assert count(gateway.store, tables.gate) == PENDING_GATES + 1


def test_of_a_pending_boxs_status_only_that_it_was_there_is_noted(gateway: Gateway) -> None:
    gateway.report(REPORT)
    (device,) = gateway.devices()
    assert (device.state, device.status, device.name, device.serial) == ("pending", None, "", "")
    assert device.status_at is not None
    assert count(gateway.store, tables.gate) == 0
    gateway.trust()
    gateway.report(REPORT)
    (device,) = gateway.devices()
    assert (device.name, device.status["status"]) == ("north", "online")


def test_what_an_unknown_address_sends_that_cannot_be_read_is_bounded(gateway: Gateway) -> None:
    told = gateway.send(*(f"junk {number}" for number in range(105)))
    assert words(told)[100:] == [("dropped", "pending_full")] * 5
    gateway.send(history(1), peer="10.0.0.10")
    gateway.trust(gateway.device(f"licence:{LICENCE}@10.0.0.10").id)
    more = gateway.send(*(f"more junk {number}" for number in range(105)), peer="10.0.0.10")
    assert {each.result for each in more} == {"quarantined"}


def test_what_cannot_be_read_is_bounded_by_its_size_too(store: Store, tmp_path: Path) -> None:
    """A hundred bodies as large as they may be would fill the disk, and a full disk stops the trusted boxes too."""
    with open_gateway(store, tmp_path, TrustRules(bytes_in_all=16_000)) as gateway:
        told = gateway.send(*(f"{number}{'x' * 900}" for number in range(3)))
        assert words(told) == [
            ("quarantined", "not_an_object"),
            ("dropped", "pending_full"),
            ("dropped", "pending_full"),
        ]
        others = [gateway.send(f"{n}{'y' * 900}", peer=f"10.0.1.{n}")[0].result for n in range(9)]
        assert others == ["quarantined"] * 3 + ["dropped"] * 6
        refused = gateway.intake.record_unreadable(b"z" * 900, "bad_json", "", sender("10.0.2.1"))
        assert refused is None
        again = gateway.intake.record_unreadable(b"z" * 900, "bad_json", "", sender("10.0.2.1"))
        assert again is not None
        assert again.result == "dropped"


def test_pictures_of_what_is_not_kept_are_not_kept_either(store: Store, tmp_path: Path) -> None:
    with open_gateway(store, tmp_path, TrustRules(bytes_in_all=12_000)) as gateway:
        filling = {"info": {"x": "y" * 3000}}
        for number in range(5):
            (told,) = gateway.send(history(number, ext_data={"recognize_face": text_of(number), **filling}))
            assert told.reason == "pending_full"
        assert pictures_kept(store) == 0


def test_what_a_stranger_sent_first_is_the_trusted_boxs_own_once_it_sends_it(gateway: Gateway) -> None:
    """Else whoever knows how a box fails could see to it that nobody is ever asked about it."""
    gateway.send("the same junk", peer="10.6.6.6")
    gateway.send(history(1))
    gateway.trust()
    assert count(gateway.store, tables.review) == 0
    with gateway.store.write() as tx:
        assert quarantine.discard(tx, 1)
    gateway.send("the same junk")
    with gateway.store.read() as tx:
        (held,) = quarantine.listed(tx, None, None, 9)
    assert (held.peer, held.unverified_peer, held.state, held.times) == ("10.0.0.9", None, "held", 2)
    assert count(gateway.store, tables.review) == 1
    gateway.send("the same junk", peer="10.6.6.6")
    gateway.send("the same junk")
    with gateway.store.read() as tx:
        (held,) = quarantine.listed(tx, None, None, 9)
    assert (held.peer, held.unverified_peer, held.times) == ("10.0.0.9", None, 4)
    assert count(gateway.store, tables.review) == 1


def pictures_kept(store: Store) -> int:
    with store.pictures.read() as tx:
        return int(tx.execute(select(func.count()).select_from(tables.picture)).scalar_one())
