"""A whole Sapwood under simulation: see `world.py`."""
