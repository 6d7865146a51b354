"""What the engine may compute in one beat, over all the steps in it."""

from counterpoint.interaction.engines.settings import Settings
from counterpoint.interaction.model import Span


class Budget:
    """`prefill`, `decode`: tokens left in this beat."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._beat = -1
        self.prefill = 0
        self.decode = 0

    def renew(self, span: Span) -> None:
        """A step begins; an early one and the grid step of the same beat share what there is."""
        if span.last != self._beat:
            self._beat = span.last
            self.prefill = self._settings.prefill_tokens
            self.decode = self._settings.decode_tokens
