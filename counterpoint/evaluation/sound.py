"""WAV files as a microphone would send them: PCM16, one channel, at the rate that a model hears. And small ones, to
listen to what came of it.
"""

import wave
from array import array
from pathlib import Path

from counterpoint.errors import ConfigurationError
from counterpoint.interaction.resampler import Resampler


def read_wav(path: Path, rate: int) -> bytes:
    """8, 16, 24 or 32 bits, any rate, any number of channels (their mean). Raises `ConfigurationError`."""
    try:
        with wave.open(str(path)) as file:
            width, channels, source = file.getsampwidth(), file.getnchannels(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise ConfigurationError(f"{path} is no WAV file that can be read: {error}") from error
    samples = _mixed(_sixteen_bits(frames, width), channels)
    return samples if source == rate else Resampler(source, rate)(samples)


SMALL_RATE = 8_000


def write_pair(path: Path, left: bytes, right: bytes, rate: int) -> None:
    """The person on the left, the model on the right, both PCM16; a small file: 8 kHz, eight bits."""
    sides = [Resampler(rate, SMALL_RATE)(each) if rate != SMALL_RATE else each for each in (left, right)]
    length = max(map(len, sides))
    levels = [array("h", each.ljust(length, b"\0")) for each in sides]
    both = bytes((value >> 8) + 128 for pair in zip(*levels, strict=True) for value in pair)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(1)
        file.setframerate(SMALL_RATE)
        file.writeframes(both)


def _sixteen_bits(frames: bytes, width: int) -> "array[int]":
    if width == 1:  # unsigned
        return array("h", ((value - 128) << 8 for value in frames))
    whole = frames[: len(frames) // width * width]
    high = bytearray(len(whole) // width * 2)
    high[::2], high[1::2] = whole[width - 2 :: width], whole[width - 1 :: width]
    samples = array("h")
    samples.frombytes(bytes(high))
    return samples


def _mixed(samples: "array[int]", channels: int) -> bytes:
    if channels == 1:
        return samples.tobytes()
    count = len(samples) // channels
    return array("h", (sum(samples[n * channels : (n + 1) * channels]) // channels for n in range(count))).tobytes()
