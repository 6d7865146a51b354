"""The sender's clock against the session's: drift is followed, jitter is allowed for, and the delay stays bounded."""

import random
from itertools import pairwise

import pytest

from counterpoint.config import JITTER_SECONDS
from counterpoint.interaction.media_clock import MAX_JITTER_SECONDS, MediaClock

PIECE = 0.02


def delays(clock: MediaClock, seconds: float, jitter, ppm: float = 0.0, offset: float = 1e6) -> list[float]:
    """How long after its capture each piece is due, with the trip that `jitter` gives it, in order."""
    found: list[float] = []
    last = 0.0
    for index in range(int(seconds / PIECE)):
        captured = index * PIECE * (1 + ppm * 1e-6)
        now = last = max(last, captured + PIECE + jitter(index))
        place = clock.observe if index else clock.begin
        found.append(place(index * PIECE + offset, PIECE, now) - captured)
    return found


def test_a_steady_sender_is_heard_after_the_default_depth():
    found = delays(MediaClock(), 60, lambda _: 0.0)
    assert min(found) == pytest.approx(PIECE + JITTER_SECONDS, abs=1e-6)
    assert max(found) == pytest.approx(PIECE + JITTER_SECONDS, abs=1e-6)


@pytest.mark.parametrize("ppm", [-200, -100, 100, 200])
def test_a_drifting_clock_is_followed_for_an_hour(ppm):
    found = delays(MediaClock(), 3600, lambda _: 0.0, ppm)
    assert all(abs(delay - PIECE - JITTER_SECONDS) < 0.006 for delay in found)


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_with_jitter_the_depth_grows_to_what_is_needed_and_stays_bounded(ppm):
    dice = random.Random(7)
    found = delays(MediaClock(), 600, lambda _: dice.uniform(0, 0.15), ppm)
    settled = found[3000:]
    assert min(settled) > 0.12
    assert max(settled) < 0.2


def test_one_late_piece_deepens_the_buffer_at_once_and_it_shrinks_slowly():
    clock = MediaClock()
    found = delays(clock, 200, lambda index: 0.2 if index == 500 else 0.0)
    assert found[500] == pytest.approx(PIECE + 0.2 + 0.01)
    assert found[1000] == found[500]  # the last 10 s and the 10 s before count
    steps = [before - after for before, after in pairwise(found[501:])]
    assert min(steps) > -1e-6
    assert max(steps) < 0.0001
    assert found[-1] == pytest.approx(PIECE + JITTER_SECONDS, abs=1e-6)


def test_what_comes_later_than_the_bound_is_due_in_the_past_and_teaches_nothing():
    clock = MediaClock()
    delays(clock, 10, lambda _: 0.0)
    now = 10.5 + MAX_JITTER_SECONDS
    assert clock.observe(1e6 + 10.0, PIECE, now) < now
    assert clock.observe(1e6 + 10.02, PIECE, 10.04) == pytest.approx(10.02 + PIECE + JITTER_SECONDS, abs=1e-6)


def test_a_faster_path_is_found_at_once_and_a_slower_one_within_twenty_seconds():
    clock = MediaClock()
    fast = delays(clock, 60, lambda index: 0.3 if index < 500 else 0.0)
    assert fast[501] <= PIECE + MAX_JITTER_SECONDS
    assert (
        delays(MediaClock(), 300, lambda index: 0.3 if index > 500 else 0.0)[-1] < 0.3 + PIECE + JITTER_SECONDS + 0.01
    )


def test_a_long_piece_is_complete_only_when_its_end_is_recorded():
    clock = MediaClock()
    due = clock.begin(0.0, 1.0, 1.0)
    assert due == pytest.approx(1.0 + JITTER_SECONDS)


@pytest.mark.parametrize(
    ("by", "jumped"), [(0.0, False), (1.9, False), (-1.9, False), (2.1, True), (-2.1, True), (1e9, True)]
)
def test_only_a_clock_that_is_off_by_more_than_two_seconds_has_jumped(by, jumped):
    clock = MediaClock()
    clock.begin(50.0, PIECE, 1.0)
    assert clock.jumped(50.02 + by, PIECE, 1.02) is jumped


def test_a_new_beginning_may_wait_for_what_is_still_to_be_played_but_not_longer_than_the_bound():
    clock = MediaClock()
    assert clock.begin(0.0, PIECE, 5.0, earliest=5.2) == 5.2
    assert clock.begin(0.0, PIECE, 5.0, earliest=9.0) == pytest.approx(5.0 + MAX_JITTER_SECONDS)
    assert clock.begin(0.0, PIECE, 5.0, earliest=1.0) == pytest.approx(5.0 + JITTER_SECONDS)
