"""Telling subscriptions of what happens, in the transaction in which it happens."""
