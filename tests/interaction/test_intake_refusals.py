"""A malformed chunk gets one clear sentence, and nothing of it is taken."""

import math

import pytest

from counterpoint.config import MAX_TEXT_CHUNK
from counterpoint.errors import ChunkRefused
from counterpoint.interaction.intake import Intake
from counterpoint.interaction.model import Capabilities, Modality
from counterpoint.shared_context.chunks import AudioChunk, TextChunk, VideoChunk
from counterpoint.shared_context.ids import Beat

PCM = b"\1\0" * 320

REFUSED = [
    (TextChunk("x" * (MAX_TEXT_CHUNK + 1)), "100001 characters"),
    (TextChunk("ab\ud800"), "lone surrogate at character 2"),
    (TextChunk(b"bytes"), "text is of type bytes"),
    (TextChunk("text", done="yes"), "done is of type str"),
    (TextChunk("text", typed=None), "typed is of type NoneType"),
    (AudioChunk(PCM + b"\0", 0, 0.0), "641 bytes"),
    (AudioChunk(b"", 0, 0.0), "no samples"),
    (AudioChunk("sound", 0, 0.0), "samples is of type str"),
    (AudioChunk(bytearray(PCM), 0, 0.0), "samples is of type bytearray"),
    (AudioChunk(PCM, 0, 0.0, 0), "rate of 0"),
    (AudioChunk(PCM, 0, 0.0, -16_000), "rate of -16000"),
    (AudioChunk(PCM, 0, 0.0, 16_000.0), "rate is of type float"),
    (AudioChunk(PCM, 0, 0.0, 10_000_000), "rate of 10000000"),
    (AudioChunk(PCM, 0.5, 0.0), "seq is of type float"),
    (AudioChunk(PCM, None, 0.0), "seq is of type NoneType"),
    (AudioChunk(PCM, 0, math.nan), "media_time is nan"),
    (AudioChunk(PCM, 0, math.inf), "media_time is inf"),
    (AudioChunk(PCM, 0, -math.inf), "media_time is -inf"),
    (AudioChunk(PCM, 0, 1.7e12), "time in seconds"),
    (AudioChunk(PCM, 0, "soon"), "media_time is of type str"),
    (AudioChunk(b"\0\0" * 32_001, 0, 0.0), "2.00 s"),
    (VideoChunk(b"rgb", 0, 1, 0, 0.0), "0 x 1"),
    (VideoChunk(b"rgb", 1, -1, 0, 0.0), "1 x -1"),
    (VideoChunk(b"rgb", 2, 2, 0, 0.0), "12 bytes; this one holds 3"),
    (VideoChunk(b"", 4097, 1, 0, 0.0), "4097 x 1"),
    (VideoChunk("rgb", 1, 1, 0, 0.0), "pixels is of type str"),
    (VideoChunk(b"rgb", 1.0, 1, 0, 0.0), "width is of type float"),
    (VideoChunk(b"rgb", 1, "1", 0, 0.0), "height is of type str"),
    (VideoChunk(b"rgb", 1, 1, 0, math.nan), "media_time is nan"),
]


@pytest.mark.parametrize(("chunk", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_a_malformed_chunk_is_refused_with_a_sentence_and_leaves_no_trace(chunk, reason):
    intake = Intake(Capabilities("model", perceives=frozenset(Modality)))
    with pytest.raises(ChunkRefused, match=reason):
        intake.push(chunk, 0.1)
    assert not intake.live_media
    assert not intake.waiting
    assert not intake.cut(Beat(0), 1, 0.2)


def test_a_refused_chunk_does_not_disturb_the_stream_around_it():
    intake = Intake(Capabilities("model", perceives=frozenset(Modality)))
    for seq in range(10):
        intake.push(AudioChunk(PCM, seq, seq * 0.02), seq * 0.02)
        with pytest.raises(ChunkRefused):
            intake.push(AudioChunk(PCM, seq, math.nan), seq * 0.02)
    cut = intake.cut(Beat(0), 1, 0.2)
    assert cut.audio.count(1) == 3200 - 960  # all but the 60 ms of the jitter buffer
    assert cut.faults == ()


@pytest.mark.parametrize(
    "chunk",
    [
        TextChunk(""),
        TextChunk("x" * MAX_TEXT_CHUNK),
        TextChunk("größer \U0001f600"),
        AudioChunk(b"\0\0", 0, 0.0),
        AudioChunk(b"\0\0" * 32_000, -5, -3.0),
        AudioChunk(PCM, 0, 1_790_000_000.5),
        AudioChunk(PCM, 0, 7),
        VideoChunk(b"rgb", 1, 1, 0, 0.0),
    ],
)
def test_what_is_unusual_but_well_formed_is_taken(chunk):
    intake = Intake(Capabilities("model", perceives=frozenset(Modality)))
    intake.push(chunk, 0.1)
    assert intake.cut(Beat(0), 1, 0.2)
