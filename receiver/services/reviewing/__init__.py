"""What a person should look at, and what their answers do."""
