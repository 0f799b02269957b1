"""Interfaces of other systems, one small blueprint each; none knows another."""
