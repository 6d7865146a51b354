"""Audio that waits, by its place: holes are filled where they are, and nothing grows without bound."""

import pytest

from counterpoint.config import AUDIO_BACKLOG_SECONDS
from counterpoint.interaction.audio_buffer import AudioBuffer
from counterpoint.interaction.media_faults import FaultTally

RATE = 16_000
SIZE = 320
LEFT, RIGHT = b"\1\0" * SIZE, b"\3\0" * SIZE
LATE = b"".join(value.to_bytes(2, "little") for value in range(1000, 1000 + SIZE))


def with_hole() -> tuple[AudioBuffer, FaultTally]:
    """20 ms of sound, a hole of 20 ms from media time 7 on, 20 ms of sound."""
    faults = FaultTally("audio")
    buffer = AudioBuffer(RATE, faults)
    buffer.begin(1000)
    buffer.append(LEFT)
    buffer.open_hole(SIZE, 7.0)
    buffer.append(RIGHT)
    return buffer, faults


def test_a_piece_fills_the_hole_that_it_left():
    buffer, faults = with_hole()
    assert buffer.fill(LATE, 7.0) == SIZE
    assert buffer.fill(LATE, 7.0) == 0
    assert buffer.cut(1000, 1000 + 3 * SIZE) == LEFT + LATE + RIGHT
    assert faults.take() is None


@pytest.mark.parametrize("off", [-0.0019, 0.0019])
def test_a_stamp_that_is_a_little_off_still_meets_its_hole(off):
    buffer, faults = with_hole()
    assert buffer.fill(LATE, 7.0 + off) == SIZE
    assert buffer.cut(1000, 1000 + 3 * SIZE) == LEFT + LATE + RIGHT
    assert faults.take() is None


@pytest.mark.parametrize(("at", "heard"), [(7.01, LATE[:SIZE]), (6.99, LATE[SIZE:]), (6.9, b""), (7.1, b"")])
def test_a_piece_fills_only_what_it_overlaps(at, heard):
    buffer, faults = with_hole()
    assert buffer.fill(LATE, at) == len(heard) // 2
    middle = buffer.cut(1000, 1000 + 3 * SIZE)[2 * SIZE : 4 * SIZE]
    assert middle.replace(b"\0\0", b"") == heard
    fault = faults.take()
    assert fault is not None
    assert fault.concealed == pytest.approx((SIZE - len(heard) // 2) / RATE)


def test_what_is_left_of_a_hole_after_a_cut_can_still_be_filled():
    buffer, faults = with_hole()
    assert buffer.cut(1000, 1000 + SIZE + 160) == LEFT + bytes(SIZE)
    assert buffer.fill(LATE, 7.0) == 160
    assert buffer.cut(1160 + SIZE, 1000 + 3 * SIZE) == LATE[SIZE:] + RIGHT
    fault = faults.take()
    assert fault is not None
    assert fault.concealed == pytest.approx(0.01)


def test_a_hole_that_begins_in_what_was_cut_already_keeps_its_time():
    faults = FaultTally("audio")
    buffer = AudioBuffer(RATE, faults)
    buffer.begin(0)
    assert buffer.cut(0, 160) == bytes(320)
    buffer.open_hole(SIZE, 7.0)
    buffer.append(RIGHT)
    assert buffer.fill(LATE, 7.0) == 160
    assert buffer.cut(160, 160 + SIZE) == LATE[SIZE:] + RIGHT[:SIZE]
    fault = faults.take()
    assert fault is not None
    assert (fault.concealed, fault.reason) == (0.01, "lost")


@pytest.mark.parametrize(
    ("position", "count", "left"),
    [
        (1000, SIZE, LATE + RIGHT),
        (1000, 160, LEFT[SIZE:] + LATE + RIGHT),
        (1000, SIZE + 160, LATE[SIZE:] + RIGHT),
        (1000 + SIZE + 160, 160, LEFT + LATE[:SIZE] + RIGHT),
        (1000 + 2 * SIZE, 160, LEFT + LATE + RIGHT[SIZE:]),
        (1000 + SIZE, SIZE, LEFT + RIGHT),
    ],
)
def test_holes_stay_in_their_place_when_sound_before_or_in_them_is_dropped(position, count, left):
    buffer, faults = with_hole()
    buffer.drop(position, count)
    assert buffer.write == 1000 + 3 * SIZE - count
    buffer.fill(LATE, 7.0)
    assert buffer.cut(1000, buffer.write) == left
    assert faults.take() is None


def test_a_jump_far_ahead_takes_no_memory():
    buffer, faults = with_hole()
    buffer.skip_to(10**12)
    assert buffer.waiting == 0
    assert buffer.head == 10**12
    fault = faults.take()
    assert fault is not None
    assert (fault.discarded, fault.reason) == (0.06, "backlog")


def test_the_backlog_is_bounded_and_what_is_shed_is_counted():
    faults = FaultTally("audio")
    buffer = AudioBuffer(RATE, faults)
    second = LEFT * 50
    for _ in range(25):
        buffer.append(second)
        assert buffer.waiting <= AUDIO_BACKLOG_SECONDS * RATE
    fault = faults.take()
    assert fault is not None
    assert fault.discarded + buffer.waiting / RATE == 25
    assert buffer.write == 25 * RATE
