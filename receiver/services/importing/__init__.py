"""Many people at once, from a file or a folder."""
