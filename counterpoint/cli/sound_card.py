"""The machine's microphone and speaker, through PortAudio (`sounddevice`, the extra `audio`). All that is done in its
thread is one call of `exchange`.
"""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from counterpoint.cli.sound_path import SoundPath
from counterpoint.errors import ConfigurationError, MissingExtra

BLOCK_SECONDS: Final = 0.02

INSTEAD: Final = "ask a file instead, where there is no sound: counterpoint talk --wav question.wav"


class SoundCard:
    """`stream`: PortAudio's."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    @property
    def trouble(self) -> str:
        """PortAudio stops a stream whose device is gone, or whose callback failed."""
        return "" if self._stream.active else "the sound device has stopped"


def find(library: Any = None) -> Any:
    """`sounddevice`, or what is given in its place. Raises `MissingExtra`, and `ConfigurationError` where it or a
    device is missing.
    """
    library = library or _sounddevice()
    with _told(library):
        for kind in ("input", "output"):
            library.query_devices(kind=kind)
    return library


@contextmanager
def sound_card(source: int, library: Any = None) -> Generator[tuple[SoundCard, SoundPath], None, None]:
    """It runs while entered, at `source` samples per second if it can, else at its own rate. Raises as `find` does."""
    library = find(library)
    with _told(library):
        rate = _rate(library, source)
        path = SoundPath(rate, source)
        block = round(rate * BLOCK_SECONDS)
        stream = library.RawStream(
            samplerate=rate, blocksize=block, channels=1, dtype="int16", latency="low", callback=_callback(path, block)
        )
        stream.start()
    try:
        yield SoundCard(stream), path
    finally:
        stream.close()


@contextmanager
def _told(library: Any) -> Generator[None, None, None]:
    try:
        yield
    except (library.PortAudioError, ValueError) as error:  # a ValueError: no device of that kind
        told = " ".join(str(part) for part in error.args[:1])
        raise ConfigurationError(f"no microphone and speaker that can be used: {told}; {INSTEAD}") from error


def _callback(path: SoundPath, block: int) -> Callable[[Any, Any, int, Any, Any], None]:
    """After an overflow the device says that something was lost, and not how much: about a block."""

    def callback(recorded: Any, played: Any, count: int, _time: Any, status: Any) -> None:
        played[:] = path.exchange(bytes(recorded), count, block if status.input_overflow else 0)

    return callback


def _rate(library: Any, source: int) -> int:
    """Devices that cannot do a rate say so; what they do by default they can."""
    try:
        library.check_input_settings(channels=1, dtype="int16", samplerate=source)
        library.check_output_settings(channels=1, dtype="int16", samplerate=source)
    except library.PortAudioError:
        return round(library.query_devices(kind="input")["default_samplerate"])
    return source


def _sounddevice() -> Any:
    try:
        return import_module("sounddevice")
    except ImportError as error:
        raise MissingExtra("talking through a microphone and a speaker", "audio") from error
    except OSError as error:
        raise ConfigurationError(
            f"sounddevice is installed, and what it stands on is not ({error}): apt install libportaudio2, or {INSTEAD}"
        ) from error
