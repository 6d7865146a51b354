"""Drawn video: a figure that moves and things that appear, 80 x 80 pixels, with a room, a camera and noise. NumPy only.

A film says what is to be seen when, in seconds of the stream; `shoot` draws its frames. Knows nothing of what is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from counterpoint.interaction.nn.eyes import PICTURE
from training.bodies import MOVEMENTS, Body, View, limbs

COLOURS = {
    "red": (210, 30, 30), "blue": (35, 60, 215), "green": (30, 150, 45), "yellow": (240, 220, 40), "black": (15, 15, 15), "white": (248, 248, 248),
    "orange": (245, 140, 25), "purple": (135, 35, 165),
}  # fmt: skip
FRAME_SECONDS = 0.2
"""One picture a beat."""
_STRONG = 70.0
"""How far apart two colours are at least that must be told apart."""


@dataclass(frozen=True)
class Repetition:
    """A movement from standing to its extreme and back. `side`: whether it is mirrored; `peak`: when its extreme comes, as a share."""

    movement: str
    begin: float
    end: float
    side: bool = False
    peak: float = 0.5
    size: float = 1.0


@dataclass(frozen=True)
class Thing:
    """Something drawn in a colour from `begin` to `end`. Places and size in shares of the picture; `drift` a second."""

    kind: str
    colour: str
    begin: float
    end: float
    place: tuple[float, float]
    size: float
    drift: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Film:
    """All that is to be seen. `offset`: how long after a beat's beginning its picture is taken; `lost`: share of the pictures that never come."""

    repetitions: tuple[Repetition, ...] = ()
    things: tuple[Thing, ...] = ()
    person: bool = True
    view: View = field(default_factory=View)
    body: Body = field(default_factory=Body)
    offset: float = 0.0
    lost: float = 0.0
    noise: float = 0.0
    shaking: float = 0.0
    light: float = 1.0
    seed: int = 0

    def beat(self, moment: float) -> int:
        """The first beat whose picture shows the moment."""
        return max(0, int(np.ceil((moment - self.offset) / FRAME_SECONDS - 1e-9)))


def shoot(film: Film, beats: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [beats, 80, 80, 3], and bool [beats], which of them come."""
    rng = np.random.default_rng(film.seed)
    times = np.arange(beats) * FRAME_SECONDS + film.offset
    room = _room(rng, _palette(film, rng))
    canvas = np.repeat(room[None], beats, 0)
    shake = rng.normal(0, film.shaking, (beats, 2)).astype(np.float32) / PICTURE
    if film.person:
        _draw_person(canvas, film, times, shake, room, rng)
    for thing in film.things:
        _draw_thing(canvas, thing, times, shake, rng)
    canvas *= film.light * (1 + rng.normal(0, 0.01, beats).astype(np.float32))[:, None, None, None]
    if film.noise:
        canvas += rng.standard_normal((beats, PICTURE, PICTURE, 1), dtype=np.float32) * np.float32(film.noise)
    return np.clip(canvas, 0, 255, out=canvas).astype(np.uint8), rng.random(beats) >= film.lost


def _palette(film: Film, rng: np.random.Generator) -> np.ndarray:
    """A colour for the room that things can be told from."""
    used = [np.array(COLOURS[thing.colour], float) for thing in film.things]
    for _ in range(40):
        colour = (
            rng.uniform(20, 235, 3) if rng.random() < 0.4 else np.full(3, rng.uniform(20, 235)) + rng.normal(0, 12, 3)
        )
        if all(np.abs(colour - each).sum() > 2 * _STRONG for each in used):
            break
    return colour.clip(5, 250)


def _room(rng: np.random.Generator, colour: np.ndarray) -> np.ndarray:
    """float32 [80, 80, 3]: a wall of that colour, with a floor, a gradient, or blocks."""
    y, x = np.mgrid[0:PICTURE, 0:PICTURE].astype(np.float32) / PICTURE
    shade = rng.uniform(-18, 18) * (x - 0.5) + rng.uniform(-18, 18) * (y - 0.5)
    kind = rng.choice(["plain", "floor", "blocks"], p=[0.3, 0.45, 0.25])
    if kind == "floor":
        shade = shade + rng.choice([-1, 1]) * rng.uniform(8, 30) * (y > rng.uniform(0.6, 0.9))
    if kind == "blocks":
        side = int(rng.choice([8, 10, 16, 20]))
        small = rng.normal(0, rng.uniform(3, 12), (PICTURE // side, PICTURE // side)).astype(np.float32)
        shade = shade + np.kron(small, np.ones((side, side), np.float32))
    return (colour.astype(np.float32) + shade[..., None]).astype(np.float32)


def _draw_person(
    canvas: np.ndarray, film: Film, times: np.ndarray, shake: np.ndarray, room: np.ndarray, rng: np.random.Generator
) -> None:
    colour = _against(rng, room.mean((0, 1)))
    dress = _against(rng, room.mean((0, 1)))
    share = np.zeros((len(MOVEMENTS), 2, len(times)), np.float32)
    names = list(MOVEMENTS)
    for each in film.repetitions:
        share[names.index(each.movement), int(each.side)] += each.size * moved(times, each)
    drawn = {dressed: np.zeros(canvas.shape[:3], np.float32) for dressed in (True, False)}
    for start, end, radius, dressed in limbs(share, film.body, film.view, times, rng):
        capsule(drawn[dressed], start + shake, end + shake, radius)
    for dressed, cover in drawn.items():
        _blend(canvas, cover, dress if dressed else colour)


def moved(times: np.ndarray, each: Repetition) -> np.ndarray:
    """How far the movement has come, 0 standing, 1 at its extreme."""
    share = (times - each.begin) / (each.end - each.begin)
    inside = (share > 0) & (share < 1)
    phase = np.where(share < each.peak, share / (2 * each.peak), 0.5 + (share - each.peak) / (2 * (1 - each.peak)))
    return np.where(inside, (1 - np.cos(2 * np.pi * phase)) / 2, 0.0)


def _against(rng: np.random.Generator, behind: np.ndarray) -> np.ndarray:
    """A colour that is seen before the other one."""
    for _ in range(40):
        colour = rng.uniform(0, 255, 3)
        if np.abs((colour - behind) @ (0.299, 0.587, 0.114)) > _STRONG:
            return colour
    return np.full(3, 0.0 if behind.mean() > 128 else 255.0)


def capsule(cover: np.ndarray, start: np.ndarray, end: np.ndarray, radius: float) -> None:
    """A line with round ends in every frame of `cover` [T, 80, 80]: from `start` to `end` [T, 2], in shares of the picture."""
    a, b = start * PICTURE, end * PICTURE
    box = _box(np.minimum(a, b).min(0) - radius - 1, np.maximum(a, b).max(0) + radius + 1)
    if box is None:
        return
    x, y = _grid(box)
    dx, dy = (b - a).T[:, :, None, None].astype(np.float32)
    px, py = x - a[:, 0, None, None].astype(np.float32), y - a[:, 1, None, None].astype(np.float32)
    along = ((px * dx + py * dy) / (dx * dx + dy * dy + np.float32(1e-6))).clip(0, 1)
    px -= along * dx
    py -= along * dy
    part = cover[(slice(None), *box)]
    np.maximum(part, np.float32(0.5 + radius) - np.sqrt(px * px + py * py), out=part)


def _blend(canvas: np.ndarray, cover: np.ndarray, colour: np.ndarray) -> None:
    """Paints the colour where it is covered, above 1 wholly."""
    rows, columns = (np.flatnonzero(cover.any(axes)) for axes in ((0, 2), (0, 1)))
    if not len(rows):
        return
    box = (slice(None), slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    part = canvas[box]
    part += np.minimum(cover[box], 1)[..., None] * (np.asarray(colour, np.float32) - part)


def _box(low: np.ndarray, high: np.ndarray) -> tuple[slice, slice] | None:
    """Rows and columns; None outside of the picture."""
    left, top = np.floor(low).clip(0, PICTURE).astype(int)
    right, bottom = np.ceil(high).clip(0, PICTURE).astype(int)
    return (slice(top, bottom), slice(left, right)) if right > left and bottom > top else None


def _grid(box: tuple[slice, slice]) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = box
    y, x = np.mgrid[rows, columns].astype(np.float32) + np.float32(0.5)
    return x, y


def _paint(canvas: np.ndarray, box: tuple[slice, slice], outside: np.ndarray, colour: np.ndarray) -> None:
    """Blends the colour in where the signed distance is below 0, half a pixel softly."""
    cover = (0.5 - outside).clip(0, 1)[..., None].astype(np.float32)
    part = canvas[(slice(None), *box)]
    part += cover * (np.asarray(colour, np.float32) - part)


def _draw_thing(
    canvas: np.ndarray, thing: Thing, times: np.ndarray, shake: np.ndarray, rng: np.random.Generator
) -> None:
    there = np.flatnonzero((times >= thing.begin) & (times < thing.end))
    if not len(there):
        return
    age = (times[there] - thing.begin)[:, None]
    centre = ((np.array(thing.place) + np.array(thing.drift) * age + shake[there]) * PICTURE).astype(np.float32)
    reach = thing.size * PICTURE * 1.3
    box = _box(centre.min(0) - reach, centre.max(0) + reach)
    if box is None:
        return
    x, y = _grid(box)
    colour = np.array(COLOURS[thing.colour]) + rng.normal(0, 9, 3)
    part = canvas[there[0] : there[-1] + 1]
    scale = np.float32(thing.size * PICTURE)
    u, w = (x - centre[:, 0, None, None]) / scale, (y - centre[:, 1, None, None]) / scale
    _paint(part, box, THINGS[thing.kind](u, w) * scale, colour)


def _disc(x: np.ndarray, y: np.ndarray, radius: float = 1.0) -> np.ndarray:
    return np.hypot(x, y) - radius


def _block(x: np.ndarray, y: np.ndarray, half: tuple[float, float]) -> np.ndarray:
    return np.maximum(np.abs(x) - half[0], np.abs(y) - half[1])


def _wedge(x: np.ndarray, y: np.ndarray, half: float, height: float) -> np.ndarray:
    """A triangle with its tip above, its base at y = 0."""
    slope = np.hypot(half, height)
    return np.maximum(y, (np.abs(x) * height - (y + height) * half) / slope)


def _ball(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _disc(x, y, 0.85)


def _house(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    walls = np.maximum(_block(x, y - 0.4, (0.7, 0.5)), -_block(x, y - 0.6, (0.16, 0.3)))
    return np.minimum(walls, _wedge(x, y + 0.1, 0.95, 0.8))


def _tree(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    crown = np.minimum(_wedge(x, y - 0.45, 0.75, 0.9), _wedge(x, y + 0.1, 0.55, 0.8))
    return np.minimum(crown, _block(x, y - 0.7, (0.13, 0.28)))


def _fish(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    body = (np.hypot((x + 0.2) / 0.75, y / 0.42) - 1) * 0.42
    return np.minimum(body, _wedge(y, x - 1.0, 0.45, 0.6))


def _flower(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    angle, away = np.arctan2(y + 0.25, x), np.hypot(x, y + 0.25)
    petals = away - (0.48 + 0.2 * np.cos(5 * angle))
    return np.minimum(np.maximum(petals, 0.16 - away), _block(x, y - 0.65, (0.07, 0.35)))


def _cup(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    handle = np.abs(np.hypot(x - 0.55, y) - 0.3) - 0.09
    return np.minimum(
        np.maximum(_block(x + 0.1, y, (0.6, 0.65)), -_block(x + 0.1, y + 0.62, (0.45, 0.12))),
        np.maximum(handle, 0.5 - x),
    )


def _hat(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.minimum(_block(x, y - 0.45, (1.0, 0.13)), _block(x, y + 0.1, (0.55, 0.5)))


def _key(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    bow = np.abs(np.hypot(x + 0.6, y) - 0.28) - 0.12
    shaft = np.minimum(_block(x - 0.35, y, (0.65, 0.1)), _block(x - 0.85, y - 0.2, (0.09, 0.2)))
    return np.minimum(np.minimum(bow, shaft), _block(x - 0.55, y - 0.18, (0.08, 0.18)))


THINGS = {
    "ball": _ball, "house": _house, "tree": _tree, "fish": _fish, "flower": _flower, "cup": _cup, "hat": _hat, "key": _key,
}  # fmt: skip
"""Signed distances, roughly, of things about two wide around the middle."""
