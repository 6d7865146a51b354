"""The person's line as it comes in, key by key or word by word, and how far the model has been shown it."""

from counterpoint.interaction.engines.words import last_whole_word
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.ids import Beat

LONGEST_LINE = 100_000
"""Characters kept of one line that is never finished."""

SLICE = 256
"""Characters shown to the model at a time, so that a long line can be cut off where it costs too much."""

_TAIL = 120
_RESTATED = 200


class Line:
    """`text`: the unfinished line. `since`: characters of it that came before the agent began to speak."""

    def __init__(self) -> None:
        self.text: str = ""
        self.typed = True
        self.last = Beat(0)
        self.since = 0
        self._shown = 0
        self._tokens = 0

    @property
    def blank(self) -> bool:
        return not self.text.strip()

    @property
    def overlapping(self) -> str:
        """What has come in since the agent began to speak."""
        return self.text[self.since :]

    def hear(self, chunk: TextChunk, beat: Beat) -> None:
        gap = " " if not chunk.typed and self.text and not self.text[-1].isspace() else ""
        self.text = (self.text + gap + chunk.text)[:LONGEST_LINE]
        self.typed = chunk.typed
        if chunk.text.strip():
            self.last = beat

    def show(self, *, final: bool, limit: int) -> str:
        """The next slice of the line for the model, in whole words; empty if there is none (yet).

        Beyond `limit` tokens (tell them by `cost`) only the end is shown, once the line is done.
        """
        if self._tokens >= limit:
            return self._end() if final else ""
        upto = len(self.text) if final else self._shown + last_whole_word(self.text[self._shown :])
        part = self.text[self._shown : min(upto, self._shown + SLICE)]
        self._shown += len(part)
        return part

    def begin_overlap(self) -> None:
        """The agent begins to speak."""
        self.since = len(self.text)

    def cost(self, tokens: int) -> None:
        self._tokens += tokens

    def restate(self) -> None:
        """The turn in which the line stood was closed before it was done: show its beginning again."""
        self._shown = max(0, self._shown - _RESTATED)

    def _end(self) -> str:
        rest = self.text[self._shown :]
        self._shown = len(self.text)
        if len(rest) <= _TAIL:
            return rest
        return f" [… {len(rest) - _TAIL} characters left out …] {rest[-_TAIL:]}"
