"""The film of `counterpoint demo --watch`: somebody before a camera asks for what they do to be counted, or for a thing to be told when it appears.

Movements, views, and pairs of colour and thing are those that are trained on; the film is none of those, and the voice never was. Nothing here knows
whether a model gets it right; `training/demonstration.py` lets one try.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from counterpoint.cli.demo_film import FILM, Sight, save_sights
from counterpoint.evaluation.items import Answer, Count, Expected, Item, Spoken, Suite
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import RATE
from training.bank import seed_of
from training.phrases import held_thing
from training.pictures import FRAME_SECONDS, Film, Repetition, Thing, shoot
from training.scene import Scene
from training.scene_items import CONTENT, rounded
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
class Act:
    """What is asked for, then what is done and shown. `idle`: a movement that is not meant, and how often, before the one that is."""

    line: str
    movement: str = ""
    times: int = 0
    idle: tuple[str, int] = ("", 0)
    things: tuple[Appears, ...] = ()


@dataclass(frozen=True)
class Play:
    """`seconds`: of a repetition, about."""

    seed: int
    seconds: float
    acts: tuple[Act, ...]


PLAY = Play(
    seed=303,
    seconds=1.6,
    acts=(
        Act(
            "tell me when you see a blue ball",
            things=(
                Appears("orange", "house", 1.0, 2.6, (0.2, 0.27)),
                Appears("blue", "ball", 3.2, 2.8, (0.8, 0.27), asked=True),
                Appears("green", "ball", 3.4, 2.4, (0.2, 0.27)),
            ),
        ),
        Act("count each time i lift", "lift", 4),
        Act("please count how many times i squat", "squat", 4),
    ),
)
"""Chosen among some dozens because the weights that ship get it right from five places within a beat; `docs/native-model.md` says how they do elsewhere."""


@dataclass(frozen=True)
class Staged:
    """When everything happens, in seconds."""

    lines: tuple[tuple[float, Clip], ...]
    film: Film
    beats: int
    expect: tuple[Expected, ...]


def staged(play: Play, clips: Sequence[Clip]) -> Staged:
    """`clips`: the lines, spoken."""
    assert not any(held_thing(each.colour, each.kind) for act in play.acts for each in act.things)
    scene = Scene(400, np.random.default_rng(seed_of("demonstration", play.seed)))
    movements = {each for act in play.acts for each in (act.movement, act.idle[0]) if each}
    drawn = film(scene, tuple(sorted(movements)))
    now, lines, done, things, expect = 0.7, [], list[Repetition](), list[Thing](), list[Expected]()
    for act, clip in zip(play.acts, clips, strict=True):
        lines.append((now, clip))
        now += len(clip.samples) / RATE + 1.0
        for movement, times, meant in ((*act.idle, False), (act.movement, act.times, True)):
            found = bout(scene, movement, now, times, play.seconds)
            done += found
            now = found[-1].end + 0.8 if found else now
            if found and meant:
                expect.append(Count(tuple((rounded(each.begin), rounded(each.end)) for each in found)))
        for each in act.things:
            now += each.after
            size = scene.rng.uniform(0.12, 0.15)
            things.append(Thing(each.kind, each.colour, now, now + each.lasts, each.place, size))
            expect += [answer(things[-1])] if each.asked else []
        now += 1.4 + (act.things[-1].lasts if act.things else 0.0)
    drawn = replace(
        drawn, repetitions=tuple(done), things=tuple(things), offset=0.0, lost=0.0, noise=0.0, shaking=0.0, light=1.0
    )  # fmt: skip
    return Staged(tuple(lines), drawn, int(np.ceil(now / FRAME_SECONDS)), tuple(expect))


def answer(thing: Thing) -> Answer:
    """Of what was asked for: its colour and what it is."""
    begin = rounded(thing.begin)
    reply = (begin, rounded(thing.begin + LONGEST_REPLY))
    return Answer((begin, rounded(thing.end)), reply, ((thing.colour,), (thing.kind,)))


def item_of(scenes: Staged, sound: str, voice: str) -> Item:
    """The lines, and what is expected of them."""
    return Item(
        "watch",
        Suite.REPCOUNT,
        "unseen synthesizers",
        rounded(scenes.beats * FRAME_SECONDS),
        sound=sound,
        frames=FILM,
        frame_rate=1 / FRAME_SECONDS,
        voice=voice,
        words=tuple(
            Spoken(word, rounded(start + end), content=v.IDS[word] in CONTENT)
            for start, clip in scenes.lines
            for word, end in zip(clip.words, clip.ends, strict=True)
        ),
        speaking=tuple((rounded(start), rounded(start + clip.ends[-1])) for start, clip in scenes.lines),
        expect=scenes.expect,
    )


def sights(scenes: Film) -> tuple[Sight, ...]:
    """What is to be seen from when to when, in the order of time."""
    found = [Sight(each.movement, rounded(each.begin), rounded(each.end)) for each in scenes.repetitions]
    found += [Sight(f"{each.colour} {each.kind}", rounded(each.begin), rounded(each.end)) for each in scenes.things]
    return tuple(sorted(found, key=lambda each: each.begin))


def save_film(scenes: Staged, folder: Path) -> int:
    """The pictures, and what is to be seen in them. Returns the bytes of the pictures."""
    frames, _ = shoot(scenes.film, scenes.beats)
    head = f"P6\n{frames.shape[2]} {frames.shape[1]}\n255\n".encode()
    data = gzip.compress(b"".join(head + frame.tobytes() for frame in frames), 9, mtime=0)
    (folder / FILM).write_bytes(data)
    save_sights(sights(scenes.film), folder)
    return len(data)
