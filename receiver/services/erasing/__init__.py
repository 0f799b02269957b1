"""Taking people away for good, and letting go of what is old."""
