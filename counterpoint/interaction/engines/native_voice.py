"""The words that the native model has chosen, on their way out: as sound, each said once it has been heard to its end,
or as text, at once. It chooses nothing.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
import numpy as np

from counterpoint.interaction.engines.native_spelling import spell
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.voice import SAMPLES_PER_BEAT, Samples, Voice
from counterpoint.shared_context.expressed import Voiced

_SILENCE: Final = bytes(2 * SAMPLES_PER_BEAT)


class Chosen(msgspec.Struct, frozen=True):
    """A word as it is written, with what stands before it, and what of a note it voices: `text_start` is of `text`.
    `word`: the model's token for it.
    """

    text: str
    word: str
    voiced: tuple[Voiced, ...] = ()


class Out(msgspec.Struct, frozen=True):
    """What goes out in a beat. `audio`: PCM16, a beat long, or empty while nothing sounds."""

    said: tuple[Chosen, ...] = ()
    audio: bytes = b""


class Outlet(Protocol):
    @property
    def busy(self) -> bool:
        """Something sounds, or will."""
        ...

    @property
    def waiting(self) -> Sequence[Chosen]:
        """The words that have not been heard to their end, the one that sounds first."""
        ...

    def add(self, chosen: Chosen) -> None: ...

    def beat(self) -> Out: ...

    def stop(self) -> tuple[Out, str]:
        """Silence at once. Also returns what will not be said."""
        ...

    def give_up(self) -> str:
        """Ends with the word that sounds. Returns what will not be said."""
        ...


class Written:
    """Without a voice."""

    busy = False
    waiting: Sequence[Chosen] = ()

    def __init__(self) -> None:
        self._said: list[Chosen] = []

    def add(self, chosen: Chosen) -> None:
        self._said.append(chosen)

    def beat(self) -> Out:
        said, self._said = self._said, []
        return Out(tuple(said))

    def stop(self) -> tuple[Out, str]:
        return self.beat(), ""

    def give_up(self) -> str:
        return ""


class Aloud:
    """With a voice. What it has no sound for is spelled, and what follows waits."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._state = voice.begin()
        self._words: deque[Chosen] = deque()
        self._sounds: deque[int] | None = None

    @property
    def busy(self) -> bool:
        return bool(self._words) or self._state.dying

    @property
    def waiting(self) -> Sequence[Chosen]:
        return self._words

    def add(self, chosen: Chosen) -> None:
        self._words.append(chosen)

    def beat(self) -> Out:
        said = self._soundless()
        audio, self._state = self._voice.speak(self._state, self._next())
        if self._sounds is not None and not self._sounds and self._state.word == v.PAD:
            said.append(self._words.popleft())
            self._sounds = None
        return Out(tuple(said), _pcm(audio))

    def stop(self) -> tuple[Out, str]:
        audio, self._state = self._voice.stop(self._state)
        unsaid = "".join(each.text for each in self._words)
        self._words.clear()
        self._sounds = None
        return Out(audio=_pcm(audio)), unsaid.strip()

    def give_up(self) -> str:
        sounding = 0 if self._sounds is None else 1
        unsaid = "".join(each.text for each in list(self._words)[sounding:])
        while len(self._words) > sounding:
            self._words.pop()
        return unsaid.strip()

    def _soundless(self) -> list[Chosen]:
        """Words that nothing can be heard of are said by being next; the first with a sound is begun."""
        said: list[Chosen] = []
        while self._sounds is None and self._words:
            self._sounds = deque(self._tokens(self._words[0]))
            if not self._sounds:
                said.append(self._words.popleft())
                self._sounds = None
        return said

    def _next(self) -> int:
        if self._state.word != v.PAD or not self._sounds:
            return v.PAD
        return self._sounds.popleft()

    def _tokens(self, chosen: Chosen) -> list[int]:
        """A word that stands in for another does not sound in its place: the other one's letters do."""
        written = [each.word for each in spell(chosen.text)]
        token = v.IDS.get(chosen.word, v.UNKNOWN)
        if (not written or chosen.word in written) and self._voice.can_say(token):
            return [token]
        letters = [v.IDS.get(letter, v.UNKNOWN) for letter in "".join(written)]
        return [letter for letter in letters if self._voice.can_say(letter)]


def in_beats(outs: Sequence[Out]) -> bytes:
    """The sound of some beats; silence where only some of them sound."""
    if not any(out.audio for out in outs):
        return b""
    return b"".join(out.audio or _SILENCE for out in outs)


def _pcm(samples: Samples | None) -> bytes:
    return b"" if samples is None else np.rint(samples * 32767).astype("<i2").tobytes()
