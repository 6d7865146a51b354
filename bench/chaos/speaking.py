"""An interaction model that hands on what it is asked to find, and voices notes as they come, two words a beat."""

import re

import msgspec

from chaos.words import asks_in
from counterpoint.interaction.model import Capabilities, Offer, Perceived, Span, Start
from counterpoint.shared_context.expressed import Action, Amend, Boundary, Delegate, Expressed, Voiced, Withdraw, Yield
from counterpoint.shared_context.ids import NoteId, SessionId
from counterpoint.shared_context.notes import Delivery

WORDS_PER_BEAT = 2
FORGET = "forget it"
RATHER = "rather "

_WORD = re.compile(r"\S+")


class _Speech(msgspec.Struct):
    """A text, and how many characters of it were said."""

    text: str
    note: NoteId | None = None
    said: int = 0


class Speaking:
    """Stateless: every stream has its own."""

    capabilities = Capabilities("speaking")

    def place(self, session: SessionId) -> float | None:
        return None

    async def open(self, start: Start) -> "SpeakingStream":
        return SpeakingStream()


class SpeakingStream:
    def __init__(self) -> None:
        self._speech: list[_Speech] = []

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        actions: list[Action] = []
        for chunk in perceived.texts:
            actions += self._answer(chunk.text)
        for offer in woven:
            if offer.how is not Delivery.SILENT:
                self._speech = [each for each in self._speech if each.note is not None]
                self._speech.append(_Speech(offer.note.text, offer.note.id, offer.heard))
        text, voiced = self._speak(WORDS_PER_BEAT * span.beats)
        boundary = Boundary.WORD if self._speech else Boundary.END
        return Expressed(text, voiced=voiced, boundary=boundary, actions=tuple(actions))

    async def aclose(self) -> None:
        pass

    def _answer(self, line: str) -> list[Action]:
        """Whoever speaks is listened to: what was being said is given up."""
        actions: list[Action] = [Yield()] if self._speech else []
        self._speech = [_Speech("Right.")]
        if line.startswith(RATHER):
            return [*actions, Amend(line.removeprefix(RATHER))]
        if line == FORGET:
            return [*actions, Withdraw("the person changed their mind")]
        return [*actions, *(Delegate(ask.line) for ask in asks_in(line))]

    def _speak(self, words: int) -> tuple[str, tuple[Voiced, ...]]:
        said, voiced = "", []
        while words > 0 and self._speech:
            speech = self._speech[0]
            found = [match.end() for match in _WORD.finditer(speech.text) if match.end() > speech.said]
            end = len(speech.text) if len(found) <= words else found[words - 1]
            part = speech.text[speech.said : end]
            gap = "" if part[:1].isspace() else " "
            if speech.note is not None:
                voiced.append(Voiced(speech.note, speech.said, end, len(said) + len(gap)))
            said += gap + part
            words -= len(found)
            speech.said = end
            if end == len(speech.text):
                self._speech.pop(0)
        return said, tuple(voiced)
