"""One file per foreign system: its wire words to our words and back."""
