"""Frames: the newest of each interval of the model's frame rate, evenly spaced, bounded in memory."""

import pytest

from counterpoint.interaction.video_intake import BACKLOG_BYTES, VideoIntake
from counterpoint.shared_context.chunks import VideoChunk


def frame(seq: int, media_time: float | None = None, size: int = 1) -> VideoChunk:
    return VideoChunk(bytes(3 * size), size, 1, seq, seq / 30 if media_time is None else media_time)


def seen(rate: float, camera: float, seconds: float, cadence: int = 1, cut_late: float = 0.0) -> list[list[int]]:
    """What the model sees at each step of a camera that begins at 0.01 s."""
    intake = VideoIntake(rate)
    steps: list[list[int]] = []
    seq = 0
    for step in range(round(seconds / 0.2 / cadence)):
        end = (step + 1) * cadence * 0.2
        while (now := 0.01 + seq / camera) <= end + cut_late:
            intake.push(frame(seq), now)
            seq += 1
        steps.append([each.seq for each in intake.cut(end)])
    assert intake.faults.take() is None
    return steps


def test_at_five_frames_a_second_each_beat_shows_its_newest_frame():
    assert seen(5, 30, 1.0) == [[5], [11], [17], [23], [29]]


def test_at_ten_frames_a_second_each_beat_shows_two_evenly_spaced():
    assert seen(10, 30, 0.6) == [[2, 5], [8, 11], [14, 17]]


def test_a_step_of_several_beats_shows_a_frame_of_each():
    assert seen(5, 30, 2.0, cadence=5) == [[5, 11, 17, 23, 29], [35, 41, 47, 53, 59]]


def test_at_one_frame_a_second_the_first_comes_at_once_and_then_one_a_second():
    steps = seen(1, 30, 5.0)
    assert steps[0] == [5]
    assert [index for index, step in enumerate(steps) if step] == [0, 5, 10, 15, 20]


def test_a_camera_slower_than_the_model_is_shown_frame_by_frame():
    assert [step for step in seen(5, 2, 3.0) if step] == [[0], [1], [2], [3], [4], [5]]


def test_what_arrived_after_the_beat_belongs_to_the_next():
    assert seen(5, 30, 0.6, cut_late=0.1) == [[5], [11], [17]]


def test_a_frame_on_the_edge_belongs_to_the_beat_that_ends_there():
    intake = VideoIntake(10)
    seen: list[list[int]] = []
    for beat in range(1, 200):
        for seq in (2 * beat - 1, 2 * beat):
            intake.push(frame(seq, seq * 0.1), seq * 0.1)
        seen.append([each.seq for each in intake.cut(beat * 0.2)])
    assert seen == [[2 * beat - 1, 2 * beat] for beat in range(1, 200)]


def test_an_older_frame_never_follows_a_newer_one():
    intake = VideoIntake(5)
    for seq in (3, 1, 2, 3):
        intake.push(frame(seq), 0.05)
    assert [each.seq for each in intake.cut(0.2)] == [3]
    intake.push(frame(2), 0.3)
    assert intake.cut(0.4) == ()
    assert intake.faults.take() is None


def test_a_camera_that_starts_again_is_seen_again_and_recorded():
    intake = VideoIntake(5)
    intake.push(frame(500), 0.05)
    intake.push(frame(0), 0.1)
    assert [each.seq for each in intake.cut(0.2)] == [0]
    fault = intake.faults.take()
    assert fault is not None
    assert fault.reason == "clock"


def test_a_camera_that_was_off_for_a_while_may_count_anew_without_a_fault():
    intake = VideoIntake(5)
    intake.push(frame(500, 10.0), 0.05)
    assert intake.cut(0.2)
    intake.push(frame(0, 10.1), 5.0)
    assert [each.seq for each in intake.cut(5.0)] == [0]
    assert intake.faults.take() is None


def test_a_stalled_stream_keeps_five_seconds_of_frames_and_records_the_rest():
    intake = VideoIntake(5)
    for seq in range(300):
        intake.push(frame(seq), 0.01 + seq / 30)
    frames = intake.cut(10.0)
    assert len(frames) == 25
    assert frames[-1].seq == 299
    fault = intake.faults.take()
    assert fault is not None
    assert fault.reason == "backlog"
    assert fault.discarded == pytest.approx(5.0)


def test_large_frames_are_bounded_in_memory_too():
    intake = VideoIntake(100)
    for seq in range(30):
        intake.push(frame(seq, size=2_000_000), seq / 30)
    frames = intake.cut(1.0)
    assert sum(len(each.pixels) for each in frames) <= BACKLOG_BYTES
    assert frames[-1].seq == 29
    intake.push(frame(30, size=30_000_000), 1.1)
    assert len(intake.cut(1.2)) == 1


def test_video_is_live_for_two_seconds_after_a_frame():
    intake = VideoIntake(5)
    assert not intake.live
    intake.push(frame(0), 0.1)
    assert intake.cut(0.2)
    assert intake.live
    assert intake.cut(2.0) == ()
    assert intake.live
    assert intake.cut(2.2) == ()
    assert not intake.live
