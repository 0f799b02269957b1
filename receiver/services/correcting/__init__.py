"""The way back from mistakes in the library."""
