"""Who may come in, and how they show it."""
