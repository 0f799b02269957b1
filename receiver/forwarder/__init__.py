"""The ways out: one file per channel behind one small Protocol."""
