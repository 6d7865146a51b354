"""Conversations between real processes, what breaks them, and a count of what was heard. See `bench/faults.py`."""
