"""Films of four pictures that only the eyes are asked about: a step sees many more rooms, figures and things than its streams of 20 s hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from counterpoint.interaction.nn import vocabulary as v
from training import glimpses, phrases
from training.pictures import FRAME_SECONDS, Film, Repetition, Thing, shoot
from training.scene import Scene
from training.watching import film, place

PICTURES = 4
LENGTH = PICTURES * FRAME_SECONDS
MOVING = 0.35
"""Share of the films in which somebody moves; in the others things are there, or appear."""
_PAIRS = [(colour, kind) for colour in v.COLOURS for kind in phrases.THINGS if not phrases.held_thing(colour, kind)]


@dataclass(frozen=True)
class Flashes:
    """uint8 [films, PICTURES, 80, 80, 3], bool [films, PICTURES], which of them come, and what they show, float32 [films, PICTURES, names]."""

    pictures: Tensor
    seen: Tensor
    shown: Tensor

    def to(self, device: torch.device) -> Flashes:
        """The same on the device."""
        return Flashes(self.pictures.to(device), self.seen.to(device), self.shown.to(device))


def flash(rng: np.random.Generator) -> Film:
    """What happens in .8 s: a piece of some movements, or up to four things, nothing that is never trained on."""
    scene = Scene(PICTURES, rng)
    if rng.random() < MOVING:
        movement, begin, done = str(rng.choice(phrases.MOVES)), rng.uniform(-2.0, LENGTH), list[Repetition]()
        side = bool(rng.random() < 0.5)
        for _ in range(int(rng.integers(1, 4))):
            end = begin + rng.uniform(0.82, 2.4)
            done.append(Repetition(movement, begin, end, side, rng.uniform(0.4, 0.6), rng.uniform(0.85, 1.05)))
            begin = end
        return replace(film(scene, (movement,)), repetitions=tuple(done))
    things = list[Thing]()
    for _ in range(int(rng.integers(1, 5))):
        colour, kind = _PAIRS[int(rng.integers(len(_PAIRS)))]
        begin = rng.uniform(FRAME_SECONDS, LENGTH) if rng.random() < 0.5 else -1.0
        place(rng, things, colour, kind, begin, begin + rng.uniform(1.2, 4.0))
    return replace(film(scene, person=bool(rng.random() < 0.25)), things=tuple(things))


def flashes(count: int, rng: np.random.Generator) -> Flashes:
    """So many films."""
    films = [flash(rng) for _ in range(count)]
    shots = [shoot(each, PICTURES) for each in films]
    pictures, seen = (torch.from_numpy(np.stack(part)) for part in zip(*shots, strict=True))
    return Flashes(pictures, seen, torch.from_numpy(np.stack([glimpses.shown(each, PICTURES) for each in films])))


def loss(eyes: nn.Module, asked: Flashes) -> Tensor:
    """How badly the eyes tell what is shown, as `glimpses.loss`. Of a film's first picture nobody can say what is new in it."""
    vectors, _ = eyes(asked.pictures, asked.seen, eyes.begin(len(asked.seen)))
    return glimpses.loss(vectors[:, 1:], asked.shown[:, 1:], asked.seen[:, 1:])
