"""What comes out of one step, as it is put together word by word."""

from counterpoint.interaction.engines.answer import Answer
from counterpoint.interaction.engines.recital import Unit
from counterpoint.interaction.engines.tags import Tag
from counterpoint.interaction.model import Offer
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Note


class Saying:
    """`tags`: those that act. `answers`: utterances of the model's own that were finished in this step.

    `apart`: the next word begins an utterance, and needs a space to be told from what was said before.
    """

    def __init__(self) -> None:
        self.text: str = ""
        self.unsaid = ""
        self.apart = False
        self.tags: list[Tag] = []
        self.answers: list[Answer] = []
        self._voiced: list[Voiced] = []

    @property
    def voiced(self) -> tuple[Voiced, ...]:
        return tuple(self._voiced)

    def say(self, unit: Unit) -> None:
        if self.apart and not unit.text[:1].isspace():
            self.text += " "
        self.apart = False
        if unit.note is not None:
            self._voice(unit.note, unit.start, unit.end, len(self.text))
        self.text += unit.text

    def told(self, note: Note) -> None:
        """The note is told to its end."""
        if not any(each.note == note.id and each.end >= len(note.text) for each in self._voiced):
            self._drop_markers(note.id)
            self._voiced.append(Voiced(note.id, 0, len(note.text)))

    def on_its_way(self, offer: Offer) -> None:
        """The note is being told in other words."""
        if not any(each.note == offer.note.id for each in self._voiced):
            self._voiced.append(Voiced(offer.note.id, offer.heard, offer.heard))

    def give_up(self, rest: str) -> None:
        self.unsaid = f"{self.unsaid} {rest}".strip()

    def finished(self, answer: Answer) -> None:
        self.answers.append(answer)

    def _voice(self, note: NoteId, start: int, end: int, text_start: int) -> None:
        last = self._voiced[-1] if self._voiced else None
        if last is not None and last.note == note and last.end == start:
            self._voiced[-1] = Voiced(note, last.start, end, last.text_start)
        else:
            self._voiced.append(Voiced(note, start, end, text_start))

    def _drop_markers(self, note: NoteId) -> None:
        self._voiced = [each for each in self._voiced if each.note != note or each.end > each.start]
