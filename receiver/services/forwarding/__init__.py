"""The way upstream."""
