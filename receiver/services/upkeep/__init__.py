"""The state of the server itself: room, backups, leftovers."""
