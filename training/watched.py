"""The film of `counterpoint demo --watch`: somebody before a camera asks for what they do to be counted, then for a thing to be told when it appears.

Movements, views, and pairs of colour and thing are those that are trained on; the film is none of those, and the voice never was. Nothing here knows
whether a model gets it right; `training/demonstration.py` lets one try.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from counterpoint.cli.demo_film import FILM, Sight, save_sights
from counterpoint.evaluation.items import Answer, Count, Item, Spoken, Suite
from counterpoint.interaction.nn import vocabulary as v
from training.bank import seed_of
from training.phrases import held_thing
from training.pictures import FRAME_SECONDS, Film, Thing, shoot
from training.scene import Scene
from training.scene_items import CONTENT
from training.voices import Clip
from training.watching import bout, film

LONGEST_REPLY = 3.0
"""Seconds after something has appeared in which it is to be told."""


@dataclass(frozen=True)
class Appears:
    """A thing, so many seconds after the one before; whether it was asked for."""

    colour: str
    kind: str
    after: float
    lasts: float
    place: tuple[float, float]
    asked: bool = False


@dataclass(frozen=True)
class Play:
    """`seconds`: of a repetition. The lines are said in the order in which they stand here."""

    seed: int
    tally: str
    movement: str
    times: int
    seconds: float
    wish: str
    things: tuple[Appears, ...]


PLAY = Play(
    seed=2,
    tally="please count how many times i squat",
    movement="squat",
    times=5,
    seconds=1.7,
    wish="tell me when you see a blue ball",
    things=(
        Appears("red", "house", 1.0, 2.6, (0.2, 0.27)),
        Appears("blue", "ball", 3.2, 2.8, (0.8, 0.27), asked=True),
        Appears("yellow", "ball", 3.4, 2.4, (0.2, 0.27)),
        Appears("blue", "hat", 2.8, 2.4, (0.8, 0.73)),
    ),
)


@dataclass(frozen=True)
class Staged:
    """When everything happens, in seconds."""

    lines: tuple[tuple[float, Clip], ...]
    film: Film
    beats: int


def staged(play: Play, clips: tuple[Clip, Clip], duration: tuple[float, float]) -> Staged:
    """`duration`: of the two lines."""
    assert not any(held_thing(each.colour, each.kind) for each in play.things)
    scene = Scene(400, np.random.default_rng(seed_of("demonstration", play.seed)))
    drawn = film(scene, (play.movement,))
    repetitions = bout(scene, play.movement, 0.7 + duration[0] + 1.1, play.times, play.seconds)
    wish = repetitions[-1].end + 2.2
    now, things = wish + duration[1], list[Thing]()
    for each in play.things:
        now += each.after
        things.append(Thing(each.kind, each.colour, now, now + each.lasts, each.place, scene.rng.uniform(0.12, 0.15)))
    beats = int(np.ceil((now + play.things[-1].lasts + 1.0) / FRAME_SECONDS))
    drawn = replace(
        drawn, repetitions=tuple(repetitions), things=tuple(things), offset=0.0, lost=0.0, noise=0.0, shaking=0.0, light=1.0
    )  # fmt: skip
    return Staged(((0.7, clips[0]), (wish, clips[1])), drawn, beats)


def expected(play: Play, scenes: Film) -> tuple[Count, *tuple[Answer, ...]]:
    """The repetitions, and the things that were asked for."""
    asked = [thing for thing, each in zip(scenes.things, play.things, strict=True) if each.asked]
    count = Count(tuple((_rounded(each.begin), _rounded(each.end)) for each in scenes.repetitions))
    return count, *(
        Answer(
            (_rounded(each.begin), _rounded(each.end)),
            (_rounded(each.begin), _rounded(each.begin + LONGEST_REPLY)),
            ((each.colour,), (each.kind,)),
        )
        for each in asked
    )


def item_of(play: Play, scenes: Staged, sound: str, voice: str) -> Item:
    """Both lines, and what is expected of them."""
    return Item(
        "watch",
        Suite.REPCOUNT,
        "unseen synthesizers",
        _rounded(scenes.beats * FRAME_SECONDS),
        sound=sound,
        frames=FILM,
        frame_rate=1 / FRAME_SECONDS,
        voice=voice,
        words=tuple(
            Spoken(word, _rounded(start + end), content=v.IDS[word] in CONTENT)
            for start, clip in scenes.lines
            for word, end in zip(clip.words, clip.ends, strict=True)
        ),
        speaking=tuple((_rounded(start), _rounded(start + clip.ends[-1])) for start, clip in scenes.lines),
        expect=expected(play, scenes.film),
    )


def sights(scenes: Film) -> tuple[Sight, ...]:
    """What is to be seen from when to when, in the order of time."""
    found = [Sight(each.movement, _rounded(each.begin), _rounded(each.end)) for each in scenes.repetitions]
    found += [Sight(f"{each.colour} {each.kind}", _rounded(each.begin), _rounded(each.end)) for each in scenes.things]
    return tuple(sorted(found, key=lambda each: each.begin))


def save_film(scenes: Staged, folder: Path) -> int:
    """The pictures, and what is to be seen in them. Returns the bytes of the pictures."""
    frames, _ = shoot(scenes.film, scenes.beats)
    head = f"P6\n{frames.shape[2]} {frames.shape[1]}\n255\n".encode()
    data = gzip.compress(b"".join(head + frame.tobytes() for frame in frames), 9, mtime=0)
    (folder / FILM).write_bytes(data)
    save_sights(sights(scenes.film), folder)
    return len(data)


def _rounded(seconds: float) -> float:
    return round(float(seconds), 3)
