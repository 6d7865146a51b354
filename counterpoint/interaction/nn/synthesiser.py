"""Acoustic frames to sound: a causal source-filter synthesiser, 16 frames of 42 numbers a beat in, 16 kHz out.

Pulses and noise go through a minimum-phase envelope and are overlapped and added. No look-ahead: a frame describes the
end of its 12.5 ms, and what lies between two frames is interpolated. The state is a value, passed in and handed back,
so that pieces give the same sound as the whole. It knows no words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterpoint.interaction.nn.products import product

Floats = NDArray[np.floating[Any]]
Complex = NDArray[np.complexfloating[Any, Any]]

RATE = 16_000
HOP = 200
FRAMES_PER_BEAT = 16
COEFFICIENTS = 40
PITCH, VOICING = 40, 41
WIDTH = 42
"""A frame: 40 cosine coefficients of the log amplitude over the mel axis, log F0 (Hz), voicing (0 to 1)."""

FFT = 1024
BINS = FFT // 2 + 1
BLOCK = 50
"""Samples of noise that go through one envelope, 3 ms: a burst of a plosive is sharper than a frame."""

QUIET = -12.0
"""The first coefficient (mean log amplitude) of silence."""

LOUDEST = 1.5
"""No frame's log amplitude goes above this in any band: speech of full scale reaches 1.2."""

LOWEST_PITCH, HIGHEST_PITCH = 60.0, 500.0
RMS_LIMIT = 0.25
"""Sound that stays louder than this (speech at full scale has .1 to .15) is turned down within 20 ms."""

CEILING = 0.95
FADE = 80
"""Samples in which a stopped voice falls silent: 5 ms."""


@dataclass(frozen=True)
class VocalState:
    """What the voice carries on: `frame` the last one, `phase` of the pulses (cycles), `position` in samples, `tail`
    the sound of the past that is still to come, `power` its mean square of late.
    """

    frame: Floats
    phase: float
    position: int
    tail: Floats
    power: float


def silent_frame() -> NDArray[np.float32]:
    """The frame of a closed mouth."""
    frame = np.zeros(WIDTH, np.float32)
    frame[0], frame[PITCH] = QUIET, np.log(180.0)
    return frame


class Synthesiser:
    """Holds constants only."""

    def __init__(self) -> None:
        hertz = np.arange(BINS) * (RATE / FFT)
        cosines = np.cos(np.pi * np.arange(COEFFICIENTS)[:, None] * mel(hertz))
        self._amplitudes = cosines
        phased = _minimum_phase(cosines)
        self._log, self._angle = phased.real.astype(np.float32), phased.imag.astype(np.float32)
        breath = np.clip(0.5 / (1 + np.exp(-(hertz - 4000) / 500)), 0.001, 1)
        self._breath = breath.astype(np.float32)
        self._delay = (-2 * np.pi / FFT * np.arange(BINS)).astype(np.float32)

    def begin(self) -> VocalState:
        """The state of a voice that has been silent."""
        return VocalState(silent_frame(), 0.0, 0, np.zeros(FFT), 0.0)

    def speak(self, frames: Floats, state: VocalState) -> tuple[NDArray[np.float32], VocalState]:
        """Frames [n, 42] to 200 n samples in [-1, 1]. Frames that are no speech (NaN, infinite, huge) are brought into
        the range of speech. Raises ValueError for another shape.
        """
        if frames.ndim != 2 or frames.shape[1] != WIDTH:
            raise ValueError(f"frames are [n, {WIDTH}], got {frames.shape}")
        if not len(frames):
            return np.zeros(0, np.float32), state
        track = self._within(np.concatenate([state.frame[None], frames]))
        count = len(frames) * HOP
        sound = np.zeros(count + FFT)
        sound[:FFT] = state.tail
        phase = self._pulses(track, state.phase, sound)
        self._noise(track, state.position, sound)
        limited, power = _limit(sound[:count], state.power)
        return limited, VocalState(track[-1], phase, state.position + count, sound[count:], power)

    def stop(self, state: VocalState) -> tuple[NDArray[np.float32], VocalState]:
        """The last 80 samples of a voice that is told to stop, and its silence."""
        fading, _ = _limit(np.pad(state.tail[:FADE], (0, -FADE % BLOCK)), state.power)
        fading = fading[:FADE] * np.linspace(1, 0, FADE, dtype=np.float32)
        return fading, replace(self.begin(), position=state.position + HOP)

    def _within(self, frames: Floats) -> Floats:
        """The frames as speech can have them."""
        clean = np.nan_to_num(np.asarray(frames, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        broken = ~np.isfinite(frames).all(1)
        clean[broken] = silent_frame()
        clean[:, :COEFFICIENTS] = clean[:, :COEFFICIENTS].clip(-20, 20)
        peak = product(clean[:, :COEFFICIENTS], self._amplitudes).max(1)
        clean[:, 0] -= np.maximum(0, peak - LOUDEST)
        clean[:, PITCH] = clean[:, PITCH].clip(np.log(LOWEST_PITCH), np.log(HIGHEST_PITCH))
        clean[:, VOICING] = clean[:, VOICING].clip(0, 1)
        return clean

    def _pulses(self, track: Floats, phase: float, sound: Floats) -> float:
        """Adds the response of each glottal pulse; returns the phase at the end."""
        steps = np.arange(1, HOP + 1) / HOP
        pitch = np.exp((track[:-1, PITCH, None] + np.diff(track[:, PITCH])[:, None] * steps).ravel())
        cycles = phase + np.cumsum(pitch) / RATE
        whole = np.floor(np.concatenate([[phase], cycles]))
        places = np.flatnonzero(np.diff(whole))
        late = (cycles[places] - whole[places + 1]) * RATE / pitch[places]
        frames = _between(track, (places + 1 - late) / HOP)
        heard = frames[:, VOICING] > 0
        places, late, frames = places[heard], late[heard], frames[heard]
        if len(places):
            height = np.sqrt(frames[:, VOICING] * RATE * np.exp(-frames[:, PITCH]))
            spectra = self._envelopes(frames, 1 - late, height[:, None] * np.sqrt(1 - self._breath))
            responses = np.fft.irfft(spectra, FFT)
            for place, response in zip(places, responses, strict=True):
                sound[place : place + FFT] += response
        return float(cycles[-1] - whole[-1])

    def _noise(self, track: Floats, position: int, sound: Floats) -> None:
        """Adds noise, a block at a time, each through the envelope of its middle."""
        count = (len(track) - 1) * HOP
        noise = _white(position, count).reshape(-1, BLOCK)
        frames = _between(track, (np.arange(len(noise)) + 0.5) * BLOCK / HOP)
        share = 1 - frames[:, VOICING, None] * (1 - self._breath)
        spectra = self._envelopes(frames, np.zeros(len(frames)), np.sqrt(share))
        responses = np.fft.irfft(np.fft.rfft(noise, FFT) * spectra, FFT)
        for number, response in enumerate(responses):
            sound[number * BLOCK : number * BLOCK + FFT] += response

    def _envelopes(self, frames: Floats, late: Floats, height: Floats) -> Complex:
        """Spectra [n, BINS] of the filters, `late` samples later. Written out in real numbers: numpy's complex exp is
        twenty times slower on some processors.
        """
        coefficients = frames[:, :COEFFICIENTS].astype(np.float32)
        amplitude = np.exp(product(coefficients, self._log)) * height
        angle = product(coefficients, self._angle) + late.astype(np.float32)[:, None] * self._delay
        spectra = np.empty(angle.shape, np.complex64)
        spectra.real, spectra.imag = amplitude * np.cos(angle), amplitude * np.sin(angle)
        return spectra


def mel(hertz: Floats) -> Floats:
    """The mel axis from 0 to 1 at half the sampling rate."""
    return np.log1p(np.asarray(hertz) / 700) / np.log1p(RATE / 2 / 700)


def _minimum_phase(log_amplitudes: Floats) -> Complex:
    """Complex log spectra [k, BINS] of the minimum-phase filters with these log amplitudes: their cepstra folded."""
    cepstra = np.fft.irfft(log_amplitudes, FFT)
    cepstra[:, 1 : FFT // 2] *= 2
    cepstra[:, FFT // 2 + 1 :] = 0
    return np.fft.rfft(cepstra, FFT)


def _between(track: Floats, places: Floats) -> Floats:
    """Frames at places between 0 and the last, in frames."""
    low = np.minimum(places.astype(np.int64), len(track) - 2)
    share = (places - low)[:, None]
    return track[low] * (1 - share) + track[low + 1] * share


def _white(position: int, count: int) -> Floats:
    """Noise of variance 1 that depends on the sample's position alone, so that pieces continue each other."""
    x = np.arange(position, position + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
    return ((x >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1) * np.sqrt(3.0)


def _limit(sound: Floats, power: float) -> tuple[NDArray[np.float32], float]:
    """Turns down what stays too loud, block by block, and bends peaks below full scale."""
    blocks = sound.reshape(-1, BLOCK)
    gains = np.empty(len(blocks))
    for number, square in enumerate((blocks**2).mean(1)):
        power += (square - power) * (0.5 if square > power else 0.05)
        gains[number] = min(1.0, RMS_LIMIT / np.sqrt(power + 1e-12))
    loud = (blocks * gains[:, None]).ravel()
    return (CEILING * np.tanh(loud / CEILING)).astype(np.float32), float(power)
