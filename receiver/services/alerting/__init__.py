"""Alerts: opened by rules, devices and programs; looked at, answered and closed by people; with their frames."""
