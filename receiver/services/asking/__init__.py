"""What was seen, for those who ask."""
