"""What a server says was spoken: the answer of `/audio/transcriptions`, read from JSON in whatever detail. Pure."""

import msgspec

from counterpoint.engines.http.deltas import message_of
from counterpoint.errors import EngineError


class TranscriptWord(msgspec.Struct, frozen=True):
    """Seconds from the beginning of the sound."""

    word: str
    start: float
    end: float


class Segment(msgspec.Struct, frozen=True):
    """`no_speech_prob`, `avg_logprob`: Whisper's own doubt, where the server passes it on."""

    text: str = ""
    start: float = 0.0
    end: float = 0.0
    no_speech_prob: float | None = None
    avg_logprob: float | None = None
    words: list[TranscriptWord] | None = None


class Transcript(msgspec.Struct, frozen=True):
    """`words` and `segments` are empty where the server tells no times."""

    text: str
    words: tuple[TranscriptWord, ...] = ()
    segments: tuple[Segment, ...] = ()


class NoTranscript(EngineError):
    """An answer that tells no text."""


class _Body(msgspec.Struct):
    text: str | None = None
    words: list[TranscriptWord] | None = None
    segments: list[Segment] | None = None
    error: msgspec.Raw = msgspec.Raw()


class _Plain(msgspec.Struct):
    text: str


def transcript_of(body: bytes) -> Transcript:
    """Times that cannot be read are left out; a text has to be there. Raises `NoTranscript`."""
    try:
        found = msgspec.json.decode(body, type=_Body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return Transcript(_plain(body))
    if found.text is None:
        told = message_of(msgspec.json.decode(found.error)) if found.error else "it has no text"
        raise NoTranscript(f"sent a transcription that cannot be used: {told}")
    segments = found.segments or []
    words = found.words or [word for segment in segments for word in segment.words or ()]
    return Transcript(found.text, tuple(words), tuple(segments))


def _plain(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Plain).text
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NoTranscript(f"sent a transcription that cannot be read ({error})") from error
