"""A gate made of software: posts events built from photographs, as a box would, and balances what came back."""

from receiver.simulator.balance import Balance
from receiver.simulator.gate import Progress, run
from receiver.simulator.options import SimulationOptions, read_fraction

__all__ = ["Balance", "Progress", "SimulationOptions", "read_fraction", "run"]
