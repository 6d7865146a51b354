"""What a model understood, joined to lines: the terminal, the demo's account and its picture show the same ones. Knows
beats only.
"""

from typing import Final, Self

import msgspec

_PAUSE_BEATS: Final = 3
"""Words that are understood with fewer beats between them are one line."""


class Line(msgspec.Struct, frozen=True):
    """`first`, `last`: the beats in which its first and its last word were understood."""

    first: int
    last: int
    text: str

    def goes_on(self, beat: int) -> bool:
        """Whether a word that is understood in this beat still belongs to it."""
        return beat - self.last <= _PAUSE_BEATS

    def with_word(self, beat: int, word: str) -> Self:
        return msgspec.structs.replace(self, last=beat, text=f"{self.text} {word}")
