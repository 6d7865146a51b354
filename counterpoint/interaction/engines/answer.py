"""An utterance that the model makes up as it goes: sampled text in; words to be said, and tags, out."""

import codecs
import re

from counterpoint.interaction.engines.recital import Passage, Recital, Unit
from counterpoint.interaction.engines.tags import Speech, Tag, TagParser
from counterpoint.interaction.engines.words import boundary_between, ends_sentence, unit_end
from counterpoint.interaction.model import Offer
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.notes import Note

_SPACE = re.compile(r"\s+")


class Answer:
    """`offer`: it tells this note in the model's own words; then its tags do not act. `lead`: words that
    are put into its mouth first. `tagged`: it contains a tag.

    `limit`: tokens after which the utterance is ended; from three quarters of it on, at the end of a sentence.
    """

    def __init__(self, limit: int, offer: Offer | None = None, lead: str = "") -> None:
        self.offer = offer
        self.lead = Recital([Passage(lead)])
        self.made = 0
        self.tagged = False
        self.said = ""
        self._limit = limit
        self._parser = TagParser()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""
        self._ended = False
        self._tags: list[Tag] = []

    @property
    def note(self) -> Note | None:
        return self.offer.note if self.offer else None

    @property
    def begun(self) -> bool:
        return self.made > 0 or self.lead.begun

    @property
    def inside(self) -> bool:
        """The model is writing a tag."""
        return self._parser.inside

    @property
    def over(self) -> bool:
        return self._ended and not self._waiting

    @property
    def rest(self) -> str:
        """What has been made and not been said."""
        return self._waiting.strip()

    @property
    def wants_more(self) -> bool:
        """Nothing can be said before more is sampled."""
        return not self._ended and self._next_end() is None

    def hear(self, piece: bytes) -> str:
        """One more token was sampled. Returns what of it is speech."""
        self.made += 1
        speech = self._sort(self._parser.feed(self._decoder.decode(piece)))
        if self._parser.over or self.made >= self._limit:
            speech += self.end()
        return speech

    def end(self) -> str:
        """The model has ended its turn, or has to. Returns what more was speech."""
        self._ended = True
        speech = self._sort(self._parser.finish())
        self._waiting = self._waiting.rstrip()
        return speech

    def take(self) -> Unit | None:
        """The next word, if it is whole."""
        end = self._next_end()
        if end is None:
            return None
        text, self._waiting = self._waiting[:end], self._waiting[end:]
        self.said += text
        if self.made >= self._limit * 3 // 4 and ends_sentence(text):
            self.end()
            self._waiting = ""
        boundary = Boundary.END if self.over else boundary_between(text, self._waiting)
        return Unit(text, boundary)

    def tags(self) -> list[Tag]:
        """The tags that were closed since the last call."""
        tags, self._tags = self._tags, []
        return tags

    def _next_end(self) -> int | None:
        """Where the next word ends. The last word of a note told in other words is known as such before it is said."""
        end = unit_end(self._waiting, 0, final=self._ended)
        if end is None or self._ended or self.offer is None:
            return end
        return end if unit_end(self._waiting, end, final=False) is not None else None

    def _sort(self, pieces: list[Speech | Tag]) -> str:
        speech = ""
        for piece in pieces:
            if isinstance(piece, Tag):
                self._tags.append(piece)
                self.tagged = True
            else:
                speech += piece.text
        speech = " ".join(_SPACE.split(speech))
        if (self._waiting or self.said or " ")[-1].isspace():
            speech = speech.lstrip()
        self._waiting += speech
        return speech
