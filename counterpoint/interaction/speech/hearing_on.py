"""Ears at work in a conversation: what they heard in a step, as the text that a model reads. Knows no recogniser."""

from typing import Final

import msgspec

from counterpoint.interaction.speech.ears import Hearing

SILENT_BEATS: Final = 10
"""After the last sound: long enough for any recogniser to end what it was hearing."""


class Understood(msgspec.Struct, frozen=True):
    """`text`: of this step, to be read. `understood`: the same, to be joined to what was understood before."""

    text: str = ""
    understood: str = ""
    speaking: bool = False
    failed: str = ""


class HearingOn:
    """`beat`: samples of one. Where the sound stops in the middle of speech, silence goes on until a pause is heard,
    and until the ears have said what it was.
    """

    def __init__(self, hearing: Hearing, beat: int) -> None:
        self._hearing = hearing
        self._beat = beat
        self._owed = 0
        self._before = False

    def take(self, audio: bytes, beats: int) -> Understood:
        if audio:
            self._owed = SILENT_BEATS
        elif beats == 0 or self._owed <= 0:
            return Understood()
        else:
            self._owed -= beats
            audio = bytes(2 * self._beat * beats)
        heard = self._hearing.hear(audio)
        self._owed = max(self._owed, 1) if heard.speaking else self._owed
        text = " ".join(word.text for word in heard.words)
        space = " " if text and self._before else ""
        self._before = self._before or bool(text)
        return Understood(text, space + text, heard.speaking, heard.failed)

    def close(self) -> None:
        self._hearing.close()
