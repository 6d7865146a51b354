"""Ears and a voice that do what a script says, at once and in virtual time."""

from collections.abc import Mapping
from concurrent.futures import Future

from counterpoint.config import AUDIO_RATE
from counterpoint.errors import EngineError
from counterpoint.interaction.speech.ears import EarsCapabilities, Heard, HeardWord
from counterpoint.interaction.speech.voice import Spoken, VoiceCapabilities

WORD_SECONDS = 0.3


class ScriptedEars:
    """`words`: by the beat of sound in which they are heard. `speech`: when the person's voice is heard."""

    capabilities = EarsCapabilities("scripted ears")

    def __init__(self, words: Mapping[int, str] | None = None, speech: range = range(0)) -> None:
        self.words = dict(words or {})
        self.speech = speech
        self.opened = 0

    def open(self) -> "ScriptedHearing":
        self.opened += 1
        return ScriptedHearing(self)

    def close(self) -> None:
        pass


class ScriptedHearing:
    def __init__(self, ears: ScriptedEars) -> None:
        self._ears = ears
        self._beat = 0

    def hear(self, audio: bytes) -> Heard:
        text = self._ears.words.get(self._beat, "")
        speaking = self._beat in self._ears.speech
        self._beat += 1
        return Heard(tuple(HeardWord(word, 0.0, 0.0) for word in text.split()), speaking=speaking)

    def close(self) -> None:
        self._ears.opened -= 1


class ScriptedVoice:
    """A word is 0.3 s of sound, at once. It cannot say `cannot`, and never comes back over `never`."""

    capabilities = VoiceCapabilities("scripted voice", AUDIO_RATE, timed=True)

    def __init__(self, *, cannot: str = "\0", never: str = "\0") -> None:
        self.said: list[str] = []
        self.made: list[Future[Spoken]] = []
        self._cannot = cannot
        self._never = never

    def say(self, clause: str) -> Future[Spoken]:
        self.said.append(clause)
        made: Future[Spoken] = Future()
        self.made.append(made)
        if self._cannot in clause:
            made.set_exception(EngineError("it has no such sound"))
        elif self._never not in clause:
            count = len(clause.split())
            audio = b"\x01\x10" * round(count * WORD_SECONDS * AUDIO_RATE)
            made.set_result(Spoken(audio, tuple((index + 1) * WORD_SECONDS for index in range(count))))
        return made

    def close(self) -> None:
        pass
