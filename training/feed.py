"""What a batch holds, and batches that depend on the seed, the step and the worker only: a resumed run goes on with the same streams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from counterpoint.interaction.nn.dmel import Levels
from training.bank import Bank, seed_of
from training.echo import own_words
from training.flashes import Flashes, flashes
from training.scene import NoClip
from training.streams import MIX, SEEN_MIX, TEXT_MIX, Collated, Stream, collate, make_stream


@dataclass(frozen=True)
class Recipe:
    """Streams of a step over all workers, with sound, as bare words and with a camera, and their beats.

    `noise`: share of the fed-back words of streams with sound that is lost; fewer are wrong. Bare words stay as they are: nothing there could tell the
    model which word was meant, so it would learn to answer any word as if it were the cue. `leaps`: share of the streams that leap over minutes, where
    that can be. `long`: share of the steps whose bare words are a quarter of the streams, four times as long: memory of many words. `long_audio`: the
    same of those with sound, a third and three times. `mix`: task shares of the bare words. `flashes`: films that only the eyes are asked about, for each
    stream with a camera.
    """

    audio: int = 12
    text: int = 16
    beats: int = 128
    text_beats: int = 80
    long: float = 0.3
    long_audio: float = 0.2
    noise: float = 0.06
    leaps: float = 0.4
    seen: int = 0
    seen_beats: int = 100
    flashes: int = 8
    mix: Mapping[str, float] = field(default_factory=lambda: TEXT_MIX)

    def share(self, workers: int) -> Recipe:
        """One worker's part."""
        return replace(self, audio=self.audio // workers, text=self.text // workers, seen=self.seen // workers)


def streams_of(
    count: int, beats: int, mix: Mapping[str, float], bank: Bank | None, levels: Levels, rng: np.random.Generator
) -> list[Stream]:
    """Random streams by task shares; bare words where there is no bank."""
    names = list(mix)
    weights = np.array([mix[name] for name in names])
    found: list[Stream] = []
    while len(found) < count:
        task = str(rng.choice(names, p=weights / weights.sum()))
        try:
            found.append(make_stream(rng, bank, task, beats, levels))
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

    def batches(self, step: int) -> list[Collated | Flashes]:
        """The batches of the step: streams with sound, bare words, streams with a camera, films for the eyes alone."""
        self._look(step)
        recipe = self._recipe
        rng = np.random.default_rng(seed_of("batch", self._seed, step, self._rank))
        found: list[Collated | Flashes] = []
        if recipe.audio:
            long = 3 if recipe.audio >= 3 and rng.random() < recipe.long_audio else 1
            streams = streams_of(recipe.audio // long, recipe.beats * long, MIX, self._bank, self._levels, rng)
            found.append(collate(streams, rng, recipe.noise, leaps=recipe.leaps))
        if recipe.text:
            long = 4 if recipe.text >= 4 and rng.random() < recipe.long else 1
            streams = streams_of(recipe.text // long, recipe.text_beats * long, recipe.mix, None, self._levels, rng)
            found.append(collate(streams, rng, 0.0, leaps=recipe.leaps))
        if recipe.seen:
            found.append(collate(self._seen(rng), rng, 0.0))
            if recipe.flashes:
                found.append(flashes(recipe.flashes * recipe.seen, rng))
        return found

    def _seen(self, rng: np.random.Generator) -> list[Stream]:
        """Streams with a camera; half of them by voices that were recorded asking for what is seen, if there are any."""
        recipe = self._recipe
        asks = self._bank is not None and any("look out" in kinds for kinds in self._bank.by_voice.values())
        heard = recipe.seen // 2 if asks else 0
        return [
            *streams_of(heard, recipe.seen_beats, SEEN_MIX, self._bank, self._levels, rng),
            *streams_of(recipe.seen - heard, recipe.seen_beats, SEEN_MIX, None, self._levels, rng),
        ]

    def _look(self, step: int) -> None:
        if self._folder is None or step // 100 == self._looked:
            return
        self._looked = step // 100
        count = sum(".tmp" not in path.name for path in self._folder.glob(f"{self._prefix}*.npy"))
        if count != self._parts:
            self._bank, self._parts = Bank.load(self._folder, self._prefix), count
            self._bank.own = own_words(self._folder)
