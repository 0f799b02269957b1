"""The doorbell wakes listeners of other processes, and nobody's end harms it."""

import multiprocessing
import os
import resource
import socket
from multiprocessing.connection import Connection
from pathlib import Path

from receiver.store.doorbell import FOLDER, Doorbell

# As many numbers as select() can take.
MANY = 1024
SPAWN = multiprocessing.get_context("spawn")


def _listen(folder: Path, link: Connection) -> None:
    bell = Doorbell(folder)
    bell.listen()
    link.send("listening")
    link.send(bell.wait(60))
    bell.close()


def _rung_in_another_process(folder: Path) -> bool:
    here, there = SPAWN.Pipe()
    listener = SPAWN.Process(target=_listen, args=(folder, there))
    listener.start()
    assert here.recv() == "listening"
    bell = Doorbell(folder)
    bell.ring()
    woken = bool(here.recv())
    listener.join()
    bell.close()
    return woken


def test_a_ring_wakes_a_listener_in_another_process(tmp_path: Path) -> None:
    assert _rung_in_another_process(tmp_path)
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_very_long_data_folder_works(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*["long" * 20] * 6)
    folder.mkdir(parents=True)
    bell = Doorbell(folder)
    bell.listen()
    bell.ring()
    assert bell.wait(30)
    bell.close()


def test_dead_listeners_do_no_harm_and_are_swept(tmp_path: Path) -> None:
    bell = Doorbell(tmp_path)
    dead = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    number = 2**22 + 1  # beyond the highest process number
    here = Path.cwd()
    os.chdir(tmp_path / FOLDER)
    try:
        dead.bind(f"{number}.sock")
    finally:
        os.chdir(here)
    dead.close()
    (tmp_path / FOLDER / "no-socket.sock").write_text("x")
    bell.ring()
    other = Doorbell(tmp_path)
    other.listen()
    assert not (tmp_path / FOLDER / f"{number}.sock").exists()
    late = Doorbell(tmp_path)
    late.ring()
    assert other.wait(30)
    late.close()
    other.close()
    bell.close()


def test_rings_add_up_to_one_and_a_full_bell_never_blocks(tmp_path: Path) -> None:
    bell = Doorbell(tmp_path)
    bell.listen()
    for _ in range(2000):
        bell.ring()
    assert bell.wait(30)
    assert not bell.wait(0)
    bell.close()


def test_whoever_does_not_listen_is_not_woken(tmp_path: Path) -> None:
    bell = Doorbell(tmp_path)
    assert not bell.wait(0)
    bell.close()


def test_a_bell_rings_where_many_files_are_open(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * MANY)), hard))
    bell = Doorbell(tmp_path)
    taken = [os.dup(0) for _ in range(MANY)]
    try:
        bell.listen()
    finally:
        for each in taken:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert not bell.wait(0)
    bell.ring()
    assert bell.wait(30)
    bell.close()


def test_closing_twice_and_ringing_afterwards_do_no_harm(tmp_path: Path) -> None:
    bell = Doorbell(tmp_path)
    bell.listen()
    bell.close()
    bell.close()
    bell.ring()
