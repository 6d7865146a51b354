"""Audio in order, late, twice, missing, from a clock that jumps: the model hears whole beats, and faults say so."""

from itertools import pairwise

import pytest

from counterpoint.config import AUDIO_BACKLOG_SECONDS
from counterpoint.interaction.audio_intake import AudioIntake, stretched
from counterpoint.interaction.resampler import Resampler
from counterpoint.shared_context.chunks import AudioChunk

RATE = 16_000
PIECE = 0.02
SIZE = 320
TRIP = 0.01


def piece(seq: int, media_time: float | None = None, rate: int = RATE) -> AudioChunk:
    """20 ms of a constant value that tells which piece it is."""
    sound = (seq + 1).to_bytes(2, "little") * (rate // 50)
    return AudioChunk(sound, seq, 100.0 + seq * PIECE if media_time is None else media_time, rate)


def arrival(seq: int) -> float:
    """When a piece arrives that wasn't held up."""
    return (seq + 1) * PIECE + TRIP


class Talk:
    """Pushes pieces and cuts beats in the order of time, and keeps what the model hears."""

    def __init__(self, rate: int = RATE) -> None:
        self.intake = AudioIntake(rate)
        self.rate = rate
        self.heard: list[int] = []
        self.faults = []
        self.beat = 0

    def until(self, beats: int, arrivals: list[tuple[float, AudioChunk]]) -> "Talk":
        arrivals.sort(key=lambda each: each[0])
        while self.beat < beats:
            end = (self.beat + 1) * 0.2
            while arrivals and arrivals[0][0] <= end:
                now, chunk = arrivals.pop(0)
                self.intake.push(chunk, now)
            self.cut(1)
        return self

    def cut(self, beats: int) -> bytes:
        self.beat += beats
        audio = self.intake.cut(beats, self.beat * 0.2)
        assert len(audio) in (0, 2 * beats * self.rate // 5)
        self.heard += memoryview(audio).cast("H").tolist()
        if fault := self.intake.faults.take():
            self.faults.append(fault)
        return audio

    def pieces(self) -> list[int]:
        """The pieces that were heard, in order, each once for every unbroken stretch of it."""
        runs = [value - 1 for value, before in zip(self.heard, [0, *self.heard], strict=False) if value != before]
        return [seq for seq in runs if seq >= 0]

    @property
    def concealed(self) -> float:
        return sum(fault.concealed for fault in self.faults)

    @property
    def discarded(self) -> float:
        return sum(fault.discarded for fault in self.faults)


def on_time(first: int, after: int) -> list[tuple[float, AudioChunk]]:
    return [(arrival(seq), piece(seq)) for seq in range(first, after)]


def test_pieces_on_time_are_heard_whole_and_in_order():
    talk = Talk().until(10, on_time(0, 100))
    assert talk.pieces() == list(range(96))
    assert talk.faults == []
    assert all(talk.heard.count(seq + 1) == SIZE for seq in range(95))


def test_without_audio_there_are_no_samples_and_with_it_exactly_the_span():
    intake = AudioIntake(RATE)
    assert intake.cut(1, 0.2) == b""
    intake.push(piece(0), 0.3)
    assert len(intake.cut(1, 0.4)) == 6400
    assert len(intake.cut(7, 1.8)) == 7 * 6400


def test_sound_is_delayed_by_the_jitter_buffer_and_no_more():
    talk = Talk().until(10, on_time(0, 100))
    assert talk.heard.count(95 + 1) == SIZE // 2  # its first half is 60 ms older than what has just arrived


def test_pieces_that_overtook_each_other_are_put_in_order():
    arrivals = on_time(0, 100)
    for seq in range(10, 90, 4):
        arrivals[seq] = (arrival(seq) + 0.05, piece(seq))
    talk = Talk().until(10, arrivals)
    assert talk.pieces() == list(range(96))
    assert talk.faults == []


def test_a_piece_that_comes_twice_is_heard_once():
    talk = Talk().until(10, [*on_time(0, 100), *on_time(0, 100), *on_time(20, 60)])
    assert talk.pieces() == list(range(96))
    assert talk.faults == []


def test_a_missing_piece_is_silence_of_its_length_and_counted():
    arrivals = [each for each in on_time(0, 100) if each[1].seq not in (30, 31, 55)]
    talk = Talk().until(10, arrivals)
    assert talk.pieces() == [seq for seq in range(96) if seq not in (30, 31, 55)]
    assert talk.concealed == pytest.approx(0.06)
    assert talk.discarded == 0
    assert {fault.reason for fault in talk.faults} == {"lost"}
    start = talk.heard.index(30) + SIZE
    assert talk.heard[start : start + 2 * SIZE] == [0] * 2 * SIZE


def test_a_piece_that_comes_after_its_time_is_discarded_and_counted():
    arrivals = on_time(0, 100)
    arrivals[30] = (arrival(30) + 0.9, piece(30))
    talk = Talk().until(10, arrivals)
    assert 30 not in talk.pieces()
    assert talk.concealed == pytest.approx(0.02)
    assert talk.discarded == pytest.approx(0.02)


def test_a_piece_that_was_overtaken_by_the_very_first_one_is_counted():
    talk = Talk().until(10, [(arrival(0) + 0.05, piece(0)), *on_time(1, 100)])
    assert talk.pieces() == list(range(1, 96))
    assert talk.discarded == pytest.approx(0.02)


def test_a_network_that_gets_slower_deepens_the_buffer_once_and_nothing_is_lost():
    """The pieces from 50 on take 150 ms longer; a single pause is heard, and then everything again."""
    arrivals = on_time(0, 50) + [(arrival(seq) + 0.15, piece(seq)) for seq in range(50, 200)]
    talk = Talk().until(20, arrivals)
    assert talk.pieces() == list(range(talk.pieces()[-1] + 1))
    assert talk.pieces()[-1] >= 185
    assert len(talk.faults) == 1
    assert talk.faults[0].reason == "late"
    assert 0.08 < talk.concealed < 0.12
    assert talk.discarded == 0


def test_a_deep_buffer_gets_shallow_again_when_the_network_recovers():
    arrivals = on_time(0, 7500)
    arrivals[50:200] = [(arrival(seq) + 0.3, piece(seq)) for seq in range(50, 200)]
    talk = Talk().until(20, arrivals)
    deep = arrival(talk.pieces()[-1])
    talk.until(740, arrivals)
    shallow = arrival(talk.pieces()[-1])
    assert 4.0 - deep > 0.25
    assert 148.0 - shallow < 0.1
    assert talk.pieces() == list(range(talk.pieces()[-1] + 1))


def test_a_stalled_connection_that_catches_up_loses_only_what_is_too_late():
    """One second of pieces arrives at once: the newest 400 ms are kept, and the delay stays bounded."""
    arrivals = on_time(0, 300)
    arrivals[100:150] = [(arrival(150), piece(seq)) for seq in range(100, 150)]
    talk = Talk().until(30, arrivals)
    heard = talk.pieces()
    assert heard == sorted(set(heard))
    assert 0.5 < talk.discarded < 0.7
    assert 6.0 - arrival(heard[-1]) < 0.45
    assert set(range(150, 270)) <= set(heard)


def test_a_microphone_that_was_off_for_a_moment_goes_on_at_once():
    """The sender counts samples, so that its clock stands still with the microphone: nothing is lost afterwards."""
    arrivals = on_time(0, 50) + [(arrival(seq) + 1.3, piece(seq)) for seq in range(50, 150)]
    talk = Talk().until(20, arrivals)
    assert talk.pieces() == list(range(talk.pieces()[-1] + 1))
    assert 4.0 - (arrival(talk.pieces()[-1]) + 1.3) < 0.1
    assert talk.discarded == 0


def test_a_sender_that_pauses_by_its_own_clock_is_no_fault():
    arrivals = on_time(0, 50)
    arrivals += [(arrival(seq) + 1.0, piece(seq, 101.0 + seq * PIECE)) for seq in range(50, 150)]
    talk = Talk().until(20, arrivals)
    assert talk.pieces() == list(range(talk.pieces()[-1] + 1))
    assert talk.faults == []


def test_after_a_long_silence_the_senders_clock_is_taken_anew():
    arrivals = on_time(0, 50) + [(arrival(seq) + 60, piece(seq)) for seq in range(50, 150)]
    talk = Talk().until(200, arrivals)
    assert not talk.intake.live
    talk.until(320, arrivals)
    assert talk.pieces() == list(range(150))
    assert talk.faults == []


@pytest.mark.parametrize("jump", [3.0, -3.0, 1e6, -1e6])
@pytest.mark.parametrize("first", [50, 0])
def test_a_jump_of_the_senders_clock_is_recorded_and_the_sound_goes_on(jump, first):
    """Whether the sender goes on counting its pieces (`first` 50) or begins anew."""
    arrivals = on_time(0, 50)
    arrivals += [
        (arrival(50 + index), AudioChunk(piece(50 + index).samples, first + index, 101.0 + jump + index * PIECE))
        for index in range(50)
    ]
    talk = Talk().until(10, arrivals)
    assert talk.pieces() == list(range(96))
    assert [fault.reason for fault in talk.faults] == ["clock"]


def test_a_sender_that_starts_again_at_once_is_heard_again_within_half_a_second():
    arrivals = on_time(0, 50) + [(arrival(50 + seq), piece(seq)) for seq in range(100)]
    talk = Talk().until(10, arrivals)
    assert talk.heard[-1] > 40
    assert talk.faults[0].reason == "clock"
    assert talk.discarded == pytest.approx(0.48)


def test_pieces_that_are_sent_again_after_a_reconnect_are_not_taken_for_a_restart():
    arrivals = [*on_time(0, 100), *[(arrival(60) + 0.001, piece(seq)) for seq in range(40, 60)]]
    talk = Talk().until(10, arrivals)
    assert talk.pieces() == list(range(96))
    assert talk.faults == []


def test_a_late_step_gets_the_audio_of_all_its_beats():
    talk = Talk()
    for now, chunk in on_time(0, 150):
        talk.intake.push(chunk, now)
    talk.cut(10)
    talk.cut(1)
    assert talk.pieces() == list(range(106))
    assert talk.faults == []


def test_a_stream_that_stalls_keeps_ten_seconds_and_the_rest_becomes_one_fault():
    talk = Talk()
    for now, chunk in on_time(0, 1000):
        talk.intake.push(chunk, now)
    assert len(talk.cut(100)) == 100 * 6400
    assert talk.pieces()[-1] == 995
    kept = sum(value > 0 for value in talk.heard) / RATE
    assert AUDIO_BACKLOG_SECONDS - 1.1 < kept <= AUDIO_BACKLOG_SECONDS
    assert [fault.reason for fault in talk.faults] == ["backlog"]
    assert kept + talk.discarded == pytest.approx(19.93, abs=0.05)


def test_a_stalled_stream_holds_bounded_memory_whatever_the_pauses():
    talk = Talk()
    for seq in range(50):
        talk.intake.push(piece(seq, 100 + seq * 1.9), seq * 1.9)
    for seq in range(50, 60):
        talk.intake.push(piece(seq), 100.0 * seq)
    assert talk.intake._buffer.waiting <= AUDIO_BACKLOG_SECONDS * RATE + SIZE


def test_beats_that_are_skipped_leave_a_recorded_fault():
    """A host that stood still skips beats: their audio is discarded, and what follows is heard in its place."""
    talk = Talk().until(5, on_time(0, 50))
    for now, chunk in on_time(50, 150):
        talk.intake.push(chunk, now)
    talk.beat = 12
    talk.cut(1)
    assert talk.pieces() == [*range(46), *range(115, 126)]
    assert [fault.reason for fault in talk.faults] == ["gap"]
    assert talk.discarded == pytest.approx(1.4)


def test_a_beat_before_the_first_sound_is_silence():
    intake = AudioIntake(RATE)
    intake.push(piece(0), 1.0)
    assert intake.cut(1, 0.6) == bytes(6400)
    assert intake.cut(2, 1.0) == bytes(2 * 6400)
    assert intake.cut(1, 1.2).count(1) == SIZE


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 48_000])
def test_audio_at_another_rate_is_resampled_without_a_fault(rate):
    arrivals = [(arrival(seq), piece(seq, rate=rate)) for seq in range(200)]
    talk = Talk().until(20, arrivals)
    assert talk.faults == []
    stretches = [talk.heard.count(seq + 1) for seq in range(10, 180)]
    assert SIZE - 2 <= sum(stretches) / len(stretches) <= SIZE + 2


def test_pieces_at_another_rate_fill_the_holes_that_they_left():
    arrivals = [(arrival(seq) + (0.05 if seq % 5 == 4 else 0), piece(seq, rate=48_000)) for seq in range(200)]
    talk = Talk().until(50, arrivals)
    assert talk.faults == []
    assert all(talk.heard.count(seq + 1) > SIZE - 5 for seq in range(180))


def test_a_model_that_hears_another_rate_gets_whole_beats_of_it():
    arrivals = [(arrival(seq), piece(seq)) for seq in range(100)]
    talk = Talk(rate=24_000).until(10, arrivals)
    assert len(talk.heard) == 10 * 4800
    assert talk.faults == []


def test_long_pieces_are_heard_whole_too():
    """Half-second pieces are complete only when their end is recorded; the buffer takes that into account."""
    sound = [(seq + 1).to_bytes(2, "little") * 8000 for seq in range(20)]
    arrivals = [((seq + 1) * 0.5 + TRIP, AudioChunk(sound[seq], seq, seq * 0.5)) for seq in range(20)]
    talk = Talk().until(45, arrivals)
    assert talk.pieces() == list(range(len(talk.pieces())))
    assert len(talk.pieces()) >= 16
    assert talk.faults == []


def test_stamps_that_jitter_do_not_tear_the_sound():
    """Stamps from a wall clock in a callback are 15 ms off now and then; the samples follow each other all the same."""
    arrivals = [
        (arrival(seq), piece(seq, 100 + seq * PIECE + (0.015 if seq % 3 == 0 else -0.01))) for seq in range(1000)
    ]
    talk = Talk().until(100, arrivals)
    assert talk.pieces() == list(range(talk.pieces()[-1] + 1))
    assert talk.faults == []


@pytest.mark.parametrize("by", [-50, -3, -1, 1, 2, 50])
@pytest.mark.parametrize("size", [1, 2, 320, 1000, 32_000])
def test_stretching_moves_single_samples_only(by, size):
    ramp = b"".join(value.to_bytes(2, "little") for value in range(size))
    values = memoryview(stretched(ramp, by)).cast("H").tolist()
    assert abs(len(values) - size) == min(abs(by), max(size // 320, 1), size - 1)
    steps = [right - left for left, right in pairwise(values)]
    assert set(steps) <= ({0, 1} if by > 0 else {1, 2})


@pytest.mark.parametrize(("source", "target"), [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (16_000, 24_000)])
def test_resampling_keeps_length_and_shape_over_any_cutting(source, target):
    ramp = [index * 30_000 // source for index in range(source)]
    sound = b"".join(value.to_bytes(2, "little") for value in ramp)
    whole, pieces = Resampler(source, target), Resampler(source, target)
    at_once = whole(sound)
    in_parts = b"".join(pieces(sound[2 * index : 2 * (index + 441)]) for index in range(0, source, 441))
    assert in_parts == at_once
    values = memoryview(at_once).cast("h").tolist()
    assert abs(len(values) - target) <= 2
    assert all(abs(value - index * 30_000 // target) <= 4 for index, value in enumerate(values))


def test_resampling_downwards_silences_what_the_target_rate_cannot_hold():
    """The highest tone at 48 kHz would fold to a loud tone if samples were merely picked."""
    tone = (20_000).to_bytes(2, "little", signed=True) + (-20_000).to_bytes(2, "little", signed=True)
    values = memoryview(Resampler(48_000, 16_000)(tone * 480)).cast("h").tolist()
    assert max(abs(value) for value in values) <= 20_000 // 3 + 1
