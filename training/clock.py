"""When the beats of a stream are: one after the other, or with minutes of silence leapt over.

What is forgotten anyway need not be computed: beyond the window only words are remembered, so a stream of 25 s in which the clock leaps teaches a
memory of minutes at the price of seconds. Only where nothing is timed and no note is on its way. The first beats of all, which are never forgotten, may
lie half an hour back in any stream.
"""

from __future__ import annotations

import numpy as np

from counterpoint.interaction.nn.model import Config
from training.scene import Scene

WITH_RULES = frozenset({"cue", "brisk cue"})
WITHOUT = frozenset({"dictation", "chatter"})
SHORTEST, REMEMBERED, LONGEST = 80, 1300, 9000
"""Beats: a leap leaves the window; a rule must still be remembered after it; half an hour."""
SINKS = Config().sinks


def clock(scene: Scene, rng: np.random.Generator, chance: float) -> np.ndarray:
    """int64 [beats]. Streams start anywhere in the first five minutes of a conversation."""
    when = np.arange(scene.beats) + rng.integers(0, 1500)
    if rng.random() < chance:
        when[SINKS:] += _span(rng, LONGEST)
    if scene.task in WITH_RULES | WITHOUT and rng.random() < chance:
        quiet = quiet_beats(scene)
        if len(quiet):
            longest = REMEMBERED if scene.task in WITH_RULES else LONGEST
            when[int(rng.choice(quiet)) :] += _span(rng, longest)
    return when


def _span(rng: np.random.Generator, longest: int) -> int:
    return int(np.exp(rng.uniform(np.log(SHORTEST), np.log(longest))))


def quiet_beats(scene: Scene) -> np.ndarray:
    """Beats in which the person is silent, and has been for the beat before, and the model owes nothing."""
    busy = scene.speaking()
    busy[1:] |= busy[:-1]
    for demand in scene.demands:
        busy[max(0, demand.beat - 1) : demand.beat + 4] = True
    busy[: SINKS + 1] = True
    return np.flatnonzero(~busy)
