"""Audio on its way in: pieces of the sender's clock become exactly one span of samples per step.

Pieces are put in order by `seq` and `media_time`, placed by the media clock, and kept at their place by single samples
left out or doubled (at most 1 in 320), so that clocks may drift apart for hours. Knows nothing of the model.
"""

from itertools import pairwise
from math import inf
from typing import Final

from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.audio_buffer import AudioBuffer
from counterpoint.interaction.media_clock import MediaClock
from counterpoint.interaction.media_faults import FaultTally
from counterpoint.interaction.resampler import Resampler
from counterpoint.shared_context.chunks import AudioChunk

SILENT_SECONDS: Final = 2.0
"""Audio is live until nothing has come for this long; then the sender's clock is taken anew."""

_LOOSE = 0.05
"""Seconds by which a piece's stated time may differ from where the last one ended, and still follow it directly."""

_PULL = 0.02
"""How much of such a difference is believed at each piece: stamps jitter, and sample clocks drift from wall clocks."""

_SLACK, _HOLD, _AHEAD = 0.002, 0.01, 0.02
"""Seconds off its place: nothing is done below the first; above, single samples are; beyond `_HOLD` too early means
silence, beyond `_AHEAD` too late means something is left out."""

_STRETCH = 320
"""One sample in so many may be left out or doubled: 0.3 %, far above any clock's drift, below hearing in speech."""

_REMEMBERED = 512
"""Missing sequence numbers that are still told from duplicates."""

_OVERTAKEN = 16
"""Pieces before the very first one that count as late, not as known, if they still come."""

_RESTARTED = 25
"""So many known sequence numbers in a row are a sender that counts anew."""


class AudioIntake:
    """`rate`: samples per second of what `cut` returns, a multiple of 5."""

    __slots__ = (
        "_beat",
        "_buffer",
        "_clock",
        "_expected",
        "_last",
        "_missing",
        "_next",
        "_rate",
        "_repeated",
        "_resampler",
        "faults",
        "live",
    )

    def __init__(self, rate: int) -> None:
        self.faults = FaultTally("audio")
        self.live = False
        self._rate = rate
        self._beat = round(rate * BEAT_SECONDS)
        self._buffer = AudioBuffer(rate, self.faults)
        self._clock = MediaClock()
        self._resampler: Resampler | None = None
        self._missing: set[int] = set()
        self._next = 0
        self._expected = 0.0
        self._repeated = 0
        self._last = -inf

    def push(self, chunk: AudioChunk, now: float) -> None:
        """Take one checked piece."""
        seconds = len(chunk.samples) / (2 * chunk.rate)
        silent = now - self._last > SILENT_SECONDS
        self._last = now
        off = chunk.media_time - self._expected
        if silent or not self.live:
            self._begin(chunk, seconds, now)
        elif chunk.seq == self._next and -_LOOSE <= off <= _LOOSE:
            self._follow(chunk, self._expected + off * _PULL, seconds, now)
        else:
            self._push_irregular(chunk, seconds, now)

    def cut(self, beats: int, end: float) -> bytes:
        """The samples of the `beats` that end at `end` (seconds); empty without live audio."""
        if not self.live:
            return b""
        if end - self._last > SILENT_SECONDS and not self._buffer.waiting:
            self.live = False
            return b""
        size = beats * self._beat
        start = round(end * self._rate) - size
        if abs(start - self._buffer.head) == 1:
            start = self._buffer.head
        return self._buffer.cut(start, start + size)

    def _follow(self, chunk: AudioChunk, media_time: float, seconds: float, now: float) -> None:
        """The next piece in order. It is never late: if its time has passed, everything from here on moves back."""
        buffer = self._buffer
        due = self._clock.observe(media_time, seconds, now)
        if due < now:
            due = self._clock.begin(media_time, seconds, now, buffer.write / self._rate)
        samples = chunk.samples if chunk.rate == self._rate else self._resampled(chunk)
        off = int(due * self._rate) - buffer.write
        slack = _SLACK * self._rate
        if not -slack < off < slack or buffer.write < buffer.head:
            samples = self._move(samples, off, now)
        buffer.append(samples)
        self._next = chunk.seq + 1
        self._expected = media_time + seconds
        self._repeated = 0

    def _move(self, samples: bytes, off: int, now: float) -> bytes:
        """Bring `write` nearer to where it should be, by `off` samples; what is to be written there."""
        buffer, rate = self._buffer, self._rate
        if off > _HOLD * rate:
            self._hold(buffer.write + off)
        elif off < -_AHEAD * rate:
            buffer.drop(max(buffer.head, int(now * rate)), -off)
            self.faults.add("late", discarded=-off / rate)
        elif abs(off) > _SLACK * rate:
            samples = stretched(samples, off)
        if buffer.write < buffer.head:
            self._hold(buffer.head)
        return samples

    def _hold(self, position: int) -> None:
        """Silence that the sender didn't send: it came too late to go on without a break."""
        self.faults.add("late", concealed=(position - self._buffer.write) / self._rate)
        self._buffer.skip_to(position)

    def _push_irregular(self, chunk: AudioChunk, seconds: float, now: float) -> None:
        if chunk.seq in self._missing:
            self._fill(chunk, seconds, now)
        elif self._clock.jumped(chunk.media_time, seconds, now):
            self.faults.add("clock")
            self._begin(chunk, seconds, now)
        elif chunk.seq < self._next:
            self._drop_repeated(chunk, seconds, now)
        else:
            self._skip(chunk, seconds, now)

    def _begin(self, chunk: AudioChunk, seconds: float, now: float) -> None:
        """The first piece of a sender's clock, after whatever still waits."""
        buffer = self._buffer
        going_on = self.live and buffer.waiting > 0
        due = self._clock.begin(chunk.media_time, seconds, now, buffer.write / self._rate if going_on else 0.0)
        position = max(int(due * self._rate), buffer.write, buffer.head)
        if going_on:
            buffer.skip_to(position)
        else:
            buffer.begin(position)
        self.live = True
        self._missing = set(range(chunk.seq - _OVERTAKEN, chunk.seq))
        self._next = chunk.seq
        self._follow(chunk, chunk.media_time, seconds, now)

    def _skip(self, chunk: AudioChunk, seconds: float, now: float) -> None:
        """Pieces before this one are missing, or the sender paused: only the former is a loss."""
        gap = chunk.media_time - self._expected
        count = round(gap * self._rate)
        if chunk.seq > self._next and gap > 0:
            self._missing.update(range(max(self._next, chunk.seq - _REMEMBERED), chunk.seq))
            if len(self._missing) > 2 * _REMEMBERED:
                self._missing = {seq for seq in self._missing if seq >= chunk.seq - _REMEMBERED}
            self._buffer.open_hole(count, self._expected)
        elif gap > _LOOSE:
            due = int(self._clock.observe(chunk.media_time, seconds, now) * self._rate)
            self._buffer.skip_to(max(self._buffer.write, min(due, self._buffer.write + 2 * count)))
        self._follow(chunk, chunk.media_time, seconds, now)

    def _fill(self, chunk: AudioChunk, seconds: float, now: float) -> None:
        """A piece that was overtaken."""
        self._missing.discard(chunk.seq)
        self._repeated = 0
        self._clock.observe(chunk.media_time, seconds, now)
        samples = chunk.samples
        if chunk.rate != self._rate:
            samples = Resampler(chunk.rate, self._rate)(samples)
        late = (len(samples) >> 1) - self._buffer.fill(samples, chunk.media_time)
        if late > self._rate // 500:
            self.faults.add("late", discarded=late / self._rate)

    def _drop_repeated(self, chunk: AudioChunk, seconds: float, now: float) -> None:
        self._repeated += 1
        if self._repeated >= _RESTARTED:
            self.faults.add("clock", discarded=(self._repeated - 1) * seconds)
            self._begin(chunk, seconds, now)

    def _resampled(self, chunk: AudioChunk) -> bytes:
        if self._resampler is None or self._resampler.source != chunk.rate:
            self._resampler = Resampler(chunk.rate, self._rate)
        return self._resampler(chunk.samples)


def stretched(samples: bytes, by: int) -> bytes:
    """PCM16 longer or shorter by up to `by` samples, doubled or left out one at a time, evenly spread."""
    size = len(samples) >> 1
    count = min(abs(by), max(size // _STRETCH, 1), size - 1)
    if count <= 0:
        return samples
    step = 2 if by > 0 else -2
    edges = [2 * (size * k // (count + 1)) for k in range(1, count + 2)]
    pieces = (samples[left - step : right] for left, right in pairwise(edges))
    return samples[: edges[0]] + b"".join(pieces)
