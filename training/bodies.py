"""A figure of lines in space: how movements bend it, and how a camera sees its limbs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

JOINTS = (
    "arm out left", "arm out right", "arm ahead left", "arm ahead right", "elbow left", "elbow right", "leg out left", "leg out right",
    "leg ahead left", "leg ahead right", "knee left", "knee right", "lean", "hop",
)  # fmt: skip
"""Angles in degrees from standing; `hop` in shares of the body's height."""

_BOTH = {
    "jump": {"arm out": 150, "leg out": 24, "hop": 0.06},
    "squat": {"leg ahead": 95, "knee": 115, "lean": 30, "arm ahead": 80},
    "lift": {"arm out": 165},
    "kick": {"leg ahead right": 85, "arm ahead left": 35},
    "bend": {"lean": 95, "arm ahead": 85},
    "wave": {"arm out right": 160, "elbow right": 30},
    "punch": {"arm ahead right": 92, "lean": 6},
    "lunge": {"leg ahead right": 60, "knee right": 62, "leg ahead left": -32, "knee left": 25},
}
UNSEEN = ("punch", "lunge")
"""Movements that are never trained on."""
AHEAD = ("squat", "kick", "bend", "punch", "lunge")
"""Movements towards the camera of who stands before it: seen from the side."""


def _angles(given: dict[str, float]) -> np.ndarray:
    found = np.zeros(len(JOINTS), np.float32)
    for name, value in given.items():
        for place, joint in enumerate(JOINTS):
            if joint == name or joint in (f"{name} left", f"{name} right"):
                found[place] = value
    return found


MOVEMENTS = {name: _angles(given) for name, given in _BOTH.items()}
"""Angles at the extreme of each."""
_MIRRORED = [
    JOINTS.index(joint.replace("left", "#").replace("right", "left").replace("#", "right")) for joint in JOINTS
]


@dataclass(frozen=True)
class View:
    """Where the camera stands. Degrees: `turn` around the figure, `above` it. `place`: of the figure's middle in the picture; `scale`: its height."""

    turn: float = 0.0
    above: float = 0.0
    place: tuple[float, float] = (0.5, 0.52)
    scale: float = 0.7


@dataclass(frozen=True)
class Body:
    """Shares of its height, and how thick its limbs are in pixels."""

    leg: float = 0.47
    torso: float = 0.33
    arm: float = 0.36
    shoulders: float = 0.10
    hips: float = 0.06
    head: float = 0.065
    thick: float = 1.6
    sway: float = 2.0


Limb = tuple[np.ndarray, np.ndarray, float, bool]
"""Start and end [T, 2] in shares of the picture, radius in pixels, whether it is dressed."""


def limbs(share: np.ndarray, body: Body, view: View, times: np.ndarray, rng: np.random.Generator) -> Iterator[Limb]:
    """The limbs of a figure that has come so far, [movements, sides, T], in its movements."""
    extremes = np.stack(list(MOVEMENTS.values()))
    angles = np.einsum("mt,mj->tj", share[:, 0], extremes) + np.einsum("mt,mj->tj", share[:, 1], extremes[:, _MIRRORED])
    angles[:, :-1] += body.sway * np.sin(times[:, None] * rng.uniform(0.5, 2.0, 13) + rng.uniform(0, 6.3, 13))
    pose = dict(zip(JOINTS, angles.T, strict=True))
    hop = pose.pop("hop")
    bent = {name: np.radians(value) for name, value in pose.items()}
    still = np.zeros_like(hop)
    legs = {side: _limb(bent, "leg", side, body.leg / 2, -bent[f"knee {side}"]) for side in ("left", "right")}
    ground = np.minimum(*(sum(parts)[1] for parts in legs.values()))
    hip = np.stack([still, hop - ground, still])
    neck = hip + body.torso * np.stack([still, np.cos(bent["lean"]), np.sin(bent["lean"])])
    head = neck + (body.head + 0.02) * np.stack([still, np.cos(bent["lean"]), np.sin(bent["lean"])])

    def seen(point: np.ndarray) -> np.ndarray:
        turn, above = np.radians(view.turn), np.radians(view.above)
        right = point[0] * np.cos(turn) + point[2] * np.sin(turn)
        away = point[2] * np.cos(turn) - point[0] * np.sin(turn)
        up = (point[1] - 0.5) * np.cos(above) - away * np.sin(above)
        return np.stack([view.place[0] + view.scale * right, view.place[1] - view.scale * up], -1)

    for side, sign in (("left", -1.0), ("right", 1.0)):
        start = hip + np.array([sign * body.hips, 0, 0])[:, None]
        knee = start + legs[side][0]
        yield seen(start), seen(knee), body.thick, True
        yield seen(knee), seen(knee + legs[side][1]), body.thick, True
    yield seen(hip), seen(neck), body.thick * 1.5, False
    for side, sign in (("left", -1.0), ("right", 1.0)):
        upper, lower = _limb(bent, "arm", side, body.arm / 2, bent[f"elbow {side}"])
        start = neck + np.array([sign * body.shoulders, 0, 0])[:, None]
        yield seen(neck), seen(start), body.thick, False
        yield seen(start), seen(start + upper), body.thick, False
        yield seen(start + upper), seen(start + upper + lower), body.thick, False
    yield seen(head), seen(head), body.head * view.scale * 80, False


def _limb(
    bent: dict[str, np.ndarray], name: str, side: str, length: float, joint: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower part [3, T]: right, up, ahead. `joint`: how much further ahead the lower part points."""
    sign = -1.0 if side == "left" else 1.0
    out, ahead = bent[f"{name} out {side}"], bent[f"{name} ahead {side}"]

    def part(forward: np.ndarray) -> np.ndarray:
        return length * np.stack([sign * np.sin(out), -np.cos(out) * np.cos(forward), np.cos(out) * np.sin(forward)])

    return part(ahead), part(ahead + joint)
