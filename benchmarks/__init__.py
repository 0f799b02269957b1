"""What is measured, never tested: run by ./scripts/bench, on loopback, for a bounded time."""
