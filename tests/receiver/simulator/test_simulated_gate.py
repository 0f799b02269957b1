"""The simulated gate against a real HTTP server: what it posts, how it resends, and whether its balance is exact."""

import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from receiver.domain.errors import GatehouseError, Invalid, SetupError
from receiver.simulator import Balance, Progress, SimulationOptions, read_fraction, run
from receiver.simulator.balance import percentile

# A one-pixel JPEG would do; the simulator never looks inside. Different bytes a picture, so that they can be told apart.
PICTURE = b"\xff\xd8\xff\xe0picture %d of %s\xff\xd9"
MARKERS = ("ext_data", "ep_info", "media_device_info")


class Receiver:
    """What a right server does; each list of lost answers or statuses is used up by the next new bodies."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []
        self.real_time: list[Any] = []
        self.events: set[bytes] = set()
        self.order: list[str] = []
        self.lose_answers_of = 0
        self.answer_503_to = 0
        self.is_deaf_to_real_time = False
        self.always: tuple[int, Any] | None = None
        self._refused: Counter[bytes] = Counter()
        self._lock = threading.Lock()

    def take(self, path: str, body: bytes) -> tuple[int, Any] | None:
        """Status and answer; None is a connection that breaks before the answer."""
        with self._lock:
            self.order.append(path)
            if path == "/RealTimeEvent":
                self.real_time.append(json.loads(body))
                return 503 if self.is_deaf_to_real_time else 200, {}
            self.bodies.append(body)
            if self.always:
                return self.always
            if self.answer_503_to:
                self.answer_503_to -= 1
                return 503, {}
            is_first_time = body not in self.bodies[:-1]
            answer = self._judge(body)
            if self.lose_answers_of and is_first_time:
                self.lose_answers_of -= 1
                return None
            return answer

    def _judge(self, body: bytes) -> tuple[int, Any]:
        try:
            message = json.loads(body)
        except ValueError:
            self._refused[body] += 1
            return (400, {}) if self._refused[body] == 1 else _said("quarantined")
        if not any(marker in message for marker in MARKERS):
            return _said("quarantined")
        if body in self.events:
            return _said("duplicate")
        self.events.add(body)
        if any(message["timestamp"] == each["timestamp"] for each in self.real_time) and not self.is_deaf_to_real_time:
            return _said("duplicate", "same_passage")
        return _said("new")


def _said(result: str, reason: str | None = None) -> tuple[int, Any]:
    item = {"event_id": 1, "result": result, "reason": reason}
    return 200, {"status": 0, "message": "SUCCESS", "data": {"items": [item]}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # the whole answer in one packet
    receiver: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.receiver.take(self.path, body)
        if answer is None:
            self.close_connection = True
            return
        content = json.dumps(answer[1]).encode()
        self.send_response(answer[0])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


class Server(ThreadingHTTPServer):
    request_queue_size = 64  # sixteen connections at once are no reason to wait a second for a second SYN


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    kept = Receiver()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"receiver": kept}))
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Three people, the first with two pictures."""
    folder = tmp_path / "people"
    for name, number in (("Person_One", 2), ("Person_Two", 1), ("0012", 1)):
        (folder / name).mkdir(parents=True)
        for index in range(number):
            (folder / name / f"{index}.jpg").write_bytes(PICTURE % (index, name.encode()))
    return folder


def simulate(receiver: Receiver, people: Path, **changes: Any) -> Balance:
    options = {"seed": 3, "count": 40, "pause": 0.0, "attempts": 4, **changes}
    return run(SimulationOptions(url=receiver.url, folder=people, **options), lambda _: None)


def test_the_balance_of_a_plain_run_adds_up(receiver: Receiver, people: Path) -> None:
    balance = simulate(receiver, people)
    assert balance.adds_up
    assert (balance.sent, balance.acknowledged, balance.new, balance.retries) == (40, 40, 40, 0)
    assert len(receiver.events) == 40
    assert 0 < balance.p50 <= balance.p99 <= balance.slowest


def test_duplicates_and_corrupt_messages_are_counted_exactly(receiver: Receiver, people: Path) -> None:
    balance = simulate(receiver, people, count=100, duplicates=0.1, corrupt=0.05, generation="mixed")
    assert balance.adds_up, balance.render()
    assert (balance.new, balance.duplicate, balance.quarantined, balance.refused) == (88, 10, 2, 1)
    assert balance.retries == 1
    assert len(receiver.events) == 88


def test_a_duplicate_is_an_earlier_event_byte_for_byte(receiver: Receiver, people: Path) -> None:
    simulate(receiver, people, duplicates=0.25)
    times = Counter(receiver.bodies)
    assert sum(count - 1 for count in times.values()) == 10


def test_many_duplicates_over_many_connections_never_overtake_their_event(receiver: Receiver, people: Path) -> None:
    balance = simulate(receiver, people, count=200, duplicates=0.6, connections=16)
    assert balance.adds_up
    assert balance.duplicate == 120


def test_lost_answers_are_resent_and_may_come_back_as_duplicates(receiver: Receiver, people: Path) -> None:
    receiver.lose_answers_of = 5
    balance = simulate(receiver, people)
    assert balance.adds_up, balance.render()
    assert balance.new + balance.duplicate == 40
    assert (balance.duplicate, balance.retries) == (5, 5)
    assert len(receiver.events) == 40


def test_a_cut_message_whose_refusal_was_lost_still_adds_up(receiver: Receiver, people: Path) -> None:
    receiver.lose_answers_of = 1
    balance = simulate(receiver, people, count=1, corrupt=1.0)
    assert balance.adds_up, balance.render()
    assert (balance.quarantined, balance.refused) == (1, 0)


def test_a_busy_server_gets_the_message_again(receiver: Receiver, people: Path) -> None:
    receiver.answer_503_to = 3
    balance = simulate(receiver, people)
    assert balance.adds_up
    assert (balance.new, balance.retries) == (40, 3)


def test_a_resend_has_the_same_bytes(receiver: Receiver, people: Path) -> None:
    receiver.answer_503_to = 3
    simulate(receiver, people, count=1)
    assert len(receiver.bodies) == 4
    assert len(set(receiver.bodies)) == 1


def test_a_server_that_refuses_everything_is_not_asked_for_ever(receiver: Receiver, people: Path) -> None:
    receiver.always = (400, {})
    balance = simulate(receiver, people, count=2, attempts=20)
    assert not balance.adds_up
    assert (balance.failed, balance.refused, len(receiver.bodies)) == (2, 6, 6)
    assert "2 x new became no answer" in balance.render()


def test_a_server_that_answers_something_else_does_not_add_up(receiver: Receiver, people: Path) -> None:
    receiver.always = (200, ["fine"])
    balance = simulate(receiver, people, count=5)
    assert balance.acknowledged == 5
    assert balance.surprises == {"new became unreadable": 5}
    assert not balance.adds_up


def test_a_box_that_nobody_has_trusted_is_told_why_its_messages_were_dropped(receiver: Receiver, people: Path) -> None:
    receiver.always = (200, {"data": {"items": [{"result": "dropped", "reason": "pending_full"}]}})
    balance = simulate(receiver, people, count=5)
    assert balance.surprises == {"new became dropped": 5}
    assert "`devices trust`" in balance.render()


def test_a_server_that_calls_everything_new_does_not_add_up(receiver: Receiver, people: Path) -> None:
    receiver.always = (200, {"data": {"items": [{"result": "new"}]}})
    balance = simulate(receiver, people, count=20, duplicates=0.1, corrupt=0.1)
    assert balance.surprises == {"duplicate became new": 2, "quarantined became new": 2}


def test_the_same_seed_a_second_time_is_told_to_the_person(receiver: Receiver, people: Path) -> None:
    simulate(receiver, people)
    balance = simulate(receiver, people)
    assert balance.duplicate == 40
    assert not balance.adds_up
    assert "Was this seed posted to this server before?" in balance.render()


def test_a_server_that_is_not_there_ends_the_run_early(receiver: Receiver, people: Path) -> None:
    gone = SimulationOptions(url="http://127.0.0.1:9", folder=people, count=50, pause=0.0, attempts=2, connections=2)
    balance = run(gone, lambda _: None)
    assert 0 < balance.sent <= 4
    assert balance.failed == balance.sent
    assert not balance.adds_up
    assert "the run stopped early" in balance.render()


def test_the_real_time_event_goes_before_the_event_of_its_passage(receiver: Receiver, people: Path) -> None:
    balance = simulate(receiver, people, count=8, real_time=0.5, connections=1)
    assert balance.adds_up
    assert (balance.real_time_sent, balance.real_time_acknowledged) == (4, 4)
    assert (balance.new, balance.joined, balance.duplicate) == (4, 4, 0)
    assert len(receiver.real_time) == 4
    places = [place for place, path in enumerate(receiver.order) if path == "/RealTimeEvent"]
    assert all(receiver.order[place + 1] == "/HistoryEvent" for place in places)


def test_a_lost_real_time_event_is_forgotten_and_its_history_event_may_be_new(receiver: Receiver, people: Path) -> None:
    receiver.is_deaf_to_real_time = True
    balance = simulate(receiver, people, count=6, real_time=1.0)
    assert balance.adds_up
    assert (balance.real_time_sent, balance.real_time_acknowledged, balance.new) == (6, 0, 6)
    assert len(receiver.real_time) == 6


def test_progress_is_told_after_every_message_in_the_callers_thread(receiver: Receiver, people: Path) -> None:
    told: list[Progress] = []
    run(SimulationOptions(url=receiver.url, folder=people, count=10), told.append)
    assert [progress.done for progress in told] == list(range(1, 11))
    assert {(progress.total, progress.failed) for progress in told} == {(10, 0)}


def test_an_interrupted_run_still_gives_its_balance(receiver: Receiver, people: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done == 5:
            raise KeyboardInterrupt

    balance = run(SimulationOptions(url=receiver.url, folder=people, count=5000), interrupt)
    assert 5 <= balance.sent < 5000
    assert balance.acknowledged == balance.sent == len(receiver.bodies)
    assert not balance.adds_up


def test_an_address_with_a_path_is_used_as_it_is(people: Path) -> None:
    options = SimulationOptions(url="http://h:1/EventServer/api/HistoryEvent", folder=people)
    assert options.history_url == "http://h:1/EventServer/api/HistoryEvent"
    assert options.real_time_url == "http://h:1/EventServer/api/RealTimeEvent"
    assert SimulationOptions(url="http://h:1/", folder=people).history_url == "http://h:1/HistoryEvent"


def test_a_flat_folder_makes_every_file_a_person(receiver: Receiver, tmp_path: Path) -> None:
    for name in ("first.jpg", "second.PNG", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    simulate(receiver, tmp_path)
    assert {name for body in receiver.bodies for name in (b'"first"', b'"second"', b'"notes"') if name in body} == {
        b'"first"',
        b'"second"',
    }


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_without_pictures_says_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SetupError, match=r"\./scripts/photos") as caught:
        run(SimulationOptions(url="http://127.0.0.1:9", folder=tmp_path / name), lambda _: None)
    assert caught.value.reason == "no_photographs"


@pytest.mark.parametrize(("text", "value"), [("10%", 0.1), ("0.1", 0.1), (" 5 % ", 0.05), ("0", 0.0), ("100%", 1.0)])
def test_fractions_are_read_as_people_write_them(text: str, value: float) -> None:
    assert read_fraction(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["10", "-1%", "101%", "many", "", "nan"])
def test_what_is_no_fraction_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid, match="10%"):
        read_fraction(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "127.0.0.1:9528"},
        {"generation": "d"},
        {"want_action": "1003"},
        {"person_type": 6},
        {"count": 0},
        {"rate": -1.0},
        {"corrupt": 1.5},
        {"duplicates": 0.6, "corrupt": 0.6},
    ],
)
def test_options_that_make_no_sense_are_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(GatehouseError):
        SimulationOptions(**{"url": "http://127.0.0.1:9", "folder": tmp_path, **wrong})


def test_a_percentile_is_a_value_that_occurred() -> None:
    values = [float(value) for value in range(1, 101)]
    assert (percentile(values, 50), percentile(values, 99), percentile([], 50)) == (50, 99, 0)
