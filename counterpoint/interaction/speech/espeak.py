"""espeak-ng through ctypes, with the times of its words. It is GPL-3 and used only by who asks for it by name; it runs
in a process of its own (`voice_child`).
"""

import ctypes
import ctypes.util
from pathlib import Path
from typing import Any, Final

_SYNCHRONOUS: Final = 2
_UTF8: Final = 1
_WORD: Final = 1
_RATE: Final = 1
_WORDS_A_MINUTE: Final = 160


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback: Any = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """`language`: such as "en-us" or "en-gb"."""

    def __init__(self, language: str) -> None:
        path, data = _library()
        self._library: Any = ctypes.CDLL(path)
        self._rate = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
        if self._rate <= 0 or self._library.espeak_SetVoiceByName(language.encode()):
            raise RuntimeError(f"espeak-ng cannot speak {language!r}")
        self._library.espeak_SetParameter(_RATE, _WORDS_A_MINUTE, 0)
        self._sound = bytearray()
        self._starts: list[float] = []
        self._callback = _Callback(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str) -> tuple[bytes, int, list[float]]:
        """Sound, its rate, and the seconds at which words end; none where it speaks several words as one."""
        self._sound, self._starts = bytearray(), []
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, 1, 0, _UTF8, None, None)
        ends = [*self._starts[1:], len(self._sound) / (2 * self._rate)]
        return bytes(self._sound), self._rate, ends if self._starts else []

    def _receive(self, samples: int | None, count: int, events: Any) -> int:
        if samples and count:
            self._sound += ctypes.string_at(samples, 2 * count)
        index = 0
        while events[index].type:
            if events[index].type == _WORD and events[index].length:
                self._starts.append(events[index].audio_position / 1000)
            index += 1
        return 0


def _library() -> tuple[str, bytes | None]:
    """The system's own, or the one that the package `espeakng-loader` carries."""
    if (name := ctypes.util.find_library("espeak-ng")) is not None:
        return name, None
    import espeakng_loader

    return espeakng_loader.get_library_path(), str(Path(espeakng_loader.get_data_path()).parent).encode()
