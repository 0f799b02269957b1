"""What comes in: recorded durably, or kept aside with its reason."""
