"""What a batch holds, and batches that depend on the seed, the step and the worker only: a resumed run goes on with the same streams."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from counterpoint.interaction.nn.dmel import Levels
from training.bank import Bank, seed_of
from training.scene import NoClip
from training.streams import MIX, Collated, Stream, collate, make_stream


@dataclass(frozen=True)
class Recipe:
    """Streams of a step over all workers: with sound, and as bare words. `mix`: task shares."""

    audio: int = 14
    text: int = 2
    beats: int = 128
    noise: float = 0.05
    mix: tuple[tuple[str, float], ...] = tuple(MIX.items())

    def share(self, workers: int) -> Recipe:
        """One worker's part."""
        return Recipe(self.audio // workers, self.text // workers, self.beats, self.noise, self.mix)


def streams_of(recipe: Recipe, bank: Bank | None, levels: Levels, seed: int) -> list[Stream]:
    """Random streams of the recipe, bare words last."""
    rng = np.random.default_rng(seed)
    names = [name for name, _ in recipe.mix]
    weights = np.array([share for _, share in recipe.mix])
    found: list[Stream] = []
    while len(found) < recipe.audio + recipe.text:
        task = str(rng.choice(names, p=weights / weights.sum()))
        source = bank if len(found) < recipe.audio else None
        try:
            found.append(make_stream(rng, source, task, recipe.beats, levels))
        except NoClip:
            continue
    return found


class Feed:
    """One worker's batches. Looks for new parts of the bank every hundred steps."""

    def __init__(
        self, recipe: Recipe, folder: Path | None, levels: Levels, seed: int, rank: int = 0, prefix: str = "train"
    ) -> None:
        self._recipe, self._folder, self._levels, self._seed, self._rank, self._prefix = (
            recipe,
            folder,
            levels,
            seed,
            rank,
            prefix,
        )
        self._bank: Bank | None = None
        self._parts = self._looked = -1

    def batch(self, step: int) -> Collated:
        """The batch of the step."""
        self._look(step)
        seed = seed_of("batch", self._seed, step, self._rank)
        streams = streams_of(self._recipe, self._bank, self._levels, seed)
        return collate(streams, np.random.default_rng(seed + 1), self._recipe.noise)

    def _look(self, step: int) -> None:
        if self._folder is None or step // 100 == self._looked:
            return
        self._looked = step // 100
        count = sum(".tmp" not in path.name for path in self._folder.glob(f"{self._prefix}*.npy"))
        if count != self._parts:
            self._bank, self._parts = Bank.load(self._folder, self._prefix), count
