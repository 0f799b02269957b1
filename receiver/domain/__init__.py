"""What the house knows and decides: frozen values and pure functions; no I/O, no framework, no clock of its own."""
