"""People whom the devices know already, taken over into the library."""
