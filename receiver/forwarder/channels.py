"""All ways out behind one: each message goes by the channel that its destination names, loaded when first needed."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from receiver.domain.errors import Invalid
from receiver.forwarder.channel import Answer, Destination, Outcome, Outgoing, SendingChannel
from receiver.forwarder.guard import Guard


class CheckedChannel(SendingChannel, Protocol):
    """A way out that can say whether a subscription may be saved."""

    def check(self, destination: Destination) -> None:
        """Whether it can be sent there.

        Raises:
            Invalid: with the machine word of what is wrong.
        """
        ...


Maker = Callable[[Guard, Path], CheckedChannel]


class Channels:
    """Every channel, one of each kind.

    Args:
        guard: says where destinations set over the interface may be.
        folder: where their files stand.
    """

    def __init__(self, guard: Guard, folder: Path) -> None:
        self._guard = guard
        self._folder = folder
        self._lock = threading.Lock()
        self._open: dict[str, CheckedChannel] = {}

    def check(self, destination: Destination) -> None:
        """Whether a subscription may be saved.

        Raises:
            Invalid: ``unknown_channel``, ``bad_target``, ``bad_secret``, ``bad_pem``, ``secret_in_address``,
                ``forbidden_address``.
        """
        self._channel(destination.channel).check(destination)

    def send(self, outgoing: Outgoing) -> Answer:
        """Tries once."""
        try:
            return self._channel(outgoing.destination.channel).send(outgoing)
        except Invalid as error:
            # It was saved by a version that read it otherwise.
            return Answer(Outcome.UNREACHABLE, detail=f"{error.reason}: {error.detail}")

    def close(self) -> None:
        """Ends all connections."""
        for channel in self._open.values():
            channel.close()

    def _channel(self, word: str) -> CheckedChannel:
        with self._lock:
            if word not in self._open:
                if word not in MAKERS:
                    raise Invalid("unknown_channel", f"{word[:40]!r} is none of {', '.join(MAKERS)}")
                self._open[word] = MAKERS[word](self._guard, self._folder)
            return self._open[word]


def _http(guard: Guard, _folder: Path) -> CheckedChannel:
    from receiver.forwarder.http import HttpChannel  # noqa: PLC0415 - only whoever sends that way loads it

    return HttpChannel(guard)


def _mqtt(guard: Guard, _folder: Path) -> CheckedChannel:
    from receiver.forwarder.mqtt import MqttChannel  # noqa: PLC0415 - as above

    return MqttChannel(guard)


def _amqp(guard: Guard, _folder: Path) -> CheckedChannel:
    from receiver.forwarder.amqp import AmqpChannel  # noqa: PLC0415 - as above

    return AmqpChannel(guard)


def _file(_guard: Guard, folder: Path) -> CheckedChannel:
    from receiver.forwarder.file import FileChannel  # noqa: PLC0415 - as above

    return FileChannel(folder)


MAKERS: dict[str, Maker] = {"http": _http, "mqtt": _mqtt, "amqp": _amqp, "file": _file}
