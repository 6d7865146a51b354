"""One micro-turn on its way to the person's ear: how far it was played, and what of its text and notes was heard.

Knows nothing of other micro-turns.
"""

import re
from typing import Final

from counterpoint.shared_context.entries import Played
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.hearing import characters_of_samples, characters_of_words, heard_of_voiced
from counterpoint.shared_context.ids import Beat

_WORD: Final = re.compile(r"\S+")


class Said:
    """`due`: the beat after which it is taken for heard. `flushed`: the beat of the flush that it waits to be cut by.

    `answered`: the listener has said something about it since. `heard`: characters of `text`.
    """

    __slots__ = (
        "_samples_played",
        "_words",
        "answered",
        "beat",
        "complete",
        "due",
        "flushed",
        "heard",
        "part",
        "samples",
        "text",
        "voiced",
    )

    def __init__(self, beat: Beat, part: int, text: str, samples: int, voiced: tuple[Voiced, ...], due: int) -> None:
        self.beat = beat
        self.part = part
        self.text = text
        self.samples = samples
        self.voiced = voiced
        self.due = due
        self.flushed: Beat | None = None
        self.answered = False
        self.complete = False
        self.heard = 0
        self._samples_played = 0
        self._words = 0

    @property
    def begun(self) -> bool:
        return self.complete or self._words > 0 or self._samples_played > 0

    @property
    def rest(self) -> str:
        return self.text[self.heard :]

    def advance(self, words: int | None, samples: int | None) -> bool:
        """Take a report; counts outside of what there is are clamped. True if it says more than those before it."""
        before = (self.heard, self._words, self._samples_played)
        if words is None and samples is None:
            self.finish()
        if words is not None and (total := len(_WORD.findall(self.text))):
            self._words = max(self._words, min(words, total))
            self.heard = max(self.heard, characters_of_words(self.text, words))
            self.complete = self.complete or words >= total
        if samples is not None and self.samples:
            self._samples_played = max(self._samples_played, min(samples, self.samples))
            self.heard = max(self.heard, characters_of_samples(self.text, samples, self.samples))
            self.complete = self.complete or samples >= self.samples
        if self.complete:
            self.finish()
        return (self.heard, self._words, self._samples_played) != before

    def finish(self) -> None:
        """It was played to its end."""
        self.heard = len(self.text)
        self.complete = True
        self._samples_played = self.samples

    def heard_of(self, voiced: Voiced) -> int:
        """Where in the note hearing ended; the part's start if nothing of it was heard."""
        if not self.text and not self.complete:
            return voiced.start
        return heard_of_voiced(voiced.start, voiced.end, voiced.text_start, self.text, self.heard)

    def reported(self, words: int | None, samples: int | None) -> Played:
        """The log's entry for what the listener said; told again, it has the same effect."""
        total = len(_WORD.findall(self.text))
        told_words = min(max(words, 0), total) if words is not None and total else None
        told_samples = min(max(samples, 0), self.samples) if samples is not None and self.samples else None
        if told_words is None and told_samples is None:
            told_words, told_samples = (0, None) if total else (None, 0)
        return Played(self.beat, self.part, words=told_words, samples=told_samples)

    def report(self, *, assumed: bool = False, cut: bool = False) -> Played:
        """The log's entry for how far it was played."""
        words = len(_WORD.findall(self.text[: self.heard])) if self.text else None
        samples = self._samples_played if self.samples else None
        return Played(self.beat, self.part, words=words, samples=samples, assumed=assumed, cut=cut)
