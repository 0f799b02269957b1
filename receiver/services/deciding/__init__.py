"""Who a face is, by the library and its thresholds."""
