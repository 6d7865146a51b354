"""What the agent has said and the person has yet to hear: words become clauses, clauses sound, beat by beat.

One clause sounds, one is made or waits behind it; further words wait to be a clause. It knows no turns and no model.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Final

import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.speech.lead_words import LeadWord, clause_of, joined, words_of
from counterpoint.interaction.speech.voice import Spoken, Voice
from counterpoint.shared_context.expressed import Boundary, Voiced

PATIENCE_BEATS: Final = 3
"""Words that no others have followed for so long are spoken as they are, if nothing else sounds."""


class Sounding(msgspec.Struct):
    """A clause in sound. `ends`: of its words, in samples. `at`: samples that have sounded; `said`: words."""

    words: list[LeadWord]
    audio: bytes
    ends: list[int]
    at: int = 0
    said: int = 0

    @property
    def over(self) -> bool:
        return 2 * self.at >= len(self.audio) and self.said >= len(self.words)

    def take(self, samples: int) -> tuple[bytes, list[LeadWord]]:
        """The next so many samples, fewer at the end, and the words that end in them."""
        piece = self.audio[2 * self.at : 2 * (self.at + samples)]
        self.at += len(piece) // 2
        over = 2 * self.at >= len(self.audio)
        first = self.said
        while self.said < len(self.words) and (over or self.ends[self.said] <= self.at):
            self.said += 1
        return piece, self.words[first : self.said]


class Sounded(msgspec.Struct, frozen=True):
    """What is heard in a step. `audio`: exactly as long as the step, or empty. `failed`: the voice could not say
    `unsaid`, and why.
    """

    text: str = ""
    audio: bytes = b""
    voiced: tuple[Voiced, ...] = ()
    boundary: Boundary = Boundary.END
    unsaid: str = ""
    failed: str = ""


class Lead:
    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._beat = round(voice.capabilities.rate * BEAT_SECONDS)
        self._rate = voice.capabilities.rate
        self._words: list[LeadWord] = []
        self._over = True
        self._waited = 0
        self._making: tuple[list[LeadWord], Future[Spoken]] | None = None
        self._sounding: Sounding | None = None

    @property
    def wants_more(self) -> bool:
        """No clause waits behind the one that sounds."""
        return self._making is None

    @property
    def busy(self) -> bool:
        """Something is sounding, or will."""
        return self._sounding is not None or self._making is not None or bool(self._words)

    @property
    def awaited(self) -> Future[Spoken] | None:
        """What is being made while nothing sounds."""
        return self._making[1] if self._making is not None and self._sounding is None else None

    @property
    def tells_note(self) -> bool:
        return any(word.voiced for word in self._left())

    def add(self, text: str, voiced: Sequence[Voiced], *, over: bool) -> tuple[Voiced, ...]:
        """The model has said more. `over`: it has ended its utterance. Returns what needs no sound to be reported."""
        words = words_of(text, voiced)
        if words and self._words and not (self._over or text[0].isspace() or self._words[-1].text[-1].isspace()):
            self._join(words.pop(0))
        self._waited = 0 if words else self._waited
        self._words += words
        self._over = over
        if not text:
            told = [each for each in voiced if each.end > each.start]
            if told and (left := self._left()):
                left[-1].voiced += told
                return tuple(each for each in voiced if each not in told)
            return tuple(voiced)
        return tuple(each for each in voiced if each.end == each.start)

    def begin(self) -> None:
        """Have the next clause made, if it is whole and none waits."""
        if self._making is not None or not self._words:
            return
        stalled = self._waited >= PATIENCE_BEATS and self._sounding is None
        if count := clause_of(self._words, over=self._over or stalled):
            clause, self._words = self._words[:count], self._words[count:]
            self._making = clause, self._voice.say(joined(clause)[0].strip())

    def advance(self, beats: int) -> Sounded:
        """So many beats go by."""
        need = beats * self._beat
        audio = bytearray()
        said: list[LeadWord] = []
        unsaid, failed = "", ""
        between = False
        self._waited += beats
        while len(audio) < 2 * need:
            if self._sounding is None:
                why, words = self._next()
                if why:
                    unsaid, failed = unsaid + joined(words)[0], why
                if self._sounding is None:
                    break
            piece, ended = self._sounding.take(need - len(audio) // 2)
            audio += piece
            said += ended
            between = self._sounding.over or (between and not ended)
            if self._sounding.over:
                self._sounding = None
                self.begin()
        if audio:
            audio += bytes(2 * need - len(audio))
        text, voiced = joined(said)
        return Sounded(text, bytes(audio), voiced, self._boundary(said, between=between), unsaid.strip(), failed)

    def on_its_way(self) -> tuple[Voiced, ...]:
        """Notes of which more will sound: each where its next word begins."""
        first: dict[str, Voiced] = {}
        for word in self._left():
            for each in word.voiced:
                first.setdefault(each.note, Voiced(each.note, each.start, each.start))
        return tuple(first.values())

    def flush(self) -> str:
        """Stop at once. Returns what has not sounded to the end of its words."""
        text = joined(self._left())[0]
        if self._making is not None:
            self._making[1].cancel()
        self._making = self._sounding = None
        self._words = []
        self._over = True
        return text

    def _join(self, rest: LeadWord) -> None:
        last = self._words[-1]
        moved = [Voiced(each.note, each.start, each.end, each.text_start + len(last.text)) for each in rest.voiced]
        self._words[-1] = LeadWord(last.text + rest.text, [*last.voiced, *moved])

    def _next(self) -> tuple[str, list[LeadWord]]:
        """Let the clause sound that has been made. Returns why it cannot, and its words."""
        self.begin()
        if self._making is None or not self._making[1].done():
            return "", []
        words, made = self._making
        self._making = None
        error = made.exception()
        if error is not None:
            return f"the voice failed: {error}", words
        self._sounding = self._sounded(words, made.result())
        self.begin()
        return "", []

    def _sounded(self, words: list[LeadWord], spoken: Spoken) -> Sounding:
        """A voice that tells too few times, or too many, has them spread evenly."""
        samples = len(spoken.audio) // 2
        ends = [round(end * self._rate) for end in spoken.ends]
        if len(ends) != len(words):
            ends = [samples * (index + 1) // len(words) for index in range(len(words))]
        return Sounding(words, spoken.audio, ends)

    def _left(self) -> list[LeadWord]:
        sounding = self._sounding.words[self._sounding.said :] if self._sounding is not None else []
        making = self._making[0] if self._making is not None else []
        return [*sounding, *making, *self._words]

    def _boundary(self, said: Sequence[LeadWord], *, between: bool) -> Boundary:
        """`between`: a clause has sounded to its end, and no word of the next one has."""
        if not self.busy and self._over:
            return Boundary.END
        if between or self._sounding is None:
            return Boundary.CLAUSE
        return Boundary.WORD if said else Boundary.NONE
