"""A scripted interaction model: says and does what the script tells it, beat by beat, and speaks notes as they come.

Strict: `assert_done` fails on lines of the script that never had their turn.
"""

import re
from collections.abc import Sequence

import msgspec

from counterpoint.interaction.model import Capabilities, Modality, Offer, Perceived, Span, Start, Weaving
from counterpoint.shared_context.expressed import (
    Action,
    Amend,
    Boundary,
    Delegate,
    End,
    Expressed,
    Voiced,
    Withdraw,
    Yield,
)
from counterpoint.shared_context.ids import NoteId, SessionId
from counterpoint.shared_context.notes import Delivery

_CLAUSE_END = re.compile(r"[.,;:!?…]$")


class Line(msgspec.Struct, frozen=True):
    """One line of a script: at beat `at`, or once the person's words contain `on`; `say` is spoken word by word."""

    say: str = ""
    act: tuple[Action, ...] = ()
    at: int | None = None
    on: str = ""


def say(text: str, *, at: int | None = None, on: str = "") -> Line:
    return Line(say=text, at=at, on=on)


def delegate(request: str, *, at: int | None = None, on: str = "", saying: str = "") -> Line:
    return Line(say=saying, act=(Delegate(request),), at=at, on=on)


def amend(text: str, *, at: int | None = None, on: str = "", saying: str = "") -> Line:
    return Line(say=saying, act=(Amend(text),), at=at, on=on)


def withdraw(*, at: int | None = None, on: str = "", saying: str = "") -> Line:
    return Line(say=saying, act=(Withdraw(),), at=at, on=on)


def end(*, at: int | None = None, on: str = "") -> Line:
    return Line(act=(End(),), at=at, on=on)


class _Speech(msgspec.Struct):
    """Words still to be said, each with the space before it and its place in the text; `note`: the text is a note's."""

    words: list[tuple[str, int, int]]
    note: NoteId | None = None

    @property
    def rest(self) -> str:
        return "".join(word for word, _, _ in self.words).strip()


class ScriptedInteraction:
    """Speaks `words_per_beat`; stops when the person speaks (`barge_in`); voices offered notes verbatim.

    `clauses=False`: reports word boundaries only. `voices_notes=False`: ignores every offer. `raises`: errors to raise
    at these beats. `hears`: also perceives audio and video (it keeps what it got in `perceived`).
    """

    def __init__(
        self,
        *script: Line,
        words_per_beat: int = 1,
        barge_in: bool = True,
        clauses: bool = True,
        voices_notes: bool = True,
        partial: bool = False,
        cadence: int = 1,
        hears: bool = False,
        weaving: Weaving = Weaving.RUNTIME,
        raises: dict[int, Exception] | None = None,
        phase: float | None = None,
    ) -> None:
        senses = frozenset(Modality) if hears else frozenset({Modality.TEXT})
        self.capabilities = Capabilities(
            "scripted", perceives=senses, cadence=cadence, partial=partial, weaving=weaving
        )
        self.perceived: list[tuple[Span, Perceived, tuple[Offer, ...]]] = []
        self.starts: list[Start] = []
        self.script = list(script)
        self.words_per_beat = words_per_beat
        self.barge_in = barge_in
        self.clauses = clauses
        self.voices_notes = voices_notes
        self.raises = dict(raises or {})
        self._phase = phase

    def place(self, session: SessionId) -> float | None:  # noqa: ARG002 (the protocol names it)
        return self._phase

    async def open(self, start: Start) -> "ScriptedStream":
        self.starts.append(start)
        return ScriptedStream(self, start.greeting)

    def assert_done(self) -> None:
        """Every line had its turn."""
        if self.script:
            raise AssertionError(f"never had their turn: {self.script}")


class ScriptedStream:
    def __init__(self, model: ScriptedInteraction, greeting: str) -> None:
        self._model = model
        self._speech: list[_Speech] = [_Speech(_words(greeting))] if greeting else []
        self._heard = ""
        self._spoken = False
        self._boundary = Boundary.END

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        model = self._model
        model.perceived.append((span, perceived, woven))
        for beat in range(span.first, span.last + 1):
            if (error := model.raises.pop(beat, None)) is not None:
                raise error
        spoken = any(chunk.text.strip() for chunk in perceived.texts)
        actions: list[Action] = []
        unsaid = ""
        if spoken and self._speech and model.barge_in:
            unsaid = self._drop_all()
            actions.append(Yield())
        self._heard += "".join(chunk.text + (" " if chunk.done else "") for chunk in perceived.texts)
        for line in self._due(span):
            actions += line.act
            if line.say:
                self._speech.append(_Speech(_words(line.say)))
        for offer in woven:
            if offer.how is not Delivery.SILENT and model.voices_notes:
                unsaid += self._make_room(offer)
                self._speech.insert(0, _Speech(_words(offer.note.text, offer.heard), offer.note.id))
        words = 1 if span.beats == 0 else model.words_per_beat * span.beats
        text, voiced = self._speak(words if self._speech else 0)
        return Expressed(
            text=text,
            boundary=self._boundary,
            voiced=voiced,
            actions=tuple(actions),
            unsaid=unsaid,
        )

    async def aclose(self) -> None:
        self._speech.clear()

    def _due(self, span: Span) -> Sequence[Line]:
        due: list[Line] = []
        for line in list(self._model.script):
            at_beat = line.at is not None and span.beats > 0 and line.at <= span.last
            at_words = bool(line.on) and line.on.casefold() in self._heard.casefold()
            if at_beat or at_words:
                due.append(line)
                self._model.script.remove(line)
                if at_words:
                    self._heard = ""
        return due

    def _make_room(self, offer: Offer) -> str:
        """An utterance of its own gives way to a note, and is not taken up again."""
        own = [speech.rest for speech in self._speech if speech.note is None]
        self._speech = [speech for speech in self._speech if speech.note is not None]
        if offer.how is Delivery.INTERRUPT:
            self._speech = []
        return " ".join(own)

    def _drop_all(self) -> str:
        unsaid = " ".join(speech.rest for speech in self._speech if speech.note is None)
        self._speech.clear()
        self._boundary = Boundary.END
        return unsaid

    def _speak(self, count: int) -> tuple[str, tuple[Voiced, ...]]:
        said = ""
        voiced: list[Voiced] = []
        while count > 0 and self._speech:
            speech = self._speech[0]
            word, start, stop = speech.words.pop(0)
            if self._spoken and not word[0].isspace():
                said += " "
            if speech.note is not None:
                voiced.append(Voiced(speech.note, start, stop, len(said)))
            said += word
            self._spoken = True
            count -= 1
            self._boundary = self._after(word, last=not speech.words)
            if not speech.words:
                self._speech.pop(0)
                break
        if not said and not self._speech:
            self._boundary = Boundary.END
        return said, _merged(voiced)

    def _after(self, word: str, *, last: bool) -> Boundary:
        if last:
            return Boundary.END
        return Boundary.CLAUSE if self._model.clauses and _CLAUSE_END.search(word) else Boundary.WORD


def _words(text: str, start: int = 0) -> list[tuple[str, int, int]]:
    """The words of a text from character `start` on, each with the space before it, and where they begin and end."""
    words = [
        (match.group(), match.start(), match.end()) for match in re.finditer(r"\s*\S+", text) if match.end() > start
    ]
    if words:
        first, begin, end = words[0]
        words[0] = (first.lstrip(), end - len(first.lstrip()), end)
        last, begin, _ = words[-1]
        words[-1] = (last, begin, len(text))
    return words


def _merged(voiced: Sequence[Voiced]) -> tuple[Voiced, ...]:
    if len(voiced) < 2:
        return tuple(voiced)
    first, last = voiced[0], voiced[-1]
    return (Voiced(first.note, first.start, last.end, first.text_start),)
