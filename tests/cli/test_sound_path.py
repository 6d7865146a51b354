"""Between a device and a session: what waits, what is left out, what sounds when, and what is told of it."""

from array import array

import pytest

from counterpoint.cli.loudspeaker import LEAD_SECONDS, Loudspeaker, Reported
from counterpoint.cli.microphone import WAITING_SECONDS, Microphone
from counterpoint.cli.sound_path import SoundPath
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.shared_context.expressed import Boundary, Floor
from counterpoint.shared_context.ids import Beat

RATE = 16_000
LEAD = round(LEAD_SECONDS * RATE)
BLOCK = 320


def turn(
    beat: int, value: int = 1, *, seconds: float = 0.2, flush: bool = False, boundary: Boundary = Boundary.WORD
) -> MicroTurn:
    audio = array("h", [value] * round(seconds * RATE)).tobytes()
    return MicroTurn(Beat(beat), text="word", audio=audio, flush=flush, boundary=boundary)


def values(sound: bytes) -> list[int]:
    return array("h", sound).tolist()


# the microphone


def test_pieces_carry_their_place_in_time_and_the_devices_rate() -> None:
    microphone = Microphone(44_100)
    microphone.take(bytes(2 * 441))
    microphone.take(bytes(2 * 882))
    one, other = microphone.pieces()
    assert (one.seq, one.media_time, one.rate) == (0, 0.0, 44_100)
    assert (other.seq, other.media_time) == (1, pytest.approx(0.01))
    assert microphone.pieces() == []


def test_sound_that_finds_no_room_is_left_out_and_time_goes_on() -> None:
    microphone = Microphone(RATE)
    for _ in range(round(WAITING_SECONDS / 0.02) + 10):
        microphone.take(bytes(2 * BLOCK))
    assert microphone.left_out == pytest.approx(0.2)
    assert len(microphone.pieces()) == round(WAITING_SECONDS / 0.02)
    microphone.take(bytes(2 * BLOCK))
    (after,) = microphone.pieces()
    assert after.media_time == pytest.approx(WAITING_SECONDS + 0.2)
    assert after.seq == round(WAITING_SECONDS / 0.02) + 10


def test_what_the_device_lost_is_a_hole_in_time_and_nothing_recorded_is_no_piece() -> None:
    microphone = Microphone(RATE)
    microphone.take(bytes(2 * BLOCK))
    microphone.take(bytes(2 * BLOCK), lost=BLOCK)
    microphone.take(b"")
    assert [piece.media_time for piece in microphone.pieces()] == [0.0, pytest.approx(0.04)]


# the loudspeaker


def test_sound_is_given_in_order_after_a_moment_and_silence_where_there_is_none() -> None:
    loudspeaker = Loudspeaker(RATE, RATE)
    assert loudspeaker.give(BLOCK) == bytes(2 * BLOCK)
    loudspeaker.hear(turn(0, 1))
    loudspeaker.hear(turn(1, 2))
    given = values(loudspeaker.give(LEAD + 6_400 + 100))
    assert given == [0] * LEAD + [1] * 3_200 + [2] * 3_200 + [0] * 100
    assert [reported.turn.beat for reported in loudspeaker.played()] == [0, 1]
    assert not loudspeaker.playing


def test_a_micro_turn_counts_as_played_when_its_last_sample_was_given() -> None:
    loudspeaker = Loudspeaker(RATE, RATE)
    loudspeaker.hear(turn(0))
    loudspeaker.give(LEAD + 3_199)
    assert loudspeaker.played() == []
    assert loudspeaker.playing
    loudspeaker.give(1)
    assert loudspeaker.played() == [Reported(turn(0))]
    assert loudspeaker.played() == []


def test_a_flush_stops_the_sound_and_tells_how_far_each_micro_turn_got() -> None:
    loudspeaker = Loudspeaker(RATE, RATE)
    loudspeaker.hear(turn(0))
    loudspeaker.hear(turn(1))
    loudspeaker.give(LEAD + 1_000)
    loudspeaker.hear(MicroTurn(Beat(2), flush=True))
    assert [(each.turn.beat, each.samples) for each in loudspeaker.played()] == [(0, 1_000), (1, 0)]
    assert loudspeaker.give(BLOCK) == bytes(2 * BLOCK)
    assert loudspeaker.gaps == 0


def test_what_comes_with_a_flush_sounds() -> None:
    loudspeaker = Loudspeaker(RATE, RATE)
    loudspeaker.hear(turn(0, 1))
    loudspeaker.hear(turn(1, 2, flush=True))
    assert set(values(loudspeaker.give(LEAD + 3_200))) == {0, 2}


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000, 96_000])
def test_at_any_rate_sound_lasts_as_long_and_a_flush_is_told_in_the_models_samples(rate: int) -> None:
    loudspeaker = Loudspeaker(rate, RATE)
    for beat in range(10):
        loudspeaker.hear(turn(beat, 9))
    loudspeaker.give(round(LEAD_SECONDS * rate))
    given = values(loudspeaker.give(rate))
    assert given.count(9) == rate
    assert len(loudspeaker.played()) == pytest.approx(5, abs=1)
    loudspeaker.give(round(0.1 * rate))
    loudspeaker.hear(MicroTurn(Beat(10), flush=True))
    cut = next(each for each in loudspeaker.played() if each.samples is not None)
    assert cut.samples == pytest.approx(1_600, abs=10)


def test_sound_that_runs_out_in_the_middle_of_speech_is_counted_and_goes_on() -> None:
    loudspeaker = Loudspeaker(RATE, RATE)
    loudspeaker.hear(turn(0, 1))
    loudspeaker.give(LEAD + 3_200 + 500)
    loudspeaker.hear(turn(1, 2, boundary=Boundary.END))
    assert loudspeaker.gaps == 1
    assert values(loudspeaker.give(LEAD + 3_200)) == [0] * LEAD + [2] * 3_200
    loudspeaker.hear(turn(9, 3))
    assert loudspeaker.gaps == 1


def test_words_without_sound_are_played_as_they_are_shown() -> None:
    loudspeaker = Loudspeaker(RATE, RATE)
    loudspeaker.hear(MicroTurn(Beat(0), text="Hello"))
    loudspeaker.hear(MicroTurn(Beat(1)))
    assert [reported.turn.beat for reported in loudspeaker.played()] == [0]


# between them


def test_whether_the_person_was_answered_is_known() -> None:
    path = SoundPath(RATE, RATE)
    assert path.answered
    path.hear(MicroTurn(Beat(0), understood="When does", floor=Floor.PERSON))
    path.hear(MicroTurn(Beat(1)))
    assert not path.answered
    path.hear(MicroTurn(Beat(2), text="Let me check.", understood=" it leave?", floor=Floor.AGENT))
    assert path.answered
    assert path.floor is Floor.AGENT
