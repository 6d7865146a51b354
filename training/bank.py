"""The clip bank: phrases said once by many voices, kept as log-mel frames with word times, from which streams are assembled at every step.

    python -m training.bank --out training/runs/bank --part 0
    python -m training.bank --out training/runs/bank --split test

A part holds every voice; more parts are more clips. Frames are stored as one byte a band: log10 magnitude from -7 to 2 in 255 steps.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import HOP, RATE, LogMel
from training import phrases, voices
from training.align import align
from training.phrases import Phrase
from training.voices import ACCENTS, Clip

if TYPE_CHECKING:
    from training.echo import OwnWords

LOW, STEP = -7.0, 9.0 / 255
LOUDNESS = 0.08  # RMS of the loud part of every clip, so that gain is decided when streams are made
_MEL = LogMel()

Speaker = Callable[[list[Phrase], np.random.Generator], Iterator[Clip | None]]


def seed_of(*parts: object) -> int:
    """A stable 32-bit seed of the parts."""
    return zlib.crc32("/".join(map(str, parts)).encode())


def frames_of(clip: Clip) -> np.ndarray:
    """uint8 frames [n, 80] of a clip at standard loudness."""
    loud = np.abs(clip.samples) > 0.02 * np.abs(clip.samples).max()
    level = np.sqrt(np.mean(clip.samples[loud] ** 2)) if loud.any() else 1.0
    samples = clip.samples * (LOUDNESS / max(level, 1e-5))
    frames, _ = _MEL(np.pad(samples, (0, -len(samples) % HOP)), _MEL.initial_state())
    return np.clip(np.rint((frames - LOW) / STEP), 0, 255).astype(np.uint8)


def _espeak(accent: str, variant: str) -> Speaker:
    def speak(wanted: list[Phrase], rng: np.random.Generator) -> Iterator[Clip | None]:
        engine = _engine(voices.Espeak)
        rate, pitch, spread = rng.integers(125, 205), rng.integers(20, 80), rng.integers(25, 75)
        for phrase in wanted:
            yield engine.say(
                phrase.text,
                accent,
                variant,
                int(rate + rng.integers(-12, 13)),
                int(pitch + rng.integers(-5, 6)),
                int(spread),
            )

    return speak


def _flite(name: str) -> Speaker:
    def speak(wanted: list[Phrase], rng: np.random.Generator) -> Iterator[Clip | None]:
        engine = _engine(voices.Flite, name)
        for phrase in wanted:
            yield engine.say(phrase.text, rng.uniform(0.72, 1.25), rng.uniform(80, 210), rng.uniform(6, 30))

    return speak


def _festival(name: str) -> Speaker:
    def speak(wanted: list[Phrase], rng: np.random.Generator) -> Iterator[Clip | None]:
        for start in range(0, len(wanted), 200):
            yield from voices.festival(
                [(p.text, rng.uniform(0.85, 1.4), rng.uniform(80, 200)) for p in wanted[start : start + 200]], name
            )

    return speak


def _aligned(
    kind: Callable[..., object], name: str, reference: str, manner: Callable[[np.random.Generator], tuple[float, ...]]
) -> Speaker:
    """A synthesizer without word times: `reference`, a voice of flite's, says where its words end; `manner` draws pace and pitch."""

    def speak(wanted: list[Phrase], rng: np.random.Generator) -> Iterator[Clip | None]:
        engine, known = _engine(kind, name), _engine(voices.Flite, reference)
        for phrase in wanted:
            clip = known.say(phrase.text, rng.uniform(0.9, 1.05))
            yield align(clip, engine.samples(phrase.text, *manner(rng))) if clip else None

    return speak


def _pico(language: str) -> Speaker:
    return _aligned(voices.Pico, language, "kal16", lambda rng: (rng.uniform(0.75, 1.3), rng.uniform(0.6, 1.35)))


def _rhvoice(name: str) -> Speaker:
    return _aligned(voices.RHVoice, name, "rms", lambda rng: (rng.uniform(0.75, 1.3), rng.uniform(0.7, 1.35)))


def _piper(name: str) -> Speaker:
    return _aligned(voices.Piper, name, "rms", lambda rng: (rng.uniform(0.85, 1.2),))


_ENGINES: dict[tuple[object, ...], object] = {}


def _engine(kind: Callable[..., object], *arguments: str) -> object:
    key = (kind, *arguments)
    if key not in _ENGINES:
        _ENGINES[key] = kind(*arguments)
    return _ENGINES[key]


@dataclass(frozen=True)
class Voice:
    """A voice of the bank: its family decides how often streams use it."""

    name: str
    family: str
    count: int
    speak: Speaker


def espeak_variants(split: str) -> list[str]:
    """Variants whose name hashes to the split: about a quarter is never trained on."""
    return [
        name for name in _engine(voices.Espeak).variants() if (zlib.crc32(name.encode()) % 4 == 0) == (split == "test")
    ]


def training_voices() -> list[Voice]:
    """Every voice that may be trained on, with its clips per part."""
    variants = espeak_variants("train")
    found = [
        Voice(f"espeak/{accent}+{name}", "espeak", 90, _espeak(accent, name))
        for i, name in enumerate(variants)
        for accent in (ACCENTS[i % len(ACCENTS)], ("en-us", "en-gb")[i % 2])
    ]
    found += [
        Voice(f"flite/{name}", "flite", count, _flite(name))
        for name, count in (("awb", 2500), ("rms", 2500), ("kal16", 2000))
    ]
    found += [Voice(f"pico/{name}", "pico", 2200, _pico(name)) for name in ("en-US", "en-GB")]
    found += [
        Voice(f"festival/{name}", "festival", count, _festival(name))
        for name, count in (("ked_diphone", 1400), ("kal_diphone", 500))
    ]
    found += [Voice(f"rhvoice/{name}", "rhvoice", 2200, _rhvoice(name)) for name in ("bdl", "clb")]
    return found


def test_voices() -> list[Voice]:
    """Voices and synthesizers that are never trained on."""
    variants = espeak_variants("test")[:14]
    found = [
        Voice(f"espeak/{ACCENTS[i % 7]}+{name}", "espeak-unseen", 330, _espeak(ACCENTS[i % 7], name))
        for i, name in enumerate(variants)
    ]
    found.append(Voice("flite/slt", "flite-slt", 2400, _flite("slt")))
    found.append(Voice("piper/joe", "piper-joe", 1800, _piper("joe")))
    return found


def record(voice: Voice, wanted: list[Phrase], rng: np.random.Generator) -> tuple[np.ndarray, list[dict[str, object]]]:
    """Frames [n, 80] and one entry a clip for the phrases that the voice could say."""
    pieces: list[np.ndarray] = []
    entries: list[dict[str, object]] = []
    at = 0
    for phrase, clip in zip(wanted, voice.speak(wanted, rng), strict=True):
        if clip is None or len(clip.samples) > 9 * RATE:
            continue
        frames = frames_of(clip)
        entries.append({
            "voice": voice.name, "family": voice.family, "kind": phrase.kind, "held": phrase.held, "slots": phrase.slots,
            "words": v.encode(phrase.text), "ends": [round(float(end), 3) for end in clip.ends], "start": at, "frames": len(frames),
        })  # fmt: skip
        pieces.append(frames)
        at += len(frames)
    return np.concatenate(pieces) if pieces else np.zeros((0, 80), np.uint8), entries


def phrases_for(voice: Voice, rng: np.random.Generator, split: str) -> list[Phrase]:
    """Random phrases; a third of the test phrases uses held-out wordings."""
    made = []
    for _ in range(voice.count):
        templates = "held" if split == "test" and rng.random() < 0.33 else "train"
        made.append(phrases.draw(rng, split=split, templates=templates))
    return made


def write(out: Path, name: str, made: list[Voice], split: str) -> None:
    """Records the voices into `out/name.npz` and `out/name.json`."""
    out.mkdir(parents=True, exist_ok=True)
    pieces, entries, at = [], [], 0
    for voice in made:
        rng = np.random.default_rng(seed_of(name, voice.name))
        frames, found = record(voice, phrases_for(voice, rng, split), rng)
        for entry in found:
            entry["start"] = int(entry["start"]) + at
        pieces.append(frames)
        entries.extend(found)
        at += len(frames)
    frames = np.concatenate(pieces)
    np.save(out / f"{name}.tmp.npy", frames)
    (out / f"{name}.json").write_text(json.dumps(entries))
    (out / f"{name}.tmp.npy").rename(out / f"{name}.npy")
    print(f"{name}: {len(entries)} clips, {len(frames) * HOP / RATE / 3600:.2f} h", flush=True)


@dataclass
class Bank:
    """Clips in memory, findable by voice, kind and word."""

    frames: list[np.ndarray] = field(default_factory=list)
    entries: list[dict[str, object]] = field(default_factory=list)
    by_voice: dict[str, dict[str, list[int]]] = field(default_factory=dict)
    by_word: dict[str, dict[int, list[int]]] = field(default_factory=dict)
    families: dict[str, list[str]] = field(default_factory=dict)
    own: OwnWords | None = None
    """The model's own words, for rooms in which it hears itself."""

    @staticmethod
    def load(folder: Path, prefix: str = "train") -> Bank:
        """Every finished part in the folder whose name starts with the prefix."""
        bank = Bank()
        for path in sorted(folder.glob(f"{prefix}*.npy")):
            if ".tmp" not in path.name:
                bank.add(np.load(path, mmap_mode="r"), json.loads(path.with_suffix(".json").read_text()))
        return bank

    def add(self, frames: np.ndarray, entries: list[dict[str, object]]) -> None:
        """Adds recorded clips."""
        self.frames.append(frames)
        for entry in entries:
            entry["part"] = len(self.frames) - 1
            index = len(self.entries)
            self.entries.append(entry)
            voice, kind = entry["voice"], entry["kind"]
            self.by_voice.setdefault(voice, {}).setdefault(kind, []).append(index)
            if voice not in self.families.setdefault(entry["family"], []):
                self.families[entry["family"]].append(voice)
            if kind == "mention":
                for word in set(entry["words"]):
                    self.by_word.setdefault(voice, {}).setdefault(word, []).append(index)

    def mel(self, entry: dict[str, object]) -> np.ndarray:
        """log10 magnitudes [frames, 80] of a clip."""
        start = entry["start"]
        return self.frames[entry["part"]][start : start + entry["frames"]].astype(np.float32) * STEP + LOW

    def hours(self) -> float:
        """Hours of recorded clips."""
        return sum(len(frames) for frames in self.frames) * HOP / RATE / 3600


def main() -> None:
    """Makes one part of the training bank, or the test bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("training/runs/bank"))
    parser.add_argument("--split", choices=("train", "test"), default="train")
    parser.add_argument("--part", type=int, default=0)
    parser.add_argument("--family", default=None, help="only voices of this family")
    arguments = parser.parse_args()
    made = training_voices() if arguments.split == "train" else test_voices()
    for family in dict.fromkeys(voice.family for voice in made):
        if arguments.family in (None, family):
            name = f"{arguments.split}-{arguments.part}-{family}"
            write(arguments.out, name, [voice for voice in made if voice.family == family], arguments.split)


if __name__ == "__main__":
    main()
