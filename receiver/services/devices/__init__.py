"""Who speaks to us, and what we think of them."""
