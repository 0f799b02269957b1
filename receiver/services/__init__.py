"""The use cases: one a file, each opens its own transaction and returns plain values."""
