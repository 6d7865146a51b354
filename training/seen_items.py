"""Evaluation items for eyes: a film beside the item, the request as bare words, what is expected in seconds of the film.

The splits say what of the film was never trained on: nothing ("seen kinds"), the movements and the pairs of colour and thing ("unseen kinds"), the
camera angles ("unseen views"; things look the same from everywhere).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from counterpoint.evaluation.items import Answer, Count, Expected, Item, StartStop, Suite
from counterpoint.interaction.nn import vocabulary as v
from training.bank import seed_of
from training.pictures import Repetition, shoot
from training.scene import NoClip, Scene
from training.scene_items import name_of, rounded, scene_item
from training.speakers import TextSpeaker
from training.tasks import sample
from training.watching import KINDS, VIEWS

TASKS = {Suite.REPCOUNT: "counting", Suite.STARTSTOP: "calling", Suite.PAUC: "looking"}
SPLITS = {"seen kinds": "", "unseen kinds": KINDS, "unseen views": VIEWS}
SPLITS_OF = {Suite.REPCOUNT: tuple(SPLITS), Suite.STARTSTOP: tuple(SPLITS), Suite.PAUC: ("seen kinds", "unseen kinds")}
BEATS = {Suite.REPCOUNT: 110, Suite.STARTSTOP: 90, Suite.PAUC: 100}
LONGEST_REPLY = 5.0
"""Seconds after something has appeared in which it may be told."""


def expectations(scene: Scene, suite: Suite) -> tuple[Expected, ...]:
    """What is asked for, in seconds of the film. Raises NoClip where it is not one count, or one start and one stop."""
    if scene.film is None:
        raise NoClip
    if suite is Suite.PAUC:
        return _answers(scene)
    acted = [each for each in scene.film.repetitions if each.movement == scene.film.repetitions[-1].movement]
    if suite is Suite.REPCOUNT:
        if [demand.about for demand in scene.demands] != [(number,) for number in range(1, len(acted) + 1)]:
            raise NoClip
        return (Count(tuple((rounded(each.begin), rounded(each.end)) for each in acted)),)
    return (_span(scene, acted),)


def _span(scene: Scene, acted: list[Repetition]) -> StartStop:
    if [v.decode(list(demand.tokens)) for demand in scene.demands] != ["start", "stop"]:
        raise NoClip
    return StartStop(rounded(acted[0].begin), rounded(acted[-1].end))


def _answers(scene: Scene) -> tuple[Expected, ...]:
    """One for each thing that was asked about; it may be told until the next one comes."""
    if scene.film is None or any(demand.category != "sight" for demand in scene.demands):
        raise NoClip
    found: list[Expected] = []
    begins = [_appearance(scene, demand.beat, demand.about) for demand in scene.demands]
    for demand, thing, following in zip(scene.demands, begins, [*begins[1:], None], strict=True):
        latest = min(thing[0] + LONGEST_REPLY, scene.length, following[0] if following else scene.length)
        facts = tuple((v.TOKENS[token],) for token in demand.tokens)
        found.append(Answer(thing, (thing[0], rounded(latest)), facts))
    return tuple(found)


def _appearance(scene: Scene, beat: int, about: tuple[int, ...]) -> tuple[float, float]:
    """From when to when the thing is to be seen whose appearance is told at the beat."""
    film = scene.film
    for thing in film.things if film else ():
        if (v.IDS[thing.colour], v.IDS[thing.kind]) == about and film is not None and film.beat(thing.begin) == beat:
            return rounded(thing.begin), rounded(min(thing.end, scene.length))
    raise NoClip


def seen_item(scene: Scene, suite: Suite, split: str, name: str) -> Item:
    """The scene as an item, its frames in `name`.ppm."""
    return scene_item(scene, suite, split, name, expectations(scene, suite), frames=f"{name}.ppm")


def write_frames(path: Path, frames: np.ndarray) -> None:
    """Pixmaps (P6), one after the other, of uint8 [n, height, width, 3]."""
    _, height, width, _ = frames.shape
    head = f"P6\n{width} {height}\n255\n".encode()
    path.write_bytes(b"".join(head + frame.tobytes() for frame in frames))


def made(suite: Suite, split: str, number: int, out: Path, seed: int = 0) -> Item:
    """One item with its frames; the same for the same arguments."""
    name = name_of(suite, split, seed, number)
    rng = np.random.default_rng(seed_of("items", suite.value, split, BEATS[suite], seed, number))
    unseen = SPLITS[split]
    while True:
        try:
            speaker = TextSpeaker(rng, "test" if unseen == KINDS else "train")
            scene = sample(rng, TASKS[suite], lambda speaker=speaker: speaker, BEATS[suite], unseen=unseen)
            item = seen_item(scene, suite, split, name)
        except NoClip:
            continue
        assert scene.film is not None
        frames, _ = shoot(replace(scene.film, offset=0.0, lost=0.0), scene.beats)
        write_frames(out / item.frames, frames)
        return item


def make(suites: list[Suite], count: int, out: Path, seed: int, known: dict[str, Item]) -> dict[str, Item]:
    """So many items of each suite and split beside those that are known, which are not made again."""
    items = dict(known)
    for suite in suites:
        for split in SPLITS_OF[suite]:
            for number in range(count):
                name = name_of(suite, split, seed, number)
                items[name] = items.get(name) or made(suite, split, number, out, seed)
            print(f"{suite.value}, {split}: {count} items", flush=True)
    return items
