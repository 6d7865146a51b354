"""One conversation with the native model: what it carries from beat to beat, and how a beat becomes an expression."""

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from counterpoint.interaction.engines.native_notes import Reciting
from counterpoint.interaction.engines.native_spelling import Typing, spell
from counterpoint.interaction.engines.native_voice import Chosen, Out, Outlet, in_beats
from counterpoint.interaction.model import Offer, Perceived, Span, Start
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.beat import Beat as Found
from counterpoint.interaction.nn.beat import Conversing, Incoming, advance, after, having_said
from counterpoint.interaction.nn.model import InteractionNet
from counterpoint.interaction.nn.streaming import Decoding
from counterpoint.shared_context.chunks import VideoChunk
from counterpoint.shared_context.expressed import (
    Action,
    Amend,
    Boundary,
    Delegate,
    End,
    Expressed,
    Floor,
    Voiced,
    Withdraw,
    Yield,
)
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.notes import Delivery

FLOOR_BEATS: Final = 3
"""A side that has spoken in the last .6 s still has the floor: words are a beat or two apart."""

LINE_BEATS: Final = 6
"""Words that are no further apart than this belong to one line; a delegation asks for what its line says."""

BEHIND_WORDS: Final = 3
"""A voice that spells falls behind. Beyond this many words, what waits is given up when the person speaks: the model
cannot take back what it has chosen long ago.
"""


class _Spoken(msgspec.Struct, frozen=True):
    beat: int
    word: str


class Living:
    """What one conversation carries; `live` takes it through a beat. Blocks while it computes."""

    def __init__(
        self, model: InteractionNet, decoding: Decoding, state: Conversing, start: Start, outlet: Outlet
    ) -> None:
        self._model = model
        self._outlet = outlet
        self._decoding = decoding
        self._state = state
        self._next = start.beat
        self._typing = Typing()
        self._reciting = Reciting()
        self._heard: deque[_Spoken] = deque(maxlen=64)
        self._greeting = deque(_pieces(start.greeting))
        self._greets_at = int(start.beat)
        self._understood_before = self._said_before = False
        self._said_last: int | None = None
        self._unsaid = ""
        self._end: End | None = None

    @property
    def beats(self) -> int:
        return self._state.stream.beat

    def live(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        """A span, beat by beat; more than one if the host was late. What came in by text and notes enters the first.
        Silent notes it does not read: passages of documents would push out of its sight what it is to tell.
        """
        typed = " ".join(self._typing.words(perceived.texts))
        notes = [self._reciting.take(offer) for offer in woven if offer.how is not Delivery.SILENT]
        beats = max(1, span.beats)
        size = len(perceived.audio) // beats
        understood = ""
        outs: list[Out] = []
        actions: list[Action] = []
        for number in range(beats):
            now = Beat(span.first + number)
            sound = perceived.audio[number * size : (number + 1) * size]
            picture = _picture(_share(perceived.frames, number, beats))
            beat = self._advance(Incoming(_samples(sound), typed, notes, picture), now)
            typed, notes = "", []
            if not self._greet(now) and beat.said:
                self._choose(beat.said, now)
            understood += self._spaced(beat.understood)
            given = self._actions(beat.control, now)
            outs.append(self._out(stops=any(isinstance(each, Yield) for each in given)))
            actions += (*given, *self._farewell())
        text, voiced = _joined([each for out in outs for each in out.said])
        unsaid, self._unsaid = self._unsaid, ""
        return Expressed(
            text=text,
            audio=in_beats(outs),
            understood=understood,
            floor=self._floor(span.last),
            boundary=Boundary.WORD if self._speaks(span.last) else Boundary.END,
            voiced=(*voiced, *self._on_its_way()),
            actions=tuple(actions),
            unsaid=unsaid,
        )

    def _advance(self, incoming: Incoming, now: Beat) -> Found:
        """`understood` is what was heard: of typed words the record has the keystrokes."""
        if now > self._next:
            self._state = after(self._state, now - self._next)
        self._next = Beat(now + 1)
        was_typed = bool(incoming.typed or self._state.typed)
        beat, self._state = advance(self._model, self._state, incoming, self._decoding)
        if beat.understood:
            self._heard.append(_Spoken(now, beat.understood))
            self._greeting.clear()  # the person has the floor
            if len(self._outlet.waiting) > BEHIND_WORDS:
                self._unsaid = self._outlet.give_up()
        said = "" if self._greeting else beat.said
        return Found("" if was_typed else beat.understood, said, beat.control)

    def _greet(self, now: Beat) -> bool:
        """The greeting is given, in any words: the model hears itself say those that it knows."""
        if not self._greeting or now < self._greets_at:
            return False
        piece, word = self._greeting.popleft()
        known = word if word in v.IDS else v.TOKENS[v.UNKNOWN]
        self._greets_at = now + v.beats_to_say(v.IDS[known])
        self._state = having_said(self._state, known)
        self._said_before, self._said_last = True, now
        self._outlet.add(Chosen(piece, known))
        return True

    def _choose(self, said: str, now: Beat) -> None:
        space = " " if self._said_before else ""
        self._said_before, self._said_last = True, now
        word, voiced = self._reciting.say(said, len(space))
        self._outlet.add(Chosen((space + word) if word else "", said, (voiced,) if voiced else ()))

    def _out(self, *, stops: bool) -> Out:
        if not stops:
            return self._outlet.beat()
        out, self._unsaid = self._outlet.stop()
        return out

    def _on_its_way(self) -> tuple[Voiced, ...]:
        """Notes of which more will sound: each where its next word begins."""
        first: dict[str, Voiced] = {}
        for each in (voiced for chosen in self._outlet.waiting for voiced in chosen.voiced):
            first.setdefault(each.note, Voiced(each.note, each.start, each.start))
        return tuple(first.values())

    def _farewell(self) -> tuple[End, ...]:
        """The conversation ends once its last words have sounded."""
        if self._end is None or self._outlet.busy:
            return ()
        end, self._end = self._end, None
        return (end,)

    def _spaced(self, word: str) -> str:
        if not word:
            return ""
        space, self._understood_before = (" " if self._understood_before else ""), True
        return space + word

    def _speaks(self, now: Beat) -> bool:
        if self._greeting or self._outlet.busy:
            return True
        return self._said_last is not None and now - self._said_last < FLOOR_BEATS

    def _floor(self, now: Beat) -> Floor:
        person = bool(self._heard) and now - self._heard[-1].beat < FLOOR_BEATS
        if self._speaks(now):
            return Floor.BOTH if person else Floor.AGENT
        return Floor.PERSON if person else Floor.OPEN

    def _actions(self, control: str, now: Beat) -> tuple[Action, ...]:
        """A request without words asks for nothing."""
        line = self._line(now)
        match control:
            case "<delegate>":
                return (Delegate(line),) if line else ()
            case "<amend>":
                return (Amend(line),) if line else ()
            case "<withdraw>":
                return (Withdraw(line),)
            case "<yield>" | "<stop>":
                return (Yield(),)
            case "<end>":
                self._end = End(line)
                return ()
            case _:
                return ()

    def _line(self, now: Beat) -> str:
        """What the person said last, without a pause."""
        words: list[str] = []
        later: int = now
        for each in reversed(self._heard):
            if later - each.beat > LINE_BEATS:
                break
            words.append(each.word)
            later = each.beat
        return " ".join(reversed(words))


def _pieces(text: str) -> list[tuple[str, str]]:
    """The words of a text, each as it is written, with what stands before it; the last with what follows it."""
    words = spell(text)
    ends = [0, *(each.end for each in words[:-1]), len(text)]
    return [(text[ends[n] : ends[n + 1]], each.word) for n, each in enumerate(words)]


def _joined(said: Sequence[Chosen]) -> tuple[str, tuple[Voiced, ...]]:
    """The text of words, and what of notes it voices."""
    text, voiced = "", list[Voiced]()
    for each in said:
        voiced += (Voiced(one.note, one.start, one.end, len(text) + one.text_start) for one in each.voiced)
        text += each.text
    return text, tuple(voiced)


def _share(frames: tuple[VideoChunk, ...], number: int, beats: int) -> tuple[VideoChunk, ...]:
    """The frames of one of several beats."""
    return frames[number * len(frames) // beats : (number + 1) * len(frames) // beats]


def _picture(frames: tuple[VideoChunk, ...]) -> NDArray[np.uint8] | None:
    """The latest of a beat's frames, as rows of RGB."""
    if not frames:
        return None
    latest = frames[-1]
    return np.frombuffer(latest.pixels, np.uint8).reshape(latest.height, latest.width, 3)


def _samples(audio: bytes) -> NDArray[np.float32] | None:
    """PCM16 to [-1, 1]; nothing where there is no live sound."""
    return np.frombuffer(audio, "<i2").astype(np.float32) * np.float32(1 / 32768) if audio else None
