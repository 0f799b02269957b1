"""Devices that register themselves, open alerts and send frames, and what their front ends ask for."""
