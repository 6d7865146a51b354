"""What a server's transcription says, as words with times: its own where it tells them, else estimated. Pure."""

from collections.abc import Iterator, Sequence

from counterpoint.engines.http.transcript import Segment, Transcript, TranscriptWord
from counterpoint.interaction.speech.clause_sound import estimated
from counterpoint.interaction.speech.doubt import LEAST_LIKELY, NOT_SPEECH, too_many
from counterpoint.interaction.speech.ears import HeardWord

Timed = tuple[str, float, float]
"""A word, and the seconds in which it was said."""


def words_in(transcript: Transcript, seconds: float, since: float) -> list[HeardWord]:
    """Of a stretch of so many seconds that began at `since`. Nothing, where what was heard is doubtful."""
    segments = [each for each in transcript.segments if each.text.strip()]
    if segments and all(_doubtful(each) for each in segments):
        return []
    written = transcript.text.split()
    if too_many(written, seconds):
        return []
    timed = list(_timed(written, transcript.words) or _by_segments(segments, written) or _spread(written, 0.0, seconds))
    return [
        HeardWord(word, since + _within(start, seconds), since + _within(end, seconds)) for word, start, end in timed
    ]


def _timed(written: Sequence[str], words: Sequence[TranscriptWord]) -> list[Timed]:
    """The words as they are written, since servers tell times of bare ones; if these are others, as they are told."""
    told = [word for word in words if word.word.strip()]
    if len(told) == len(written):
        return [(text, word.start, word.end) for text, word in zip(written, told, strict=True)]
    return [(word.word.strip(), word.start, word.end) for word in told]


def _by_segments(segments: Sequence[Segment], written: Sequence[str]) -> list[Timed]:
    spread = [each for segment in segments for each in _spread(segment.text.split(), segment.start, segment.end)]
    return spread if [word for word, _, _ in spread] == list(written) else []


def _spread(words: Sequence[str], start: float, end: float) -> Iterator[Timed]:
    """Each word lasts as its letters do."""
    begin = start
    for word, until in zip(words, estimated(list(words), max(0.0, end - start)), strict=True):
        yield word, begin, start + until
        begin = start + until


def _within(at: float, seconds: float) -> float:
    return min(max(at, 0.0), seconds)


def _doubtful(segment: Segment) -> bool:
    unheard = segment.no_speech_prob is not None and segment.no_speech_prob > NOT_SPEECH
    return unheard or (segment.avg_logprob is not None and segment.avg_logprob < LEAST_LIKELY)
