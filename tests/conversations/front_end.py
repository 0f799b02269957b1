"""A front end as ServerAPI's README has it, without node: Socket.IO 2 over Engine.IO 3 by polling, its packets written out."""

import json
from typing import Any

import requests


class FrontEnd:
    """Connected to the namespace of alerts; each `told` is one poll."""

    def __init__(self, server: str) -> None:
        self._address = f"{server}/socket.io/?EIO=3&transport=polling"
        opening = self.told()
        assert opening[0].startswith("0{")
        assert opening[1] == "40"
        self._address += f"&sid={json.loads(opening[0][1:])['sid']}"
        self.say("40/alert,")
        assert self.told() == ["40/alert,"]

    def say(self, packet: str) -> None:
        answer = requests.post(self._address, data=f"{len(packet)}:{packet}".encode(), timeout=60)
        assert (answer.status_code, answer.text) == (200, "ok")

    def emit(self, name: str, data: Any) -> None:
        self.say(f"42/alert,{json.dumps([name, data])}")

    def told(self) -> list[str]:
        answer = requests.get(self._address, timeout=60)
        assert answer.status_code == 200
        packets, rest = [], answer.text
        while rest:
            length, _, rest = rest.partition(":")
            packets.append(rest[: int(length)])
            rest = rest[int(length) :]
        return packets
