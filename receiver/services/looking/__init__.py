"""Pictures that somebody shows us: whose faces are these."""
