"""Audio over a bad network, simulated; and anything in any order: whole beats, bounded, accounted for."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoint.config import AUDIO_BACKLOG_SECONDS
from counterpoint.interaction.audio_intake import AudioIntake
from counterpoint.interaction.intake import Intake
from counterpoint.interaction.media_clock import MAX_JITTER_SECONDS
from counterpoint.interaction.model import Capabilities, Modality
from counterpoint.shared_context.chunks import AudioChunk, TextChunk, VideoChunk
from counterpoint.shared_context.entries import MediaFault
from counterpoint.shared_context.ids import Beat

RATE = 16_000
SIZE = 320
PIECE = 0.02
TRIP = 0.04


class Line:
    """A microphone, a network and a model's ears. `ppm`: how much slower the sender's clock is."""

    def __init__(self, seconds: int, *, jitter: float, loss: float, ppm: float, seed: int) -> None:
        dice = random.Random(seed)
        pieces = range(int(seconds / PIECE))
        sent = [seq for seq in pieces if dice.random() >= loss]
        self.lost = 1 - len(sent) / len(pieces)
        self.stretch = PIECE * (1 + ppm * 1e-6)
        self.arrivals = sorted(((seq + 1) * self.stretch + TRIP + dice.uniform(0, jitter), seq) for seq in sent)
        self.intake = AudioIntake(RATE)
        self.delays: list[float] = []
        self.held = 0
        self.concealed = self.discarded = 0.0
        self._next = 0
        self._beat = 0

    def listen(self, seconds: int) -> "Line":
        """Live through so many more seconds, and count from here."""
        self.concealed = self.discarded = 0.0
        self.delays.clear()
        for _ in range(seconds * 5):
            self._beat += 1
            end = self._beat * 0.2
            self._deliver(end)
            self.held = max(self.held, self.intake._buffer.waiting)
            self._hear(self.intake.cut(1, end), end)
        return self

    def _deliver(self, end: float) -> None:
        while self._next < len(self.arrivals) and self.arrivals[self._next][0] <= end:
            now, seq = self.arrivals[self._next]
            sound = (seq % 50_000 + 1).to_bytes(2, "little") * SIZE
            self.intake.push(AudioChunk(sound, seq, 1e6 + seq * PIECE), now)
            self._next += 1

    def _hear(self, audio: bytes, end: float) -> None:
        assert len(audio) in (0, 6400)
        if fault := self.intake.faults.take():
            self.concealed += fault.concealed
            self.discarded += fault.discarded
        if audio and (mark := int.from_bytes(audio[-2:], "little")):
            newest = mark - 1 + round((end / PIECE - mark) / 50_000) * 50_000
            self.delays.append(end - (newest + 1) * self.stretch)


@pytest.mark.parametrize("ppm", [-200, 200])
def test_an_hour_of_jitter_loss_and_drift_costs_only_what_was_lost(ppm):
    """0 to 300 ms of jitter, 2 % loss, clocks 200 ppm apart: 0.72 s over the hour."""
    line = Line(3600, jitter=0.3, loss=0.02, ppm=ppm, seed=3).listen(30)
    line.listen(3570)
    assert line.concealed / 3570 == pytest.approx(line.lost, abs=0.001)
    assert line.discarded / 3570 < 0.0005
    assert len(line.delays) > 15_000
    assert max(line.delays) < TRIP + MAX_JITTER_SECONDS + PIECE
    assert max(line.delays) - min(line.delays) < 0.05
    assert line.held < RATE
    assert len(line.intake._missing) <= 1024
    assert len(line.intake._buffer._holes) < 50


@pytest.mark.parametrize("ppm", [-200, -50, 50, 200])
def test_clocks_that_drift_apart_cost_no_sound_at_all(ppm):
    line = Line(600, jitter=0.0, loss=0.0, ppm=ppm, seed=1).listen(600)
    assert (line.concealed, line.discarded) == (0, 0)
    assert max(line.delays) - min(line.delays) < PIECE + 0.01


@pytest.mark.parametrize(("jitter", "expected"), [(0.0, 0.06), (0.05, 0.06), (0.15, 0.15), (0.3, 0.3)])
def test_the_delay_is_what_the_network_makes_necessary(jitter, expected):
    line = Line(120, jitter=jitter, loss=0.0, ppm=100, seed=5).listen(30)
    line.listen(90)
    assert line.concealed < 0.05
    assert line.discarded < 0.05
    assert max(line.delays) < TRIP + expected + 0.05


def test_jitter_beyond_the_bound_costs_sound_but_never_delay():
    line = Line(120, jitter=0.6, loss=0.0, ppm=0, seed=5).listen(120)
    assert line.concealed > 1.0
    assert line.discarded > 1.0
    assert max(line.delays) < TRIP + 2 * MAX_JITTER_SECONDS + PIECE
    assert line.held < RATE


arrivals = st.lists(
    st.tuples(
        st.floats(0, 0.5),  # since the arrival before
        st.integers(-3, 5) | st.integers(-1000, 1000),  # from the sequence number before
        st.floats(-0.1, 0.1) | st.floats(-1e4, 1e4),  # off the media time that would follow
        st.sampled_from([1, 160, SIZE, SIZE, SIZE, 8000, 32_000]),
        st.sampled_from([RATE, RATE, RATE, 8_000, 48_000]),
    ),
    max_size=60,
)
steps = st.lists(st.integers(1, 4), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(arrivals, steps)
def test_whatever_arrives_each_step_gets_whole_beats_and_memory_is_bounded(arrivals, steps):
    intake = AudioIntake(RATE)
    now = media_time = 0.0
    seq = 0
    beat = 0
    pending = iter(steps)
    for wait, skip, off, size, rate in arrivals:
        now += wait
        while (beat + 4) * 0.2 < now and (beats := next(pending, 0)):
            beat += beats
            assert len(intake.cut(beats, beat * 0.2)) in (0, beats * 6400)
        seq += 1 + skip
        media_time += off
        samples = b"\1\0" * min(size, 2 * rate)
        intake.push(AudioChunk(samples, seq, media_time, rate), now)
        media_time += len(samples) / (2 * rate)
        assert intake._buffer.waiting <= AUDIO_BACKLOG_SECONDS * RATE + 2 * RATE
        assert len(intake._missing) <= 1100
    for beats in pending:
        beat += beats
        assert len(intake.cut(beats, beat * 0.2)) in (0, beats * 6400)
        fault = intake.faults.take()
        assert fault is None or (fault.concealed >= 0 and fault.discarded >= 0 and fault.reason)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 0.3), st.booleans()), min_size=20, max_size=200),
    st.integers(0, 10_000),
)
def test_every_sample_is_heard_or_counted_as_discarded(pieces, first):
    """Each piece: whether it is lost, its jitter, whether it comes twice. Clocks adjust by 0.3 % at most."""
    sent = [(seq, jitter, twice) for seq, (lost, jitter, twice) in enumerate(pieces) if not lost or seq == 0]
    arrivals = [((seq + 1) * PIECE + (jitter if seq else 0), seq) for seq, jitter, _ in sent]
    arrivals += [((seq + 1) * PIECE + 0.5, seq) for seq, _, twice in sent if twice]
    arrivals.sort()
    intake = AudioIntake(RATE)
    heard = discarded = 0
    for beat in range(1, 60):
        while arrivals and arrivals[0][0] <= beat * 0.2:
            now, seq = arrivals.pop(0)
            intake.push(AudioChunk(b"\1\0" * SIZE, first + seq, 77 + seq * PIECE), now)
        heard += intake.cut(1, beat * 0.2).count(1)
        if fault := intake.faults.take():
            discarded += round(fault.discarded * RATE)
    total = len(sent) * SIZE
    assert abs(heard + discarded - total) <= 2 * len(sent) + 64


chunks = st.one_of(
    st.builds(TextChunk, st.text(max_size=20), st.booleans(), st.booleans()),
    st.builds(AudioChunk, st.just(b"\1\0" * SIZE), st.integers(), st.floats(-1e10, 1e10)),
    st.builds(VideoChunk, st.just(b"rgb"), st.just(1), st.just(1), st.integers(), st.floats(-1e10, 1e10)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(chunks, st.floats(0, 0.4)), max_size=60), st.sets(st.sampled_from(list(Modality))))
def test_all_text_is_cut_once_in_order_and_the_rest_is_cut_or_ignored(pushed, perceives):
    intake = Intake(Capabilities("model", perceives=frozenset(perceives)))
    texts: list[TextChunk] = []
    faults: list[MediaFault] = []
    now = 0.0
    beat = 0
    for chunk, wait in pushed:
        now += wait
        while (beat + 1) * 0.2 < now:
            beat += 1
            cut = intake.cut(Beat(beat - 1), 1, beat * 0.2)
            texts += cut.texts
            faults += cut.faults
        intake.push(chunk, now)
    texts += intake.early(now)
    expected = [chunk for chunk, _ in pushed if isinstance(chunk, TextChunk)]
    assert texts == (expected if Modality.TEXT in perceives else [])
    kinds = {TextChunk: Modality.TEXT, AudioChunk: Modality.AUDIO, VideoChunk: Modality.VIDEO}
    faults += intake.cut(Beat(beat), 1, (beat + 1) * 0.2).faults
    ignored = {kinds[type(chunk)] for chunk, _ in pushed} - perceives
    told = [fault.modality for fault in faults if "not perceive" in fault.reason]
    assert sorted(told) == sorted(each.value for each in ignored)
