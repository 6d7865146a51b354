"""The pace of speech: how many words may be said in a step. Counts words and beats; knows nothing of text."""

_LARGEST_DEBT = -0.5
"""A note may begin half a word early when it breaks into speech; more would let speech run ahead of what is played."""


class Pacer:
    """Whole words per step, `words_per_beat` on average. What a silent agent did not say does not pile up."""

    def __init__(self, words_per_beat: float) -> None:
        self._rate = words_per_beat
        self._credit = 0.0

    def allow(self, beats: int, *, begins: bool) -> int:
        """Words that may be said in a step of `beats`. `begins`: an utterance begins, so its first word is due now."""
        earned = self._rate * beats
        if begins:
            self._credit = max(1.0, earned)
        else:
            self._credit = min(self._credit + earned, max(1.0, earned) + self._rate)
        return int(self._credit)

    def said(self, words: int) -> None:
        self._credit = max(self._credit - words, _LARGEST_DEBT)
