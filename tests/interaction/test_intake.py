"""What is pushed is cut into beats; text is never lost; what a model doesn't perceive harms nothing."""

import pytest

from counterpoint.config import TEXT_BACKLOG
from counterpoint.errors import ChunkRefused, ConfigurationError, InputFull
from counterpoint.interaction.intake import Cut, Intake
from counterpoint.interaction.model import Capabilities, Modality
from counterpoint.shared_context.chunks import AudioChunk, TextChunk, VideoChunk
from counterpoint.shared_context.entries import MediaFault
from counterpoint.shared_context.ids import Beat

SENSES = frozenset(Modality)
SOUND = AudioChunk(b"\1\0" * 320, 0, 5.0)
FRAME = VideoChunk(b"rgb" * 4, 2, 2, 0, 5.0)


def intake_of(*modalities: Modality, **options) -> Intake:
    return Intake(Capabilities("model", perceives=frozenset(modalities), **options))


def said(texts) -> list[str]:
    return [chunk.text for chunk in texts]


def test_text_is_perceived_in_the_beat_in_which_it_arrived():
    intake = intake_of(Modality.TEXT)
    intake.push(TextChunk("early"), 0.05)
    intake.push(TextChunk("late"), 0.25)
    assert said(intake.cut(Beat(0), 1, 0.2).texts) == ["early"]
    assert said(intake.cut(Beat(1), 1, 0.4).texts) == ["late"]
    assert not intake.cut(Beat(2), 1, 0.6)


def test_a_late_step_gets_the_text_of_all_its_beats_in_order():
    intake = intake_of(Modality.TEXT)
    for index in range(10):
        intake.push(TextChunk(str(index)), index * 0.1)
    assert said(intake.cut(Beat(0), 5, 1.0).texts) == [str(index) for index in range(10)]


def test_typed_input_can_be_taken_before_the_beat_ends_and_is_not_taken_again():
    intake = intake_of(Modality.TEXT)
    assert not intake.waiting
    intake.push(TextChunk("now"), 0.05)
    assert intake.waiting
    assert said(intake.early(0.06)) == ["now"]
    assert not intake.waiting
    assert not intake.cut(Beat(0), 1, 0.2)


def test_a_full_backlog_of_text_raises_and_drops_nothing():
    intake = intake_of(Modality.TEXT)
    for index in range(TEXT_BACKLOG):
        intake.push(TextChunk(str(index)), 0.1)
    with pytest.raises(InputFull, match=f"{TEXT_BACKLOG} text chunks"):
        intake.push(TextChunk("one more"), 0.1)
    assert len(intake.cut(Beat(0), 1, 0.2).texts) == TEXT_BACKLOG
    intake.push(TextChunk("again"), 0.3)
    assert said(intake.cut(Beat(1), 1, 0.4).texts) == ["again"]


def test_a_backlog_of_long_texts_is_bounded_in_characters_too():
    intake = intake_of(Modality.TEXT)
    for _ in range(10):
        intake.push(TextChunk("x" * 100_000), 0.1)
    with pytest.raises(InputFull, match="1000000 characters"):
        intake.push(TextChunk("y"), 0.1)
    assert len(intake.cut(Beat(0), 1, 0.2).texts) == 10
    intake.push(TextChunk("x" * 100_000), 0.3)
    assert len(intake.cut(Beat(1), 1, 0.4).texts) == 1


@pytest.mark.parametrize(
    ("perceives", "chunk", "ignored"),
    [
        (Modality.TEXT, SOUND, Modality.AUDIO),
        (Modality.TEXT, FRAME, Modality.VIDEO),
        (Modality.AUDIO, TextChunk("hello"), Modality.TEXT),
    ],
)
def test_what_the_model_does_not_perceive_is_noted_and_not_kept(perceives, chunk, ignored):
    intake = intake_of(perceives)
    for _ in range(3):
        intake.push(chunk, 0.1)
    cut = intake.cut(Beat(0), 1, 0.2)
    assert cut == Cut(Beat(0), faults=(MediaFault(ignored.value, reason="model does not perceive it"),))
    intake.push(chunk, 0.3)
    assert not intake.cut(Beat(1), 1, 0.4)
    assert not intake.live_media
    assert not intake.waiting
    assert intake.early(0.2) == ()


def test_what_the_model_does_not_perceive_is_checked_all_the_same():
    with pytest.raises(ChunkRefused):
        intake_of(Modality.TEXT).push(AudioChunk(b"odd", 0, 0.0), 0.1)


def test_media_are_live_from_the_first_chunk_until_two_seconds_after_the_last():
    intake = intake_of(*SENSES)
    assert not intake.live_media
    intake.push(SOUND, 0.1)
    assert intake.live_media
    for beat in range(10):
        assert len(intake.cut(Beat(beat), 1, (beat + 1) * 0.2).audio) == 6400
    assert intake.live_media
    cut = intake.cut(Beat(10), 1, 2.2)
    assert not intake.live_media
    assert not cut


def test_video_keeps_media_live_too():
    intake = intake_of(Modality.VIDEO)
    intake.push(FRAME, 0.1)
    assert intake.live_media
    assert intake.cut(Beat(0), 1, 0.2).frames == (FRAME,)
    assert intake.live_media
    assert not intake.cut(Beat(1), 10, 2.2)
    assert not intake.live_media


@pytest.mark.parametrize("chunk", ["a string", b"bytes", None, 3])
def test_what_is_no_chunk_is_refused(chunk):
    with pytest.raises(ChunkRefused, match=type(chunk).__name__):
        intake_of(*SENSES).push(chunk, 0.1)


@pytest.mark.parametrize("rate", [0, -1, 16_001, 1_000, 1_000_000])
def test_a_model_whose_rate_does_not_fit_into_beats_is_a_configuration_error(rate):
    with pytest.raises(ConfigurationError, match="multiple of 5"):
        intake_of(Modality.AUDIO, audio_rate=rate)


@pytest.mark.parametrize("rate", [0.0, -5.0, 1e9, float("nan"), float("inf")])
def test_a_model_that_wants_an_impossible_frame_rate_is_a_configuration_error(rate):
    with pytest.raises(ConfigurationError, match="frames per second"):
        intake_of(Modality.VIDEO, frame_rate=rate)


def test_faults_of_both_media_come_in_one_cut_one_for_each_modality():
    intake = intake_of(*SENSES)
    for seq in range(50):
        intake.push(AudioChunk(SOUND.samples, seq, 5 + seq * 0.02), 0.02 * seq)
        intake.push(VideoChunk(FRAME.pixels, 2, 2, seq, 5 + seq * 0.02), 0.02 * seq)
    intake.push(AudioChunk(SOUND.samples, 50, 500.0), 1.0)
    intake.push(VideoChunk(FRAME.pixels, 2, 2, 0, 500.0), 1.0)
    faults = intake.cut(Beat(0), 5, 1.0).faults
    assert [(fault.modality, fault.reason) for fault in faults] == [("audio", "clock"), ("video", "clock")]
    assert intake.cut(Beat(5), 1, 1.2).faults == ()
