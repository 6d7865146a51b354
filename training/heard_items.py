"""Evaluation items for ears: scenes said by synthesizers, mixed as samples, what is expected in seconds of the sound.

Pairs, sums, times and voices are those that are never trained on ("seen voices": only the voices are known).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from counterpoint.evaluation.items import Expected, GoOn, Hand, Item, Recite, Say, Stop, Suite
from counterpoint.evaluation.windows import cuespeak_window, timespeak_window
from counterpoint.interaction.nn import vocabulary as v
from training import overlaps
from training.bank import seed_of
from training.item_sounds import levelled, mixed, write_wav
from training.item_voices import SynthSpeaker, voices_of
from training.scene import BEAT, Demand, NoClip, Scene, beat_of
from training.scene_items import name_of, rounded, scene_item
from training.tasks import is_sentence, sample

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
        kind = "a sentence" if is_sentence(words) else "random words"
        return [Recite(demand.beat * BEAT + 0.1, until * BEAT + 0.1, words, kind)]
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
                return rounded(placed.start + end)
    return beat * BEAT


def heard_item(
    scene: Scene, suite: Suite, split: str, name: str, voice: str, expect: tuple[Expected, ...] | None = None
) -> Item:
    """The scene as an item, its sound in `name`.wav; what is expected comes from its demands, where it is not given."""
    if expect is None:
        expect = () if suite is Suite.WORDS else expectations(scene, suite)
    return scene_item(scene, suite, split, name, expect, sound=f"{name}.wav", voice=voice)


def make(
    suite: Suite, split: str, count: int, beats: int, out: Path, eight_bits: bool = False, seed: int = 0
) -> list[Item]:
    """Items with their sounds written to the folder."""
    return [make_one(suite, split, beats, out, eight_bits, seed, number) for number in range(count)]


def make_one(
    suite: Suite, split: str, beats: int, out: Path, eight_bits: bool, seed: int, number: int, kokoro: float = 0.0
) -> Item:
    """One item; the same for the same arguments."""
    name = name_of(suite, split, seed, number)
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
        item = heard_item(scene, suite, split, name, voice_name, (expected,))
    else:
        scene = sample(rng, task, lambda: SynthSpeaker(voice, rng), beats, tries=6)
        item = heard_item(scene, suite, split, name, voice_name)
    room = int(rng.integers(2**31))
    write_wav(out / item.sound, levelled(mixed(scene, np.random.default_rng(room)), eight_bits), eight_bits)
    if clean is not None:
        item = msgspec.structs.replace(item, clean=f"{name}-clean.wav")
        write_wav(out / item.clean, levelled(mixed(clean, np.random.default_rng(room)), eight_bits), eight_bits)
    return item
