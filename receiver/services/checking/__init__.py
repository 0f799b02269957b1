"""The look over the whole library: proposed merges, look-alikes, contradicting and aged pictures."""
