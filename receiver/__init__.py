"""The server at the gate."""
