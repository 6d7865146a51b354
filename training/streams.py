"""Scenes to arrays: clips mixed into a log-mel canvas with a room, a line and noise, discretised; labels; the model's inputs with noise on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import BANDS, FRAMES_PER_BEAT, Levels, hertz_to_mel, mel_to_hertz
from counterpoint.interaction.nn.eyes import PICTURE
from counterpoint.interaction.nn.model import Batch
from training.bank import Bank
from training.clock import clock
from training.echo import Echo
from training.glimpses import NAMES, shown
from training.pictures import shoot
from training.scene import FRAME, Demand, NoClip, Scene
from training.speakers import BankSpeaker, Crowd, TextSpeaker
from training.tasks import sample

CENTRES = mel_to_hertz(np.linspace(hertz_to_mel(np.array(80.0)), hertz_to_mel(np.array(7600.0)), BANDS + 2))[1:-1]
FAMILIES = {"flite": 0.28, "rhvoice": 0.22, "pico": 0.2, "festival": 0.1, "espeak": 0.2}
MIX = {
    "dictation": 0.18, "cue": 0.12, "brisk cue": 0.16, "timed": 0.1, "repeated": 0.02, "chatter": 0.04, "questions": 0.11, "interruption": 0.08,
    "delegation": 0.1, "brisk delegation": 0.03, "telling": 0.01, "mixed": 0.05,
}  # fmt: skip
"""Task shares of streams with sound: what matters most there is hearing."""
TEXT_MIX = {
    "cue": 0.14, "brisk cue": 0.3, "timed": 0.08, "repeated": 0.02, "chatter": 0.01, "questions": 0.14, "interruption": 0.04, "delegation": 0.08,
    "brisk delegation": 0.14, "telling": 0.01, "mixed": 0.04,
}  # fmt: skip
"""Of streams of bare words: binding, time, copying."""
SEEN_MIX = {"counting": 0.17, "calling": 0.27, "looking": 0.38, "both": 0.12, "seen talk": 0.06}
"""Of streams with a camera."""
HESITANT = 0.07
"""Share of the utterances that pause at a word."""


@dataclass(frozen=True)
class Room:
    """How a stream sounds. Decibels; `noise` is the signal-to-noise ratio, `warp` scales the frequency axis."""

    gain: float = 0.0
    noise: float = 50.0
    tilt: float = 0.0
    hum: np.ndarray | None = None
    equaliser: np.ndarray | None = None
    warp: float = 1.0
    low: float = 0.0
    high: float = 8000.0
    reverb: float = 0.0
    masked: tuple[int, int] = (0, 0)
    spread: float = 0.0
    """How far the frequency axes of the utterances differ from each other."""
    bend: float = 0.0
    """How unevenly the axis is warped: formants move apart and together."""
    blur: int = 1
    """Bands over which the spectrum is smoothed: 5 hide the harmonics of a voice, and so its pitch."""
    echo: Echo | None = None
    """How much of the model's own voice comes back, None: headphones."""

    @staticmethod
    def draw(rng: np.random.Generator) -> Room:
        """A random room, line and microphone."""
        knots = rng.normal(0, rng.choice([1.0, 3.0, 5.0]), 7)
        telephone = rng.random() < 0.08
        dull = rng.random() < 0.1
        width = int(rng.integers(1, 8)) if rng.random() < 0.25 else 0
        first = int(rng.integers(0, BANDS - width))
        return Room(
            gain=rng.uniform(-24, 8),
            noise=rng.uniform(8, 30) if rng.random() < 0.3 else rng.uniform(30, 65),
            tilt=rng.uniform(-36, -6),
            hum=np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 9), rng.normal(0, 4, 9)),
            equaliser=np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 7), knots),
            warp=float(np.exp(np.clip(rng.normal(0, 0.08), -0.18, 0.18))),
            low=rng.uniform(200, 350) if telephone else 0.0,
            high=rng.uniform(3200, 3800) if telephone else rng.uniform(3800, 7000) if dull else 8000.0,
            reverb=rng.uniform(0.15, 0.7) if rng.random() < 0.15 else 0.0,
            masked=(first, first + width),
            spread=0.05 if rng.random() < 0.5 else 0.0,
            bend=0.04,
            blur=int(rng.choice([1, 3, 5], p=[0.7, 0.15, 0.15])),
            echo=Echo.draw(rng),
        )

    def axis(self, rng: np.random.Generator) -> np.ndarray:
        """Where each of the 80 bands reads: band b at its centre * warp, bent."""
        if self.warp == 1 and not self.spread and not self.bend:
            return np.arange(BANDS, dtype=float)
        factor = self.warp * np.exp(rng.normal(0, self.spread) if self.spread else 0.0)
        bent = np.exp(np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), rng.normal(0, self.bend, 6)))
        return np.maximum.accumulate(np.interp(CENTRES * factor * bent, CENTRES, np.arange(BANDS)))


def read_at(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Rows of `values` at the places, which may lie between two rows."""
    low = places.astype(int).clip(0, max(0, len(values) - 2))
    part = (places - low)[:, None].astype(np.float32)
    return values[low] * (1 - part) + values[np.minimum(low + 1, len(values) - 1)] * part


def render(scene: Scene, bank: Bank, room: Room, rng: np.random.Generator) -> np.ndarray:
    """log10 magnitudes float32 [8 beats, 80] of everything that is heard in the scene; with an echo, also of what the
    model says in it, if the bank knows its words.
    """
    frames = scene.beats * FRAMES_PER_BEAT
    power = np.full((frames, BANDS), 1e-14, np.float32)
    axis = room.axis(rng)
    for placed in scene.placed:
        utterance = placed.utterance
        if utterance.entry is None:
            continue
        if room.spread:
            axis = room.axis(rng)
        mel = read_at(bank.mel(utterance.entry).T, axis).T
        if utterance.path is not None:
            mel = read_at(mel, utterance.path)
        first = int(round(placed.start / FRAME))
        if first < 0:
            mel, first = mel[-first:], 0
        mel = mel[: max(0, frames - first)] + placed.gain / 20
        power[first : first + len(mel)] += np.exp(mel * (2 * np.log(10)))
    power = blurred(power, room.blur)
    if room.echo is not None and bank.own is not None:
        power += bank.own.power(scene.target(), room.echo, rng, room.axis(rng) if room.echo.bent else None)
    if room.reverb:
        power = _reverberate(power, room.reverb)
    decibels = room.gain + (room.equaliser if room.equaliser is not None else 0.0)
    power *= (10 ** (np.broadcast_to(np.asarray(decibels), (BANDS,)) / 10)).astype(np.float32)
    power += _noise(frames, room, rng)
    outside = (room.low > CENTRES) | (room.high < CENTRES)
    power[:, outside] *= 1e-5
    power[:, room.masked[0] : room.masked[1]] = 1e-14
    return 0.5 * np.log10(power + 1e-14)


def blurred(power: np.ndarray, bands: int) -> np.ndarray:
    """Each band's power is the mean of its neighbourhood."""
    if bands == 1:
        return power
    sums = np.cumsum(np.pad(power, ((0, 0), (bands // 2 + 1, bands // 2)), mode="edge"), axis=1, dtype=np.float64)
    return (np.maximum(sums[:, bands:] - sums[:, :-bands], 1e-14) / bands).astype(np.float32)


def _reverberate(power: np.ndarray, seconds: float) -> np.ndarray:
    """Adds an exponential tail: -60 dB after `seconds`, its energy 6 dB under the direct sound's."""
    decay = float(10 ** (-6 * FRAME / seconds))
    tail = np.zeros(BANDS, np.float32)
    out = power.copy()
    for i in range(1, len(power)):
        tail = decay * (tail + power[i - 1] * (0.25 * (1 - decay) / decay))
        out[i] += tail
    return out


SPEECH = -20.0
"""Mean power of a clip at standard loudness over frames and bands, in dB (measured over the bank: -19.9, deviation .7)."""


def _noise(frames: int, room: Room, rng: np.random.Generator) -> np.ndarray:
    """Coloured stationary noise with the fluctuation of a short-time spectrum, at the room's signal-to-noise ratio."""
    shape = room.tilt * np.arange(BANDS) / BANDS + (room.hum if room.hum is not None else 0.0)
    power = 10 ** (shape / 10)
    level = 10 ** ((SPEECH + min(room.gain, 0) - room.noise) / 10) / power.mean()
    ripple = rng.gamma(2.5, 1 / 2.5, (frames, BANDS)).astype(np.float32)
    return (power * level).astype(np.float32) * ripple


@dataclass
class Stream:
    """One stream, ready for the model. Tokens are int64 [beats]; levels uint8 [8 beats, 80], None without sound; pictures uint8
    [beats, 80, 80, 3], None without a camera, and bool [beats], which of them come.
    """

    scene: Scene
    levels: np.ndarray | None
    understood: np.ndarray
    target: np.ndarray
    pictures: np.ndarray | None = None
    seen: np.ndarray | None = None


def stream_of(scene: Scene, levels: np.ndarray | None) -> Stream:
    """The scene with its labels and its film, if it has one."""
    shot = shoot(scene.film, scene.beats) if scene.film else (None, None)
    return Stream(scene, levels, scene.understood(), scene.target(), *shot)


def make_stream(
    rng: np.random.Generator, bank: Bank | None, task: str, beats: int, levels: Levels, family: str | None = None
) -> Stream:
    """A training stream of the task: by a bank's voice, or as bare words where there is no bank."""
    if bank is None:
        scene = sample(rng, task, lambda: TextSpeaker(rng), beats, hesitant=HESITANT)
        return stream_of(scene, None)
    crowd = task == "dictation" and family is None
    family = family or _family(rng, bank)

    def someone() -> BankSpeaker:
        voices = bank.families[_family(rng, bank) if crowd else family]
        voice, tempo = str(rng.choice(voices)), float(rng.uniform(0.8, 1.25))
        return BankSpeaker(bank, voice, rng, tempo, uneven=0.18)

    scene = sample(rng, task, (lambda: Crowd(someone)) if crowd else someone, beats, hesitant=HESITANT)
    if rng.random() < 0.2:
        _babble(scene, bank, rng)
    return stream_of(scene, levels.quantise(render(scene, bank, Room.draw(rng), rng)))


def _family(rng: np.random.Generator, bank: Bank) -> str:
    names = [name for name in FAMILIES if name in bank.families]
    weights = np.array([FAMILIES[name] for name in names])
    return str(rng.choice(names, p=weights / weights.sum()))


def _babble(scene: Scene, bank: Bank, rng: np.random.Generator) -> None:
    """Other voices far away: not understood, not answered."""
    family = _family(rng, bank)
    speaker = BankSpeaker(bank, str(rng.choice(bank.families[family])), rng)
    at, gain = rng.uniform(-2, 5), rng.uniform(-26, -14)
    while at < scene.length - 1:
        try:
            utterance = speaker.say(str(rng.choice(["mention", "long", "fact", "number"])))
        except NoClip:
            return
        scene.background(at, utterance, gain)
        at += utterance.duration + rng.uniform(0, 2)


@dataclass
class Collated:
    """A batch with its targets: labels and, per stream, whether U is trained (it has sound)."""

    inputs: Batch
    understood: torch.Tensor
    target: torch.Tensor
    tasks: list[str] = field(default_factory=list)
    demands: list[list[Demand]] = field(default_factory=list)
    glimpses: torch.Tensor = field(default_factory=lambda: torch.zeros(0))
    """float32 [streams, beats, names] of what is to be seen; [streams, 0, names] where there is no camera."""

    def __post_init__(self) -> None:
        if not self.glimpses.numel():
            self.glimpses = torch.zeros(len(self.target), 0, len(NAMES))


def collate(
    streams: Sequence[Stream],
    rng: np.random.Generator,
    noise: float = 0.05,
    said: Sequence[np.ndarray] | None = None,
    leaps: float = 0.0,
) -> Collated:
    """Teacher-forced inputs with noise: a share of the fed-back words is lost, a few are wrong. `said`: what was really said, if not the target.
    `leaps`: how many of the streams in which it can be leap over minutes of silence.
    """
    beats = len(streams[0].understood)
    count = max(1, max(sum(len(n.tokens) for n in s.scene.notes) for s in streams))
    levels = np.zeros((len(streams), beats * FRAMES_PER_BEAT, BANDS), np.uint8)
    hears = np.zeros(len(streams), bool)
    notes = np.zeros((3, len(streams), count), np.int64)
    notes[1] = -1
    for i, stream in enumerate(streams):
        if stream.levels is not None:
            levels[i], hears[i] = stream.levels, True
        for place, (token, beat, source) in enumerate(note_places(stream.scene)):
            notes[:, i, place] = token, beat, source
    labels = np.stack([s.understood for s in streams])
    target = np.stack([s.target for s in streams])
    spoken = target if said is None else np.stack(said)
    back = np.concatenate([np.zeros((len(streams), 1), np.int64), spoken[:, :-1]], 1)
    inputs = Batch(
        torch.from_numpy(levels), torch.from_numpy(hears), torch.from_numpy(_disturb(labels, rng, noise)),
        torch.from_numpy(_disturb(back, rng, noise / 2)), *(torch.from_numpy(part) for part in notes),
        clock=torch.from_numpy(np.stack([clock(s.scene, rng, leaps) for s in streams])), **_shown(streams),
    )  # fmt: skip
    return Collated(
        inputs,
        torch.from_numpy(labels),
        torch.from_numpy(target),
        [s.scene.task for s in streams],
        [s.scene.demands for s in streams],
        _glimpses(streams),
    )


def _glimpses(streams: Sequence[Stream]) -> torch.Tensor:
    beats = len(streams[0].understood)
    if not any(stream.pictures is not None for stream in streams):
        return torch.zeros(0)
    none = np.zeros((beats, len(NAMES)), np.float32)
    return torch.from_numpy(np.stack([shown(s.scene.film, beats) if s.scene.film else none for s in streams]))


def _shown(streams: Sequence[Stream]) -> dict[str, torch.Tensor]:
    """The pictures of a batch, if any of its streams has some."""
    if not any(stream.pictures is not None for stream in streams):
        return {}
    beats = len(streams[0].understood)
    pictures = np.zeros((len(streams), beats, PICTURE, PICTURE, 3), np.uint8)
    seen = np.zeros((len(streams), beats), bool)
    for i, stream in enumerate(streams):
        if stream.pictures is not None and stream.seen is not None:
            pictures[i], seen[i] = stream.pictures, stream.seen
    return {"pictures": torch.from_numpy(pictures), "seen": torch.from_numpy(seen)}


def note_places(scene: Scene) -> list[tuple[int, int, int]]:
    """(token, beat, source) of every word of the notes: four a beat."""
    found, free = [], 0
    for note in sorted(scene.notes, key=lambda n: n.beat):
        start = max(note.beat, free)
        for place, token in enumerate(note.tokens):
            beat = start + place // 4
            if beat < scene.beats:
                found.append((token, beat, note.source))
            free = beat + 1
    return found


def _disturb(tokens: np.ndarray, rng: np.random.Generator, noise: float) -> np.ndarray:
    """Words become padding with the given chance, and other words (also out of padding) far more rarely."""
    out = tokens.copy()
    out[(rng.random(tokens.shape) < noise) & (tokens != v.PAD)] = v.PAD
    wrong = rng.random(tokens.shape) < np.where(tokens != v.PAD, noise * 0.6, noise * 0.06)
    out[wrong] = rng.integers(v.CONTROL_PLACES, v.CONTROL_PLACES + 240, int(wrong.sum()))
    return out
