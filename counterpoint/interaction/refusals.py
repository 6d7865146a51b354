"""What a chunk or a note must look like to be taken, and one sentence for each thing that is wrong. Knows no model.

A refused chunk leaves no trace. Chunks are plain structs and may hold anything at run time, so types are checked too.
"""

from typing import Final

from counterpoint.config import MAX_TEXT_CHUNK
from counterpoint.errors import ChunkRefused
from counterpoint.shared_context.admission import MAX_NAME
from counterpoint.shared_context.chunks import AudioChunk, TextChunk, VideoChunk
from counterpoint.shared_context.notes import Note

MAX_AUDIO_SECONDS: Final = 2.0
"""Audio comes in pieces of some 20 ms; a piece this long would delay everything by its length."""

LEAST_RATE: Final = 4_000
GREATEST_RATE: Final = 192_000
"""Samples per second between which audio is resampled to what the model hears."""

MAX_FRAME_SIDE: Final = 4_096
"""Pixels: wider or higher frames belong in a video codec."""

MAX_NOTE_TEXT: Final = 20_000
"""Characters of a note that the application lays: a quarter of an hour of speech."""

MAX_MEDIA_TIME: Final = 1e11
"""Seconds. Dates since 1970 fit; milliseconds since 1970 don't, and are refused as what they are."""


def check_text(chunk: TextChunk) -> None:
    """Raise `ChunkRefused` for text that is no text, too long, or not encodable (lone surrogates)."""
    text = chunk.text
    _expect(text, str, "text")
    _expect(chunk.done, bool, "done")
    _expect(chunk.typed, bool, "typed")
    if len(text) > MAX_TEXT_CHUNK:
        raise ChunkRefused(f"a text chunk holds {len(text)} characters; at most {MAX_TEXT_CHUNK} are taken at once")
    if not text.isascii():
        _expect_encodable(text)


def check_note(note: Note) -> None:
    """Raise `ChunkRefused` for a note whose text or names are too long, or not encodable."""
    _expect(note.text, str, "text")
    if len(note.text) > MAX_NOTE_TEXT:
        raise ChunkRefused(f"a note holds {len(note.text)} characters; at most {MAX_NOTE_TEXT} can be laid")
    if max(len(note.id), len(note.key)) > MAX_NAME:
        raise ChunkRefused(f"a note's id and key have at most {MAX_NAME} characters each")
    for text in (note.text, note.id, note.key):
        _expect_encodable(text)


def check_audio(chunk: AudioChunk) -> None:
    """Raise `ChunkRefused` for anything but up to two seconds of PCM16 mono at a supported rate."""
    samples, rate = chunk.samples, chunk.rate
    _expect(samples, bytes, "samples")
    _expect(rate, int, "rate")
    _expect_timing(chunk.seq, chunk.media_time)
    size = len(samples)
    if not LEAST_RATE <= rate <= GREATEST_RATE:
        raise ChunkRefused(f"an audio rate of {rate} samples per second is outside {LEAST_RATE} to {GREATEST_RATE}")
    if size & 1:
        raise ChunkRefused(f"an audio chunk holds {size} bytes; 16-bit samples need an even number")
    if not size:
        raise ChunkRefused("an audio chunk holds no samples")
    if size > 2 * MAX_AUDIO_SECONDS * rate:
        raise ChunkRefused(
            f"an audio chunk lasts {size / (2 * rate):.2f} s; at most {MAX_AUDIO_SECONDS:.0f} s are taken"
        )


def check_video(chunk: VideoChunk) -> None:
    """Raise `ChunkRefused` unless the pixels are `height * width * 3` bytes of a frame of reasonable size."""
    pixels, width, height = chunk.pixels, chunk.width, chunk.height
    _expect(pixels, bytes, "pixels")
    _expect(width, int, "width")
    _expect(height, int, "height")
    _expect_timing(chunk.seq, chunk.media_time)
    if not (1 <= width <= MAX_FRAME_SIDE and 1 <= height <= MAX_FRAME_SIDE):
        raise ChunkRefused(f"a frame of {width} x {height} is outside 1 x 1 to {MAX_FRAME_SIDE} x {MAX_FRAME_SIDE}")
    if len(pixels) != width * height * 3:
        raise ChunkRefused(
            f"a frame of {width} x {height} in RGB takes {width * height * 3} bytes; this one holds {len(pixels)}"
        )


def _expect(value: object, kind: type, what: str) -> None:
    if not isinstance(value, kind):
        raise ChunkRefused(f"a chunk's {what} is of type {type(value).__name__}; it has to be {kind.__name__}")


def _expect_timing(seq: object, media_time: object) -> None:
    if not isinstance(seq, int):
        raise ChunkRefused(f"a chunk's seq is of type {type(seq).__name__}; it has to be int")
    if not isinstance(media_time, float | int):
        raise ChunkRefused(f"a chunk's media_time is of type {type(media_time).__name__}; it has to be float")
    if not -MAX_MEDIA_TIME < media_time < MAX_MEDIA_TIME:
        raise ChunkRefused(f"a chunk's media_time is {media_time}; it has to be a time in seconds")


def _expect_encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ChunkRefused(f"a text holds a lone surrogate at character {error.start}") from None
