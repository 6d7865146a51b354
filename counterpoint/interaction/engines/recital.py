"""An utterance whose words are given: a greeting, an acknowledgement, a note told verbatim. It never acts.

Knows where in a note's text each word stands, so that what was voiced can be reported to the character.
"""

from collections.abc import Sequence

import msgspec

from counterpoint.interaction.engines.words import boundary_between, clause_start, unit_end, word_start
from counterpoint.interaction.model import Offer
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Note, NoteKind

_CORRECTING = ("correction", "i was wrong", "actually", "sorry", "i have to correct", "i need to correct", "i misspoke")
GO_ON = "As I was saying: "
AGAIN = "I may have told you already: "
CORRECTION = "Correction: "

LONGEST_REPETITION = 40
"""Characters of a clause that may be said again when it is taken up after an interruption."""


class Unit(msgspec.Struct, frozen=True):
    """A word with the whitespace before it. `note`: whose word it is; it stands there from `start` to `end`."""

    text: str
    boundary: Boundary
    note: NoteId | None = None
    start: int = 0
    end: int = 0


class Passage(msgspec.Struct, frozen=True):
    """Text to be said; `note` and `start`: it is a note's text from character `start` on."""

    text: str
    note: NoteId | None = None
    start: int = 0


class Recital:
    """`note`: the note it tells, if it tells one. Without passages there is nothing left to say."""

    def __init__(self, passages: Sequence[Passage], note: Note | None = None) -> None:
        self._passages = [passage for passage in passages if passage.text]
        self._at = 0
        self.note = note
        self.begun = False

    @property
    def over(self) -> bool:
        return not self._passages

    @property
    def rest(self) -> str:
        """What has not been said yet."""
        return "".join(passage.text for passage in self._passages)[self._at :].strip()

    def take(self) -> Unit | None:
        """The next word; None if all has been said."""
        if not self._passages:
            return None
        self.begun = True
        passage, start = self._passages[0], self._at
        end = unit_end(passage.text, start, final=True) or len(passage.text)
        self._at = end
        if end == len(passage.text):
            del self._passages[0]
            self._at = 0
        text = passage.text[start:end]
        following = self._passages[0].text[self._at : self._at + 1] if self._passages else ""
        boundary = boundary_between(text, following) if following else Boundary.END
        return Unit(text, boundary, passage.note, passage.start + start, passage.start + end)

    def resumed(self) -> "Recital":
        """What another utterance broke into, to be taken up after it."""
        if self.over:
            return self
        first, *others = self._passages
        return Recital([Passage(GO_ON), _from(first, self._at), *others], self.note)


def recital_of(offer: Offer) -> Recital:
    """A note in its own words; of one that was interrupted, what has not been heard."""
    note = offer.note
    told = _from(Passage(note.text, note.id), _resume_at(note.text, offer.heard))
    return Recital([Passage(lead_in(offer)), told] if told.text else [], note)


def _resume_at(text: str, heard: int) -> int:
    """The clause that was cut is said from its beginning, or nobody would understand its end; a long one is not."""
    if not text[heard:].strip():
        return len(text)
    word = word_start(text, heard)
    clause = clause_start(text, word)
    return clause if word - clause <= LONGEST_REPETITION else word


def lead_in(offer: Offer) -> str:
    """What is said before a note's own words; one word at most where the note is news."""
    if offer.heard > 0:
        return GO_ON
    if offer.note.maybe_heard:
        return AGAIN
    text = offer.note.text.strip().casefold()
    corrects = offer.note.kind is NoteKind.CORRECTION and not text.startswith(_CORRECTING)
    return CORRECTION if corrects else ""


def _from(passage: Passage, at: int) -> Passage:
    """The passage from character `at` on, without the whitespace there."""
    text = passage.text[at:]
    rest = text.lstrip()
    return Passage(rest, passage.note, passage.start + at + len(text) - len(rest))
