"""What went wrong with one modality's media since the last cut, as one entry for the log. Knows no times."""

from counterpoint.shared_context.entries import MediaFault


class FaultTally:
    """Seconds made up and seconds thrown away, and why: "lost", "late", "clock", "backlog", "gap"."""

    __slots__ = ("_concealed", "_discarded", "_modality", "_reasons")

    def __init__(self, modality: str) -> None:
        self._modality = modality
        self._reasons: dict[str, None] = {}
        self._concealed = 0.0
        self._discarded = 0.0

    def add(self, reason: str, *, concealed: float = 0.0, discarded: float = 0.0) -> None:
        self._reasons[reason] = None
        self._concealed += concealed
        self._discarded += discarded

    def take(self) -> MediaFault | None:
        """Everything since the last call in one entry; None if nothing happened."""
        if not self._reasons:
            return None
        fault = MediaFault(
            modality=self._modality,
            concealed=round(self._concealed, 6),
            discarded=round(self._discarded, 6),
            reason=", ".join(self._reasons),
        )
        self._reasons.clear()
        self._concealed = self._discarded = 0.0
        return fault
