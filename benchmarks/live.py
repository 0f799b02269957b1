"""Told live: from a blacklisted event to the open stream, from a vehicle's alert to Socket.IO, memory of idle streams, rate of frames."""

import argparse
import asyncio
import json
import statistics
import sys
import time
from base64 import b64encode
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
import requests

from benchmarks.aims import Aim, at_least, below, print_aims
from benchmarks.contenders import READY, THIS_SERVER, checked, command, environment, fresh_folder
from benchmarks.events import jpeg
from benchmarks.listening import front_ends, streams
from benchmarks.load import Job, measure
from benchmarks.logins import PASSWORD, logged_in
from benchmarks.machine import facts, family, memory
from benchmarks.million import FACES, build
from benchmarks.scenes import photographs, scene
from benchmarks.starting import BENCH_DIR, Command, Running, running

LIBRARY = 10_000
RATE = 20
FRONT_ENDS = 50
IDLE = 500
FRAME_BYTES = 100 * 1024
CONNECTIONS = 16
WAIT, STEP = 30.0, 0.05
SERIAL_AT, SERIAL_DIGITS = 40, 16  # within the comment segment of the picture


@dataclass(frozen=True)
class Times:
    """Milliseconds of some messages; how many of them never came."""

    number: int
    p50: float
    p95: float
    slowest: float
    lost: int = 0


@dataclass(frozen=True)
class Report:
    """Everything that one run measured."""

    machine: dict[str, str]
    hits: Times
    vehicle_alerts: Times
    idle_mib: float
    frames: float
    events: float


def main() -> None:
    options = _options()
    BENCH_DIR.mkdir(exist_ok=True)
    report = asyncio.run(_report(options))
    aims = compare(report)
    if options.json:
        print(json.dumps({**asdict(report), "aims": [asdict(aim) for aim in aims]}, indent=2))
        return
    for name in ("hits", "vehicle_alerts"):
        found: Times = getattr(report, name)
        print(
            f"{name}: {found.number}, p50 {found.p50} ms, p95 {found.p95} ms, slowest {found.slowest} ms, lost {found.lost}"
        )
    print(f"web process with {IDLE} idle streams: {report.idle_mib} MiB")
    print(f"frames {report.frames}/s, events of that size {report.events}/s\n")
    print_aims(aims)


async def _report(options: argparse.Namespace) -> Report:
    machine = facts(BENCH_DIR)
    with fresh_folder() as folder:
        build(folder, 10, LIBRARY // FACES)
        serve = Command(["Event_Receive_server.py", "serve"], environment(folder), READY)
        with running(sys.executable, serve) as server:
            hits = await measure_hits(server, options.hits)
    with fresh_folder() as folder:
        web = Command(["Event_Receive_server.py", "web"], environment(folder), READY)
        with running(sys.executable, web) as server:
            vehicle_alerts = await measure_vehicle(server, options.alerts)
            idle = await measure_idle(server)
    with fresh_folder() as folder, running(sys.executable, command(THIS_SERVER, folder)) as server:
        frames = await measure_frames(server, options.seconds)
    with fresh_folder() as folder, running(sys.executable, command(THIS_SERVER, folder)) as server:
        size = FRAME_BYTES * 4 // 3
        events = checked("events", measure(Job(server.port, size, options.seconds))).rate
    return Report(machine, hits, vehicle_alerts, idle, frames, events)


async def measure_hits(server: Running, number: int) -> Times:
    """Blacklisted events among others: from the post to the message in an open stream."""
    http = await asyncio.to_thread(logged_in, f"http://127.0.0.1:{server.port}")
    await asyncio.to_thread(_enrol_blacklisted, http, server.port)
    token = str(http.headers["Authorization"]).removeprefix("Bearer ")
    hit = _event(_crop("obama2.jpg"), 3, scene())
    other = _event(_crop("biden.jpg"), 1)
    begun: dict[int, float] = {}
    async with streams(server.port, token, 1) as (stream,):
        for serial in range(number * RATE):
            began = time.perf_counter()
            is_hit = serial % RATE == 0
            event = hit if is_hit else other
            answer = await asyncio.to_thread(_post, server.port, event, serial)
            if is_hit:
                begun[answer["data"]["items"][0]["event_id"]] = began
            await asyncio.sleep(max(0.0, began + 1 / RATE - time.perf_counter()))
        await _until(lambda: begun.keys() <= stream.told.keys())
        # The first one waits for the models of the worker to be loaded.
        return _times([stream.told.get(each, 0.0) - at for each, at in list(begun.items())[1:]])


async def measure_vehicle(server: Running, number: int) -> Times:
    """A vehicle's alerts: from the post to each of the front ends."""
    api = f"http://127.0.0.1:{server.port}/api/v1"
    token = await asyncio.to_thread(_user_token, api)
    vehicle = await asyncio.to_thread(_register, api)
    alert = {"truck_id": vehicle["truck_id"], "token": vehicle["token"], "alert_init": "2026-03-01 08:00:00"}
    begun: list[float] = []
    with requests.Session() as session:
        async with front_ends(server.port, token, FRONT_ENDS) as clients:
            for _ in range(number):
                begun.append(time.perf_counter())
                body = alert | {"behavior": "Tamper"}
                await asyncio.to_thread(session.post, f"{api}/alert/", json=body, timeout=WAIT)
                await asyncio.sleep(0.1)
            await _until(lambda: all(len(each.told) == number for each in clients))
            times = [told - at for each in clients for at, told in zip(begun, each.told, strict=False)]
            return _times(times + [-1.0] * (number * FRONT_ENDS - len(times)))


async def measure_idle(server: Running) -> float:
    """The memory of the web process with so many open streams, PSS in MiB."""
    http = await asyncio.to_thread(logged_in, f"http://127.0.0.1:{server.port}")
    token = str(http.headers["Authorization"]).removeprefix("Bearer ")
    async with streams(server.port, token, IDLE):
        await asyncio.sleep(1)
        return memory(family(server.pid)[-1]).pss


async def measure_frames(server: Running, seconds: float) -> float:
    """Frames a second over some connections, each another picture."""
    api = f"http://127.0.0.1:{server.port}/api/v1"
    vehicle = await asyncio.to_thread(_register, api)
    alert = {"token": vehicle["token"], "truck_id": vehicle["truck_id"], "alert_init": "2026-03-01 08:00:00"}
    answer = await asyncio.to_thread(requests.post, f"{api}/alert/", json=alert | {"behavior": "Tamper"}, timeout=WAIT)
    text = b64encode(jpeg(FRAME_BYTES, 1)).decode()
    frame = {"token": vehicle["token"], "alert_id": _data(answer)["alert_id"], "frame_timestamp": "2026-03-01 08:00:00"}
    serials = iter(range(10**9))
    until = time.perf_counter() + seconds
    counts = await asyncio.gather(
        *(
            _send_frames(server.port, json.dumps(frame | {"frame": text}).encode(), serials, until)
            for _ in range(CONNECTIONS)
        )
    )
    return round(sum(counts) / seconds, 1)


async def _send_frames(port: int, body: bytes, serials: Any, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /api/v1/log/ HTTP/1.1\r\nHost: b\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    place, buffer, count = body.index(b'"frame": "') + 10 + SERIAL_AT, bytearray(body), 0
    while time.perf_counter() < until:
        buffer[place : place + SERIAL_DIGITS] = b"%016d" % next(serials)
        writer.write(head + buffer)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        rest = await reader.readexactly(length)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"a frame was refused: {rest[:200]!r}")
        count += 1
    writer.close()
    return count


def _user_token(api: str) -> str:
    login = {"username": "admin", "password": PASSWORD}
    return str(_data(requests.post(f"{api}/login/", json=login, timeout=WAIT))["token"])


def _register(api: str) -> dict[str, Any]:
    box = {"mac": "dc:71:96:53:16:0a", "password": "bench", "name": "bench"}
    found: dict[str, Any] = _data(requests.post(f"{api}/jetson/register/", json=box, timeout=WAIT))
    return found


def _data(answer: requests.Response) -> Any:
    answer.raise_for_status()
    return answer.json()["data"]


def _enrol_blacklisted(http: requests.Session, port: int) -> None:
    picture = b64encode(photographs()["obama.jpg"]).decode()
    person = {"name": "Bench", "list": "blacklist", "pictures": [picture]}
    http.post(f"http://127.0.0.1:{port}/v1/people", json=person, timeout=120).raise_for_status()


def _crop(name: str) -> bytes:
    """A photograph as a box sends a face: small."""
    photo = cv2.imdecode(np.frombuffer(photographs()[name], np.uint8), cv2.IMREAD_COLOR)
    if photo is None:
        raise ValueError(f"{name} cannot be read")
    height = 320
    small = cv2.resize(photo, (photo.shape[1] * height // photo.shape[0], height), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small)[1].tobytes()


def _event(face: bytes, person_type: int, spot: bytes | None = None) -> dict[str, Any]:
    inner = {
        "device_ip": "10.0.0.21", "ep_id": "BENCH__10.0.0.21", "dev_sno": "BENCH", "device_type": "0",
        "person_type": person_type, "recognize_face": b64encode(face).decode(),
    }  # fmt: skip
    if spot is not None:
        inner["spot_pic"] = b64encode(spot).decode()
    return {"identity_id": "", "want_action": "0", "score": 0.8, "group_name": "g", "ext_data": inner}


def _post(port: int, event: dict[str, Any], serial: int) -> Any:
    # Minutes apart, so that none repeats another.
    body = event | {"timestamp": 1_735_689_600_000 + serial * 700_000}
    answer = requests.post(f"http://127.0.0.1:{port}/HistoryEvent", json=body, timeout=WAIT)
    answer.raise_for_status()
    return answer.json()


async def _until(check: Any) -> None:
    for _ in range(int(WAIT / STEP)):
        if check():
            return
        await asyncio.sleep(STEP)


def _times(seconds: list[float]) -> Times:
    came = sorted(each * 1000 for each in seconds if each > 0)
    cuts = statistics.quantiles(came, n=20, method="inclusive")
    return Times(len(seconds), round(cuts[9], 1), round(cuts[18], 1), round(came[-1], 1), len(seconds) - len(came))


def compare(report: Report) -> list[Aim]:
    """Against what was wanted."""
    return [
        below("blacklisted event to stream, p95 ms", report.hits.p95, 300),
        below("vehicle's alert to 50 front ends, p95 ms", report.vehicle_alerts.p95, 100),
        below("messages lost", report.hits.lost + report.vehicle_alerts.lost, 1),
        below(f"web process with {IDLE} idle streams, PSS MiB", report.idle_mib, 300),
        at_least("frames: share of the intake's rate", report.frames / report.events, 0.6),
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./scripts/bench live", description=__doc__)
    parser.add_argument("--hits", type=int, default=60, help="blacklisted events (default 60)")
    parser.add_argument("--alerts", type=int, default=50, help="alerts of a vehicle (default 50)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each rate (default 5)")
    parser.add_argument("--json", action="store_true", help="everything as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
