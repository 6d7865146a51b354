"""The timeline: what the log tells, by beat. `timeline.py` takes the entries; beside it: who said what, notes, works,
and what becomes of all of them as they age (`compaction`, `folding`).
"""

from counterpoint.shared_context.timeline.timeline import Timeline

__all__ = ["Timeline"]
