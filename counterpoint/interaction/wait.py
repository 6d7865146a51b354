"""Why a note waited: beats by the reason that the policy recorded. Pure."""

from counterpoint.shared_context.ids import Beat

MODEL = "model"
"""It was offered, and the model took its time."""

NONE = "none"


class Wait:
    """From the beat at which a note was ready. `woven_for`: why it was offered at last, as the policy said it."""

    __slots__ = ("_beats", "_since", "_why", "woven_for")

    def __init__(self, ready: Beat) -> None:
        self.woven_for = NONE
        self._beats: dict[str, int] = {}
        self._since = ready
        self._why = ""

    def held(self, reason: str, beat: Beat) -> None:
        self._now(reason, beat)

    def offered(self, reason: str, beat: Beat) -> None:
        self.woven_for = reason
        self._now(MODEL, beat)

    def reason(self, until: Beat | None) -> str:
        """What it waited for most of the time, until this beat."""
        if until is not None:
            self._now(self._why, until)
        return max(self._beats, key=lambda reason: self._beats[reason]) if self._beats else NONE

    def _now(self, why: str, beat: Beat) -> None:
        if self._why and beat > self._since:
            self._beats[self._why] = self._beats.get(self._why, 0) + beat - self._since
        self._why, self._since = why, beat
