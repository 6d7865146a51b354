"""Evaluation items with sound, in the format of `counterpoint.evaluation.items`: scenes said by synthesizers, mixed as samples.

    python -m training.items --out training/runs/items --count 300 --jobs 2
    python -m training.items --out counterpoint/evaluation/thirty --thirty
    python -m training.items --out training/runs/seen --count 100 --suites repcount,startstop,pauc

Pairs, sums, times and voices are those that are never trained on ("seen voices": only the voices are known). An item depends on the seed and its own
number alone: more items begin with the same ones, and what is there already is not made again.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
import wave
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import msgspec
import numpy as np

from counterpoint.evaluation.items import (
    Expected,
    GoOn,
    Hand,
    Item,
    Laid,
    Recite,
    Say,
    Spoken,
    Stop,
    Suite,
    load_items,
    save_items,
)
from counterpoint.evaluation.windows import cuespeak_window, timespeak_window
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import RATE
from counterpoint.shared_context.notes import NoteKind
from training import overlaps, phrases, seen_items, voices
from training.align import align
from training.bank import LOUDNESS, _engine, espeak_variants, seed_of
from training.kokoro import VOICES, Kokoro
from training.scene import BEAT, Demand, NoClip, Placed, Scene, Utterance, beat_of
from training.speakers import avoid_ok
from training.tasks import sample
from training.voices import ACCENTS, Clip

Voice = Callable[[str], Clip | None]

TASKS = {
    Suite.WORDS: ("dictation",),
    Suite.CUESPEAK: ("brisk cue", "cue"),
    Suite.TIMESPEAK: ("timed", "timed", "timed", "repeated"),
    Suite.DELEGATION: ("delegation",),
    Suite.DUPLEX: ("interruption",) * 6 + tuple(overlaps.KINDS) * 2,
}
BEATS = {Suite.WORDS: 40, Suite.CUESPEAK: 60, Suite.TIMESPEAK: 75, Suite.DELEGATION: 90, Suite.DUPLEX: 90}
THIRTY = {
    Suite.WORDS: (16, 3),
    Suite.CUESPEAK: (28, 3),
    Suite.TIMESPEAK: (32, 2),
    Suite.DELEGATION: (50, 1),
    Suite.DUPLEX: (44, 1),
}
"""Beats and items of each split in the small set that comes with the package, with eight bits a sample."""
BENCHMARK_BEATS = 75
"""Of the scenes for the rules of Full-Duplex-Bench."""
CONTENT = {v.IDS[word] for word in v.CONTENT}
KINDS = {
    "<result>": NoteKind.RESULT,
    "<failure>": NoteKind.FAILURE,
    "<correction>": NoteKind.CORRECTION,
    "<progress>": NoteKind.PROGRESS,
}


class SynthSpeaker:
    """Fills templates and has them said. The clip rides in the utterance's `entry`."""

    def __init__(self, voice: Voice, rng: np.random.Generator) -> None:
        self._voice, self._rng = voice, rng

    def say(self, kind: str, *, avoid: Collection[int] = (), word: int | None = None, **given: str) -> Utterance:
        """A phrase with its sound; NoClip where the synthesizer's word times do not fit."""
        if word is not None:
            given["W"] = v.TOKENS[word]
        for _ in range(20):
            phrase = phrases.fill(self._rng, kind, split="test", **given)
            words = v.encode(phrase.text)
            if not avoid_ok(words, avoid) or (word is not None and word not in words):
                continue
            clip = self._voice(phrase.text)
            if clip is not None:
                return Utterance(kind, tuple(words), clip.ends, len(clip.samples) / RATE, phrase.slots, {"clip": clip})
        raise NoClip


def voices_of(split: str, rng: np.random.Generator, kokoro: float = 0.0) -> tuple[str, Voice]:
    """A random voice of the split. `kokoro`: how often an unseen synthesizer is Kokoro, which is slow."""
    if split == "unseen synthesizers" and kokoro and rng.random() < kokoro:
        name, pace = str(rng.choice(VOICES)), float(rng.uniform(0.85, 1.15))
        slow, known = _engine(Kokoro, name), _engine(voices.Flite, "rms")
        return f"kokoro {name}", lambda text: _aligned(known.say(text, 0.97), slow.samples(text, pace))
    if split == "unseen synthesizers":
        import onnxruntime

        onnxruntime.set_seed(int(rng.integers(2**31)))  # Piper's noise, from when it is loaded
        piper, reference = _engine(voices.Piper, "joe"), _engine(voices.Flite, "rms")
        length = float(rng.uniform(0.85, 1.2))
        return "piper joe", lambda text: _aligned(reference.say(text, 0.97), piper.samples(text, length))
    if split == "unseen voices":
        slt = _engine(voices.Flite, "slt")
        pace = float(rng.uniform(0.8, 1.2))
        return "flite slt", lambda text: slt.say(text, pace)
    if split == "seen voices" and rng.random() < 0.5:
        name = str(rng.choice(["awb", "rms", "kal16"]))
        known, pace = _engine(voices.Flite, name), float(rng.uniform(0.8, 1.2))
        return f"flite {name}", lambda text: known.say(text, pace)
    espeak = _engine(voices.Espeak)  # one for the process: the library knows one callback
    for _ in range(50):
        variant = str(rng.choice(espeak_variants("test" if split == "unseen variants" else "train")))
        accent, rate, pitch = str(rng.choice(ACCENTS)), int(rng.integers(130, 200)), int(rng.integers(20, 80))
        if espeak.say("look at the ball", accent, variant, rate, pitch):  # not every pair of accent and variant speaks
            return f"espeak-ng {accent}+{variant}", lambda text: espeak.say(text, accent, variant, rate, pitch)
    raise RuntimeError("espeak-ng says nothing with any of its voices")


def _aligned(known: Clip | None, samples: np.ndarray) -> Clip | None:
    return align(known, samples) if known else None


def loudness(samples: np.ndarray) -> float:
    """Root mean square of where something is said."""
    loud = np.abs(samples) > 0.02 * np.abs(samples).max()
    return float(np.sqrt(np.mean(samples[loud] ** 2)))


def mixed(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """float32 samples of the scene: clips at one loudness, in a quiet room."""
    sound = np.zeros(int(scene.length * RATE), np.float32)
    for placed in scene.placed:
        samples = placed.utterance.entry["clip"].samples
        level = LOUDNESS / max(1e-5, loudness(samples)) * 10 ** (placed.gain / 20)
        first = max(0, int(placed.start * RATE))
        part = (samples * level)[: max(0, len(sound) - first)]
        sound[first : first + len(part)] += part
    gain = 10 ** (rng.uniform(-12, 3) / 20)
    noise = rng.normal(0, LOUDNESS * 10 ** (-rng.uniform(20, 45) / 20), len(sound))
    return ((sound + noise) * gain).clip(-1, 1).astype(np.float32)


def expectations(scene: Scene, suite: Suite) -> tuple[Expected, ...]:
    """What the scene's demands ask for, in seconds of sound. Demands that the stream's end cuts short are left out."""
    target, found = scene.target(), []
    for number, demand in enumerate(scene.demands):
        following = scene.demands[number + 1].beat if number + 1 < len(scene.demands) else scene.beats
        last = min(following, scene.beats)
        found += _expected(scene, suite, demand, last, target)
    return tuple(found)


def _expected(scene: Scene, suite: Suite, demand: Demand, last: int, target: np.ndarray) -> list[Expected]:
    words = tuple(v.TOKENS[token] for token in demand.tokens if v.is_word(token))
    if demand.beat >= scene.beats - 5:
        return []
    if demand.category == "cue" and suite in (Suite.CUESPEAK, Suite.DELEGATION):
        end = _ended(scene, demand.beat)
        return [Say("cue", *cuespeak_window(end), words, end)]
    if demand.category in ("timed", "every"):
        wait = v.NUMBERS.index(v.TOKENS[demand.about[0]]) if demand.category == "timed" else demand.about[0] / 5
        due = demand.beat * BEAT + 0.1  # the middle of the beat in which the wait is over, to within half a beat
        return [Say(demand.category, *timespeak_window(due, wait), words, due)]
    if demand.category in ("delegate", "cancel", "amend"):
        begin, end = cuespeak_window(_ended(scene, demand.beat))
        told = Say(
            {"delegate": "acknowledged", "cancel": "cancelled", "amend": "amended"}[demand.category],
            begin,
            end + 1.6,
            words,
        )
        return [Hand(begin, end), told] if demand.category == "delegate" else [told]
    if demand.category == "deliver":
        until = min(last, demand.beat + sum(v.beats_to_say(t) for t in demand.tokens) + 6)
        if (target[demand.beat : until] != 0).sum() < len(demand.tokens):
            return []
        return [Recite(demand.beat * BEAT + 0.1, until * BEAT + 0.1, words)]
    if suite is Suite.DUPLEX and demand.category == "stop":
        by = (demand.beat + 3) * BEAT + 0.1
        until = (min(last, demand.beat + 12)) * BEAT + 0.1
        was_due = target[max(0, demand.beat - 4) : demand.beat].any()
        return (
            [Stop("stops within two beats", (demand.beat - 6) * BEAT, by, until)]
            if was_due and until > by + 0.3
            else []
        )
    if suite is Suite.DUPLEX and demand.category == "question":
        end = _ended(scene, demand.beat)
        return [Say("answers anew", *cuespeak_window(end), words, end)]
    if suite is Suite.DUPLEX and demand.category == "long":
        return [*_goes_on(scene, demand, last, target)]
    return []


def _goes_on(scene: Scene, demand: Demand, last: int, target: np.ndarray) -> list[Expected]:
    """Over each backchannel, aside and television while the long answer is due: something is said after it."""
    names = {"backchannel": "talks over backchannel", "aside": "ignores side talk"}
    found: list[Expected] = []
    for placed in scene.placed:
        name = "ignores background speech" if placed.aloof else names.get(placed.utterance.kind)
        begin, end = beat_of(placed.start) + 2, beat_of(placed.end) + 5
        if (
            name
            and demand.beat < begin
            and end < last
            and (target[begin:end] != 0).sum() >= 2
            and target[end - 3 : end].any()
        ):
            found.append(GoOn(name, (end - 4) * BEAT + 0.1, end * BEAT + 0.3))
    return found


def _ended(scene: Scene, beat: int) -> float:
    """When the word ended that was labelled at this beat."""
    for placed in scene.placed:
        for end, label in zip(placed.utterance.ends, placed.labels, strict=False):
            if label == beat:
                return round(float(placed.start + end), 3)
    return beat * BEAT


def item_of(
    scene: Scene, suite: Suite, split: str, name: str, voice: str, expect: tuple[Expected, ...] | None = None
) -> Item:
    """The scene as an item; what is expected comes from its demands, where it is not given."""
    heard = [(placed, n) for placed in scene.placed if not placed.aloof for n in range(len(placed.labels))]
    return Item(
        name,
        suite,
        split,
        round(scene.length, 3),
        sound=f"{name}.wav",
        voice=voice,
        words=tuple(_word(placed, n) for placed, n in heard),
        notes=tuple(
            Laid(round(note.beat * BEAT + 0.1, 3), v.decode(list(note.tokens[1:])), KINDS[v.TOKENS[note.tokens[0]]])
            for note in scene.notes
        ),
        speaking=tuple((round(float(p.start), 3), round(float(p.end), 3)) for p in scene.placed if not p.aloof),
        expect=() if suite is Suite.WORDS else expectations(scene, suite) if expect is None else expect,
    )


def _word(placed: Placed, n: int) -> Spoken:
    word = placed.utterance.words[n]
    return Spoken(v.TOKENS[word], round(float(placed.start + placed.utterance.ends[n]), 3), content=word in CONTENT)


def write_wav(path: Path, samples: np.ndarray, eight_bits: bool) -> None:
    """Mono, 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1 if eight_bits else 2)
        file.setframerate(RATE)
        if eight_bits:
            file.writeframes(np.clip(np.rint(samples * 128 + 128), 0, 255).astype(np.uint8).tobytes())
        else:
            file.writeframes((samples * 32767).astype("<i2").tobytes())


def make(
    suite: Suite, split: str, count: int, beats: int, out: Path, eight_bits: bool = False, seed: int = 0
) -> list[Item]:
    """Items with their sounds written to the folder."""
    return [make_one(suite, split, beats, out, eight_bits, seed, number) for number in range(count)]


def make_one(
    suite: Suite, split: str, beats: int, out: Path, eight_bits: bool, seed: int, number: int, kokoro: float = 0.0
) -> Item:
    """One item; the same for the same arguments."""
    name = seen_items.name_of(suite, split, seed, number)
    rng = np.random.default_rng(seed_of("items", suite.value, split, beats, seed, number))
    while True:
        try:
            return _tried(suite, split, beats, out, eight_bits, name, rng, kokoro)
        except (NoClip, ValueError):  # nothing fits, or nothing is expected
            continue


def _tried(
    suite: Suite,
    split: str,
    beats: int,
    out: Path,
    eight_bits: bool,
    name: str,
    rng: np.random.Generator,
    kokoro: float,
) -> Item:
    voice_name, voice = voices_of(split, rng, kokoro)
    task = str(rng.choice(TASKS[suite]))
    clean = None
    if task in overlaps.KINDS:
        scene = Scene(BENCHMARK_BEATS, rng, task)
        expected, clean = overlaps.KINDS[task](scene, SynthSpeaker(voice, rng))
        item = item_of(scene, suite, split, name, voice_name, (expected,))
    else:
        scene = sample(rng, task, lambda: SynthSpeaker(voice, rng), beats, tries=6)
        item = item_of(scene, suite, split, name, voice_name)
    room = int(rng.integers(2**31))
    write_wav(out / item.sound, _levelled(mixed(scene, np.random.default_rng(room)), eight_bits), eight_bits)
    if clean is not None:
        item = msgspec.structs.replace(item, clean=f"{name}-clean.wav")
        write_wav(out / item.clean, _levelled(mixed(clean, np.random.default_rng(room)), eight_bits), eight_bits)
    return item


def _levelled(sound: np.ndarray, eight_bits: bool) -> np.ndarray:
    """Close to full scale where eight bits are to be enough."""
    return sound * (0.5 / max(0.05, float(np.abs(sound).max()))) if eight_bits else sound


def spread(
    jobs: int,
    split: str,
    wanted: list[tuple[Suite, int, int]],
    out: Path,
    eight_bits: bool = False,
    seed: int = 0,
    kokoro: float = 0.0,
) -> list[Item]:
    """Items (suite, beats, number) by several processes at a time, a fresh one for each: espeak-ng goes on where it was in its noise, and is dumb
    after Piper, which brings its own.
    """
    found: list[Item] = []
    start = time.perf_counter()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["training.overlaps", "counterpoint.evaluation.items"])  # costly imports, once
    with context.Pool(jobs, maxtasksperchild=1) as pool:
        work = partial(_made, split=split, out=out, eight_bits=eight_bits, seed=seed, kokoro=kokoro)
        for item in pool.imap(work, wanted):
            found.append(item)
            seconds = time.perf_counter() - start
            left = (len(wanted) - len(found)) * seconds / len(found) / 60
            print(f"\r{split}: {len(found)} of {len(wanted)} items, {left:.1f} min left  ", end="", flush=True)
    print(f"\n{split}: {(time.perf_counter() - start) / 60 / len(found) * 100:.1f} min for 100 items", flush=True)
    return found


def _made(one: tuple[Suite, int, int], split: str, out: Path, eight_bits: bool, seed: int, kokoro: float) -> Item:
    """An item, from the folder if a run that was broken off left it there."""
    suite, beats, number = one
    record = out / f"{seen_items.name_of(suite, split, seed, number)}.json"
    if record.exists():
        return msgspec.json.decode(record.read_bytes(), type=Item)
    item = make_one(suite, split, beats, out, eight_bits, seed, number, kokoro)
    record.write_bytes(msgspec.json.encode(item))
    return item


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100, help="items of each suite and split")
    parser.add_argument("--suites", default=",".join(suite.value for suite in TASKS))
    parser.add_argument("--splits", default="seen voices,unseen variants,unseen synthesizers")
    parser.add_argument("--thirty", action="store_true", help="the small set that comes with the package")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--kokoro", type=float, default=0.0, help="share of the unseen synthesizers' items that Kokoro says"
    )
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    known = load_items(arguments.out) if (arguments.out / "items.json").exists() else ()
    items = {item.id: item for item in known}
    suites = [Suite(name) for name in arguments.suites.split(",")]
    if for_eyes := [suite for suite in suites if suite in seen_items.TASKS]:
        items = seen_items.make(for_eyes, arguments.count, arguments.out, arguments.seed, items)
        save_items(tuple(items.values()), arguments.out)
    for split in arguments.splits.split(","):
        sizes = {suite: THIRTY[suite] if arguments.thirty else (BEATS[suite], arguments.count) for suite in TASKS}
        wanted = [
            (suite, sizes[suite][0], number)
            for suite in suites
            if suite in TASKS
            for number in range(sizes[suite][1])
            if seen_items.name_of(suite, split, arguments.seed, number) not in items
        ]
        if not wanted:
            continue
        made = spread(arguments.jobs, split, wanted, arguments.out, arguments.thirty, arguments.seed, arguments.kokoro)
        items |= {item.id: item for item in made}
        save_items(tuple(items.values()), arguments.out)
    for record in arguments.out.glob("*-[0-9]*.json"):  # they are in items.json now
        record.unlink()


if __name__ == "__main__":
    main()
