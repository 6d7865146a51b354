"""The stages of training, and who goes through them: one state in a run folder, one log."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import load_weights
from counterpoint.interaction.nn.dmel import Levels
from counterpoint.interaction.nn.model import Config, InteractionNet
from training import flashes, glimpses
from training.crew import Crew
from training.curves import draw_curves
from training.feed import Feed, Recipe
from training.flashes import Flashes
from training.muon import Optimisers
from training.own_words import feed_back
from training.processor import best_precision, quicken
from training.streams import Collated

WARM_UP = 60
HEARING = 2.0
"""Weight of the loss of U beside that of Y: hearing is what holds everything else back."""
SEEING = 0.3
"""Weight of what each picture shows beside that of Y."""


@dataclass(frozen=True)
class Stage:
    """`positive`, `padding`: weights of the words and of the padding in the loss of Y, interpolated over the stage's steps."""

    name: str
    steps: int
    recipe: Recipe
    positive: tuple[float, float]
    padding: tuple[float, float]
    decay: bool = False
    own_words: bool = False

    def altered(self, streams: tuple[int, ...] | None, bare_task: tuple[str, float] | None) -> Stage:
        """With other numbers of streams with sound, as bare words and with a camera, and with a task that takes up a share of the bare words."""
        recipe = self.recipe
        if streams:
            recipe = replace(recipe, **dict(zip(("audio", "text", "seen"), streams, strict=False)))
        if bare_task:
            task, share = bare_task
            mix = {name: each * (1 - share) for name, each in recipe.mix.items()}
            recipe = replace(recipe, mix=mix | {task: mix.get(task, 0.0) + share})
        return replace(self, recipe=recipe)


STAGES = (
    Stage("text", 100, Recipe(audio=0, text=24), (10, 8), (0.3, 0.3)),
    Stage("hearing", 4000, Recipe(), (8, 3), (0.3, 0.7)),
    Stage("own words", 2000, Recipe(audio=10, text=24, noise=0.03), (2, 2), (1.0, 1.0), own_words=True),
    Stage("decay", 1400, Recipe(noise=0.03), (2, 2), (1.0, 1.0), decay=True, own_words=True),
)


def losses(understood: Tensor, said: Tensor, batch: Collated, positive: float, padding: float) -> tuple[Tensor, Tensor]:
    """Weighted cross entropies of U (streams with sound only) and Y, each a weighted mean."""
    hears = batch.inputs.hears
    heard = (
        _cross_entropy(understood[hears], batch.understood[hears], 3.0, 0.5) if hears.any() else understood.sum() * 0
    )
    return heard, _cross_entropy(said, batch.target, positive, padding)


def _cross_entropy(logits: Tensor, target: Tensor, positive: float, padding: float) -> Tensor:
    weight = torch.where(target == v.PAD, padding, positive)
    each = functional.cross_entropy(logits.float().flatten(0, 1), target.flatten(), reduction="none")
    return (each * weight.flatten()).sum() / weight.sum()


class Trainer:
    """A model, its optimisers and the step counter; the state is one file in the run folder, replaced atomically."""

    def __init__(
        self,
        folder: Path,
        config: Config,
        seed: int,
        weights: Path | None = None,
        workers: int = 0,
        bare: float = 1.0,
        eyes: float = 1.0,
    ) -> None:
        torch.manual_seed(seed)
        self.folder, self.seed, self.workers, self.bare = folder, seed, workers, bare
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.precision = best_precision()
        self.model = InteractionNet(config).to(self.device)
        self.optimisers = Optimisers(self.model, self.precision)
        self.optimisers.hurry(self.model.eyes, eyes)
        self.step, self.stage_steps, self.warm_from = 0, [0] * len(STAGES), 0
        folder.mkdir(parents=True, exist_ok=True)
        if self.state_file.exists():
            self._restore(torch.load(self.state_file, weights_only=False))
        elif weights is not None:
            self.model.take(load_weights(weights))

    @property
    def state_file(self) -> Path:
        return self.folder / "state.pt"

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.take(state["model"])
        self.step, self.stage_steps = state["step"], state["stage_steps"]
        if set(state["model"]) == set(self.model.state_dict()):
            self.optimisers.load_state_dict(state["optimisers"])
            self.warm_from = -WARM_UP
        else:  # the model has grown: momentum starts anew
            self.warm_from = self.step

    def save(self) -> None:
        """Writes the state."""
        state = {
            "model": self.model.state_dict(),
            "optimisers": self.optimisers.state_dict(),
            "step": self.step,
            "stage_steps": self.stage_steps,
        }
        torch.save(state | {"config": self.model.config.as_dict()}, self.folder / "state.tmp")
        os.replace(self.folder / "state.tmp", self.state_file)

    def learn(
        self, stage: Stage, model: InteractionNet
    ) -> Callable[[list[Collated | Flashes], float], dict[str, float]]:
        """Forward and backward over a batch in pieces, as one function of the batch and the stage's progress (0-1)."""

        def run(batches: list[Collated | Flashes], at: float) -> dict[str, float]:
            positive = stage.positive[0] + (stage.positive[1] - stage.positive[0]) * at
            padding = stage.padding[0] + (stage.padding[1] - stage.padding[0]) * at
            found: dict[str, float] = {}
            autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16)
            for batch in batches:
                if isinstance(batch, Flashes):
                    with autocast:
                        flash_loss = flashes.loss(model.eyes, batch.to(self.device))
                    (SEEING * self.bare * flash_loss).backward()
                    found["flashes"] = float(flash_loss.detach())
                    continue
                kind = "seen " if batch.inputs.seen.any() else "" if batch.inputs.hears.any() else "text "
                batch = to_device(batch, self.device)
                if stage.own_words:
                    batch = feed_back(model, batch, self.precision)
                for part in parts_of(batch):
                    share = len(part.target) / len(batch.target)
                    with glimpses.caught(model.eyes) as looks, autocast:
                        understood, said = model(part.inputs)
                    heard_loss, said_loss = losses(understood, said, part, positive, padding)
                    weight = share * (1.0 if kind == "" else self.bare)
                    seen_loss = said_loss * 0
                    if looks:
                        seen_loss = glimpses.loss(looks[-1], part.glimpses, part.inputs.seen)
                    ((HEARING * heard_loss + said_loss + SEEING * seen_loss) * weight).backward()
                    figures = {"heard": heard_loss, "said": said_loss, "glimpses": seen_loss} | _accuracy(
                        understood, said, part
                    )
                    for name, value in figures.items():
                        if name in figures_of(kind):
                            found[kind + name] = found.get(kind + name, 0.0) + float(value.detach()) * share
            return found

        return run

    def run(
        self,
        number: int,
        steps: int,
        bank: Path,
        rate: float = 1.0,
        minutes: float | None = None,
        streams: tuple[int, ...] | None = None,
        bare_task: tuple[str, float] | None = None,
    ) -> None:
        """Trains the stage until it has had `steps` steps in all, or for `minutes`, with its schedule by the clock.
        `streams`: with sound, as bare words and with a camera, instead of the stage's own; `bare_task`: a task of the bare words and its share.
        """
        if not minutes and self.stage_steps[number] >= steps:
            print(f"stage {number} has had its {steps} steps: nothing to do; --steps or --minutes asks for more")
            return
        stage = STAGES[number].altered(streams, bare_task)
        config = self.model.config
        levels = Levels(config.low, config.high, config.levels)
        folder = bank if stage.recipe.audio else None
        feeds = [
            Feed(stage.recipe.share(max(1, self.workers)), folder, levels, self.seed, rank)
            for rank in range(max(1, self.workers))
        ]
        crew = Crew(self.model, lambda copy: self.learn(stage, quicken(copy)), feeds) if self.workers else None
        learn = self.learn(stage, self.model)
        recent: list[float] = []
        saved = started = time.monotonic()

        def progress() -> float:
            return (time.monotonic() - started) / 60 / minutes if minutes else self.stage_steps[number] / steps

        try:
            while (at := progress()) < 1:
                begin = time.monotonic()
                found = crew.gradients(self.step, at) if crew else learn(feeds[0].batches(self.step), at)
                warm = min(1.0, (self.step - self.warm_from + 1) / WARM_UP)
                found["norm"] = self.optimisers.step(rate * warm * ((1 - at) * 0.97 + 0.03 if stage.decay else 1.0))
                self.step += 1
                self.stage_steps[number] += 1
                recent = [*recent[-60:], time.monotonic() - begin]
                self._report(number, steps, found, recent, None if minutes is None else (1 - at) * minutes)
                if time.monotonic() - saved > 240 or progress() >= 1:
                    saved = time.monotonic()
                    self.save()
                    draw_curves(self.folder)
        except SystemExit:  # SIGTERM
            self.save()
            raise
        finally:
            if crew:
                crew.close()

    def _report(
        self, number: int, steps: int, found: dict[str, float], recent: list[float], minutes: float | None
    ) -> None:
        done = self.stage_steps[number]
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(
                json.dumps({"step": self.step, "stage": number} | {k: round(x, 4) for k, x in found.items()}) + "\n"
            )
        if done % 20 == 0 or done == steps:
            pace = statistics.median(recent)
            left = (steps - done) * pace / 60 if minutes is None else minutes
            figures = " ".join(f"{name} {value:.3f}" for name, value in found.items())
            print(
                f"stage {number} {STAGES[number].name} {done}/{steps}: {figures}, {pace:.2f} s/step, {left:.0f} min left",
                flush=True,
            )


def figures_of(kind: str) -> tuple[str, ...]:
    """What is reported of a batch: of bare words what was said, of one with a camera also what was seen."""
    said = ("said", "answers", "cues")
    return {"": ("heard", "words", "content", *said), "seen ": ("glimpses", *said)}.get(kind, said)


def to_device(batch: Collated, device: torch.device) -> Collated:
    """The batch on the device."""
    inputs = replace(batch.inputs, **{name: value.to(device) for name, value in vars(batch.inputs).items()})
    return replace(
        batch,
        inputs=inputs,
        understood=batch.understood.to(device),
        target=batch.target.to(device),
        glimpses=batch.glimpses.to(device),
    )


def parts_of(batch: Collated) -> list[Collated]:
    """On a CPU, pieces of 8 streams: their activations stay in the cache, which is twice as fast as the whole batch at once."""
    count = len(batch.target)
    size = count if batch.target.is_cuda else 8
    pieces = max(1, count // size)
    return [take(batch, torch.arange(first, count, pieces)) for first in range(pieces)]


def take(batch: Collated, rows: Tensor) -> Collated:
    """The streams of these rows."""
    inputs = replace(batch.inputs, **{name: value[rows] for name, value in vars(batch.inputs).items()})
    return replace(
        batch,
        inputs=inputs,
        understood=batch.understood[rows],
        target=batch.target[rows],
        tasks=[batch.tasks[i] for i in rows.tolist()],
        demands=[batch.demands[i] for i in rows.tolist()],
        glimpses=batch.glimpses[rows],
    )


@torch.no_grad()
def _accuracy(understood: Tensor, said: Tensor, batch: Collated) -> dict[str, Tensor]:
    """Teacher-forced: share of words and of content words understood, of words said and of cues answered, in their very beat."""
    words = (batch.understood != v.PAD) & batch.inputs.hears[:, None]
    content = words & (batch.understood >= v.IDS[v.CONTENT[0]]) & (batch.understood <= v.IDS[v.CONTENT[-1]])
    heard, right = understood.argmax(-1) == batch.understood, said.argmax(-1) == batch.target
    cues = torch.zeros_like(right)
    for row, demands in enumerate(batch.demands):
        for demand in demands:
            if demand.category == "cue":
                cues[row, demand.beat] = True
    masks = {
        "words": (heard, words),
        "content": (heard, content),
        "answers": (right, batch.target != v.PAD),
        "cues": (right, cues),
    }
    return {name: hit[mask].float().mean() if mask.any() else torch.tensor(0.0) for name, (hit, mask) in masks.items()}
