"""The voice, from nothing: its data from a seed, its training, its weights.

python -m training.mouth data     # hibari says some thousands of lines: four minutes of a core
python -m training.mouth train    # goes on where it was stopped
python -m training.mouth export --figures training/runs/voice/judged.json
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from counterpoint.evaluation import LABEL
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import SHIPPED_VOICE, save_model
from counterpoint.interaction.nn.mouth import FRAMES, LONGEST, MEMORY, PIECES, TRAIL, Mouth, MouthConfig
from counterpoint.interaction.nn.synthesiser import PITCH, VOICING, WIDTH, silent_frame
from training.frames import Speech, spoken
from training.lines import training_lines
from training.muon import Optimisers
from training.own_voice import OwnVoice
from training.processor import best_precision, keep_memory

RUN = Path("training/runs/voice")
BATCH = 1024
DRAWS = 2
"""Ways from noise to each piece that a step looks at."""

BLUR = 0.3
"""Most noise on the frames that are fed back, in spreads: the mouth has to find back from its own mistakes."""

WARM_UP, DECAY = 60, 0.5
GUESS = 0.3


@dataclass(frozen=True)
class Pieces:
    """All pieces of all lines. `before`: for each piece the indices of the pieces before it, -1 for silence."""

    words: Tensor
    places: Tensor
    before: Tensor
    frames: Tensor

    def __len__(self) -> int:
        return len(self.words)


def say_lines(seed: int, count: int, voice: OwnVoice) -> list[Speech]:
    """Speech to learn from."""
    found, began = [], time.time()
    lines = training_lines(seed, count)
    for number, line in enumerate(lines, 1):
        speech = spoken(voice, line, number)
        if speech is not None:
            found.append(speech)
        if number % 200 == 0:
            print(
                f"{number}/{len(lines)} lines, {(time.time() - began) / number * (len(lines) - number):.0f} s left",
                flush=True,
            )
    return found


def in_pieces(speeches: list[Speech]) -> Pieces:
    """Speech cut into what the mouth makes at once, each with what it knows then."""
    words, places, before, frames = [], [], [], []
    for speech in speeches:
        beats = [(token, part) for token in speech.tokens for part in range(v.beats_to_say(token))] + [(v.PAD, LONGEST)]
        done = 0
        first = len(words)
        for number, (token, part) in enumerate(beats):
            done += number > 0 and part in (0, LONGEST)
            trail = [speech.tokens[done - k] if done >= k else v.PAD for k in range(1, TRAIL + 1)]
            for piece in range(PIECES):
                here = len(words)
                words.append([token, *trail])
                places.append(part * PIECES + piece)
                before.append([here - k if here - k >= first else -1 for k in range(MEMORY, 0, -1)])
        frames.append(speech.frames.reshape(-1, FRAMES, WIDTH))
    return Pieces(
        torch.tensor(words), torch.tensor(places), torch.tensor(before), torch.from_numpy(np.concatenate(frames))
    )


def new_mouth(pieces: Pieces, config: MouthConfig | None = None) -> Mouth:
    """A mouth that knows the scale of the frames."""
    mouth = Mouth(config or MouthConfig(spoken=v.TAKEN))
    frames = pieces.frames.flatten(0, 1)
    mouth.mean.copy_(frames.mean(0))
    mouth.spread.copy_(frames.std(0).clamp(min=1e-3))
    mouth.mean[VOICING], mouth.spread[VOICING] = 0.5, 0.5
    return mouth


def weights_of(mouth: Mouth) -> Tensor:
    """How much an error in each number of a piece matters, 1 in the mean: as far as it is heard. The last coefficients hardly are, and hardly anything
    but chance moves them.
    """
    weights = mouth.spread.clamp(max=0.8)
    weights[PITCH] = 0.3
    return (weights / weights.mean()).repeat(FRAMES)


class Training:
    """What a run carries from step to step."""

    def __init__(self, mouth: Mouth, pieces: Pieces, seed: int = 0, precision: torch.dtype = torch.float32) -> None:
        self.mouth = mouth
        self.pieces = pieces
        self.precision = precision
        self.optimisers = Optimisers(mouth, precision)
        self.weights = weights_of(mouth)
        self.seed = seed
        self.steps = 0
        self._scaled = mouth.scaled(pieces.frames)
        rest = mouth.scaled(torch.from_numpy(silent_frame())).expand(1, FRAMES, -1)
        self._known = torch.cat([self._scaled, rest])

    def step(self, scale: float, batch: int = BATCH) -> tuple[float, float]:
        """One update; the losses of flow and guess."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.steps)
        chosen = torch.randint(len(self.pieces), (batch,), generator=generator)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.precision == torch.bfloat16):
            flow, guess = self._losses(chosen, generator)
        (flow + GUESS * guess).backward()
        self.optimisers.step(scale)
        self.steps += 1
        return float(flow.detach()), float(guess.detach())

    def _losses(self, chosen: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        mouth, pieces = self.mouth, self.pieces
        before = self._known[pieces.before[chosen]].flatten(1, 2)
        blur = torch.rand(len(chosen), 1, 1, generator=generator) * BLUR
        before = before + blur * torch.randn(before.shape, generator=generator)
        condition = mouth(pieces.words[chosen], pieces.places[chosen], before)
        target = self._scaled[chosen].flatten(1)
        guess = self._loss(mouth.guess(condition), target)
        target, condition = target.repeat(DRAWS, 1), condition.repeat(DRAWS, 1)
        noise = torch.randn(target.shape, generator=generator)
        moment = torch.randn(len(target), generator=generator).sigmoid()
        way = torch.lerp(noise, target, moment[:, None])
        return self._loss(mouth.velocity(way, moment, condition), target - noise), guess

    def _loss(self, found: Tensor, wanted: Tensor) -> Tensor:
        return ((found.float() - wanted) ** 2 * self.weights).mean()

    def save(self, path: Path, spent: float) -> None:
        state = {"mouth": self.mouth.state_dict(), "config": self.mouth.config.as_dict(), "optimisers": self.optimisers.state_dict(),
                 "steps": self.steps, "seed": self.seed, "spent": spent}  # fmt: skip
        torch.save(state, path.with_suffix(".new"))
        os.replace(path.with_suffix(".new"), path)


def schedule(share: float, steps: int) -> float:
    """The learning rate's scale after a share of the run."""
    return min(1.0, (steps + 1) / WARM_UP) * min(1.0, max(0.02, (1 - share) / DECAY))


def make_data(arguments: argparse.Namespace) -> None:
    speeches = say_lines(arguments.seed, arguments.lines, OwnVoice())
    arguments.run.mkdir(parents=True, exist_ok=True)
    lengths = [len(speech.tokens) for speech in speeches]
    np.savez(arguments.run / "data.npz", tokens=np.concatenate([speech.tokens for speech in speeches]), lengths=lengths,
             frames=np.concatenate([speech.frames for speech in speeches]).astype(np.float16))  # fmt: skip
    hours = sum(len(speech.frames) for speech in speeches) * 0.0125 / 3600
    print(f"{len(speeches)} lines, {sum(lengths)} words, {hours:.2f} h")


def load_data(path: Path) -> list[Speech]:
    if not path.is_file():
        raise SystemExit(f"no {path}: make it with python -m training.mouth data")
    data = np.load(path)
    tokens, frames, speeches = data["tokens"], data["frames"].astype(np.float32), []
    at = start = 0
    for length in data["lengths"]:
        own = tuple(int(token) for token in tokens[at : at + length])
        count = PIECES * FRAMES * (sum(v.beats_to_say(token) for token in own) + 1)
        speeches.append(Speech(own, frames[start : start + count]))
        at, start = at + length, start + count
    return speeches


def train(arguments: argparse.Namespace) -> None:
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(1)
    keep_memory()
    precision = best_precision()
    pieces = in_pieces(load_data(arguments.run / "data.npz"))
    training = Training(new_mouth(pieces), pieces, arguments.seed, precision)
    path, spent = arguments.run / "state.pt", 0.0
    if path.is_file():
        state = torch.load(path, weights_only=False)
        training.mouth.load_state_dict(state["mouth"])
        training.optimisers.load_state_dict(state["optimisers"])
        training.steps, spent = state["steps"], state["spent"]
    print(
        f"{len(pieces)} pieces, {sum(p.numel() for p in training.mouth.parameters()) / 1e6:.2f} M parameters, from step {training.steps}"
    )
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    total, began, saved, losses = arguments.minutes * 60, time.process_time(), time.time(), []
    while not stopped and (now := spent + time.process_time() - began) < total:
        losses.append(training.step(schedule(now / total, training.steps)))
        if training.steps % 100 == 0:
            flow, guess = np.mean(losses[-100:], 0)
            print(
                f"step {training.steps}: flow {flow:.4f}, guess {guess:.4f}, {(total - now) / 60:.1f} processor minutes left",
                flush=True,
            )
            with (arguments.run / "log.jsonl").open("a") as log:
                log.write(
                    json.dumps(
                        {
                            "step": training.steps,
                            "spent": round(now),
                            "flow": round(float(flow), 4),
                            "guess": round(float(guess), 4),
                        }
                    )
                    + "\n"
                )
        if time.time() - saved > 120:
            training.save(path, now)
            saved = time.time()
    training.save(path, spent + time.process_time() - began)


VOICE = {
    "synthesizer": "hibari 0.2.1, voice heart, told how long each word lasts; never used as an input voice in training",
    "authors": "Maureese Williams (Apache-2.0), who distilled it from the voice af_heart of Kokoro-82M by hexgrad (Apache-2.0)",
    "notice": "Neither program nor weights of theirs are part of this: it was trained from nothing on sound that hibari made.",
}
LIMITS = (
    "One synthetic voice, learned from another synthesizer; English; the words of the vocabulary, one pace. What comes next is not known, so words are "
    "not run into each other; other words are spelled. Intelligibility is judged by one small recogniser, not by people."
)


def export(arguments: argparse.Namespace) -> None:
    """A training state to shipped weights and their card."""
    state = torch.load(arguments.state, weights_only=False)
    mouth = Mouth(MouthConfig(**state["config"]))
    mouth.load_state_dict(state["mouth"])
    judged = json.loads(arguments.figures.read_text()) if arguments.figures else None
    for way in judged["ways"].values() if judged else ():
        way["misheard"] = [f"{item['said']} | {item['heard']}" for item in way.pop("items") if item["errors"]][:20]
    about = {
        "what": "the voice of counterpoint's native interaction model: words to source-filter frames by a flow",
        "command": "python -m training.mouth data; python -m training.mouth train; python -m training.mouth export",
        "seed": state["seed"],
        "steps": state["steps"],
        "processor minutes": round(state["spent"] / 60, 1),
        "voice": VOICE,
        "held out": "the sentences of training.lines.judged_lines, half of them of patterns that were never trained on",
        "limits": LIMITS,
        "label": LABEL,
        "figures": judged,
    }
    save_model(mouth, arguments.out, about)
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=RUN)
    parser.add_argument("--seed", type=int, default=0)
    commands = parser.add_subparsers(required=True)
    data = commands.add_parser("data", help="have hibari say lines at the model's pace")
    data.add_argument("--lines", type=int, default=6000)
    data.set_defaults(does=make_data)
    learn = commands.add_parser("train", help="train, or go on; the schedule follows the processor's time")
    learn.add_argument("--minutes", type=float, default=28.0, help="of processor time, in all (default: %(default)s)")
    learn.set_defaults(does=train)
    ship = commands.add_parser("export", help="weights and their card, for the package")
    ship.add_argument("--state", type=Path, default=RUN / "state.pt")
    ship.add_argument("--out", type=Path, default=SHIPPED_VOICE)
    ship.add_argument("--figures", type=Path, help="JSON written by training.intelligibility")
    ship.set_defaults(does=export)
    arguments = parser.parse_args()
    arguments.does(arguments)


if __name__ == "__main__":
    main()
