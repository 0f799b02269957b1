"""What the parent of the processes looks at before it starts them: the port, and the folders of earlier runs."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from receiver.cli.parent import may_listen, own_metrics

HOST = "127.0.0.1"


@pytest.mark.parametrize("is_shared", [False, True])
def test_a_taken_port_is_told_with_its_reason(*, is_shared: bool) -> None:
    with socket.socket() as taken:
        if is_shared:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert may_listen(HOST, port) == os.strerror(errno.EADDRINUSE)
    assert may_listen(HOST, port) is None


def test_an_address_of_another_machine_is_told_with_its_reason() -> None:
    assert may_listen("192.0.2.1", 9528) == os.strerror(errno.EADDRNOTAVAIL)


def test_counters_of_runs_that_have_ended_are_taken_away(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folders = {name: tmp_path / "metrics" / name for name in (str(ended.pid), str(os.getppid()), "odd")}
    for folder in folders.values():
        folder.mkdir(parents=True)
        (folder / "counter_1.db").write_bytes(b"counted")
    own = own_metrics(tmp_path)
    assert own == tmp_path / "metrics" / str(os.getpid())
    assert sorted(each.name for each in (tmp_path / "metrics").iterdir()) == sorted({own.name, str(os.getppid())})
    assert (folders[str(os.getppid())] / "counter_1.db").read_bytes() == b"counted"


def test_counters_of_an_earlier_run_with_the_same_number_are_taken_away(tmp_path: Path) -> None:
    """In a container the parent has the same number each time."""
    old = tmp_path / "metrics" / str(os.getpid()) / "counter_1.db"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"counted")
    assert list(own_metrics(tmp_path).iterdir()) == []
