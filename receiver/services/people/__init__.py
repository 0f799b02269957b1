"""The library: its people and their faces, and the gate through which new ones come."""
