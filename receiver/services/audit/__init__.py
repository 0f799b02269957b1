"""Who did what, in a log that nobody can change unseen."""
