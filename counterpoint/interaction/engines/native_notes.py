"""Notes that the native model was given: their words for it to read, and which of them it has voiced by saying them."""

from typing import Final

import msgspec

from counterpoint.interaction.engines.native_spelling import Spelled, spell
from counterpoint.interaction.model import Offer
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Delivery, NoteKind

REMEMBERED: Final = 8
"""Notes that may still be voiced; older ones are forgotten."""

_SPOKEN: Final = {
    NoteKind.RESULT: "<result>",
    NoteKind.CORRECTION: "<correction>",
    NoteKind.FAILURE: "<failure>",
}
"""The kinds that the model was trained to speak of. The others are context to it, as progress is."""


_STAND_INS: Final = tuple(word for word in v.NOTES if len(word) > 3)
"""The model copies results by their tokens, whatever they mean: a word that it lacks borrows the token of another."""


class _Open(msgspec.Struct):
    note: NoteId
    text: str
    words: tuple[Spelled, ...]
    next: int = 0


class Reciting:
    """Follows what the model says against the words of the notes in hand."""

    def __init__(self) -> None:
        self._open: list[_Open] = []

    def take(self, offer: Offer) -> tuple[str, str, str]:
        """The note as the model reads it: kind, words, source. What the person has heard of it is left out."""
        note = offer.note
        words = _readable(tuple(word for word in spell(note.text) if word.start >= offer.heard))
        kind = "<progress>" if offer.how is Delivery.SILENT else _SPOKEN.get(note.kind, "<progress>")
        if offer.how is not Delivery.SILENT and words:
            self._open = [each for each in self._open if each.note != note.id][-REMEMBERED + 1 :]
            self._open.append(_Open(note.id, note.text, words))
        return kind, " ".join(each.word for each in words), "background"

    def say(self, word: str, text_start: int) -> tuple[str, Voiced | None]:
        """How a word that the model said is written, and what it voiced. The note begun last goes before the others."""
        for each in sorted(self._open, key=lambda one: one.next == 0):
            spelled = each.words[each.next]
            if spelled.word == word:
                return self._voice(each, spelled, text_start)
        return word, None

    def _voice(self, each: _Open, spelled: Spelled, text_start: int) -> tuple[str, Voiced]:
        """The note's own spelling; its last word takes what follows it along."""
        each.next += 1
        start, end = spelled.start, spelled.end
        if each.next == len(each.words):
            self._open.remove(each)
            end = len(each.text)
        return each.text[start:end], Voiced(each.note, start, end, text_start)


def _readable(words: tuple[Spelled, ...]) -> tuple[Spelled, ...]:
    """The words with stand-ins for those that the vocabulary lacks, the same for the same word, as long as there are
    any.
    """
    taken = {each.word for each in words}
    free = iter([word for word in _STAND_INS if word not in taken])
    borrowed = {word: next(free, word) for word in dict.fromkeys(each.word for each in words) if word not in v.IDS}
    return tuple(Spelled(borrowed.get(each.word, each.word), each.start, each.end) for each in words)
