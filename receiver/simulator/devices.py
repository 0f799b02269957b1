"""The boxes and gates that do not exist: their licences, addresses and ids."""

import uuid
from dataclasses import dataclass


@dataclass(frozen=True)
class SimulatedDevice:
    """One box with one gate.

    Attributes:
        licence: six capitals, four digits and a date, as platforms issue them.
        ip: address of the gate, not of the box.
    """

    number: int

    @property
    def licence(self) -> str:
        return f"SIMGAT{self.number % 10_000:04d}20240101000000"

    @property
    def ip(self) -> str:
        rest, last = divmod(self.number, 230)
        return f"10.{rest // 250 % 250}.{rest % 250}.{21 + last}"

    @property
    def ep_id(self) -> str:
        return f"{self.licence}__{self.ip}"

    @property
    def name(self) -> str:
        return f"simulated gate {self.number}"

    @property
    def device_id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.ep_id))
