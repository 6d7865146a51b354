"""Free-running evaluation on voices that were never trained on: greedy, beat by beat with the streaming cache, nothing fed in but sound and notes.

    python -m training.evaluate --weights FILE --bank training/runs/bank --streams 120 --json FILE

Scored on the model's own words; by the rules of `counterpoint.evaluation.events`. Held out: voices, pairs (cue, answer), and with --held phrasings.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from counterpoint.evaluation import LABEL
from counterpoint.evaluation.baselines import behind_turns
from counterpoint.evaluation.events import Said, in_order, match, recall, stopped_by
from counterpoint.evaluation.intervals import Estimate, ratio
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import load_model
from counterpoint.interaction.nn.dmel import FRAMES_PER_BEAT, Levels
from counterpoint.interaction.nn.eyes import PICTURE
from counterpoint.interaction.nn.model import InteractionNet
from counterpoint.interaction.nn.streaming import Decoding, Notes, Pictures, open_state, step
from training.bank import Bank, seed_of
from training.scene import NoClip, Scene
from training.speakers import BankSpeaker, TextSpeaker
from training.streams import Room, Stream, note_places, render, stream_of
from training.tasks import sample

TASKS = {
    "cue": 0.42, "timed": 0.14, "repeated": 0.02, "chatter": 0.14, "questions": 0.09, "interruption": 0.04, "delegation": 0.08, "telling": 0.01,
    "mixed": 0.06,
}  # fmt: skip
"""Shares of the tasks among the streams."""
SEEN_TASKS = {"counting": 0.35, "calling": 0.3, "looking": 0.35}
"""Of streams with a camera, which are bare words: families "seen", "seen-kinds" and "seen-views", the latter two with what was never trained on."""
SINGLE = ("cue", "timed", "every", "question", "tally", "call")


def plain_room(rng: np.random.Generator) -> Room:
    """Level and noise only: what is unseen is the voice."""
    return Room(gain=rng.uniform(-16, 4), noise=rng.uniform(15, 50), tilt=-20.0)


def unseen_streams(
    bank: Bank | None, family: str, task: str, count: int, beats: int, levels: Levels, held: bool, seed: int = 1
) -> list[Stream]:
    """Streams of one task by voices of the family ("text": bare words), the same for every model."""
    rng = np.random.default_rng(seed_of("test", family, task, held, seed))
    unseen = family.removeprefix("seen").removeprefix("-")
    split = "train" if family in ("seen", "seen-views") else "test"
    found: list[Stream] = []
    while len(found) < count:

        def speaker() -> BankSpeaker | TextSpeaker:
            if bank is None:
                return TextSpeaker(rng, split, "held" if held else "train")
            return BankSpeaker(bank, str(rng.choice(bank.families[family])), rng, held=held)

        try:
            scene = sample(rng, task, speaker, beats, unseen=unseen if family.startswith("seen") else "")
        except NoClip:
            continue
        heard = None if bank is None else levels.quantise(render(scene, bank, plain_room(rng), rng))
        found.append(stream_of(scene, heard))
    return found


def run_free(
    model: InteractionNet, streams: list[Stream], decoding: Decoding = Decoding()
) -> tuple[np.ndarray, np.ndarray]:
    """What the model understood and said, int64 [streams, beats] each, all streams side by side."""
    beats = len(streams[0].understood)
    places = [note_places(s.scene) for s in streams]
    state = open_state(model, len(streams), capacity=512)
    understood, said = np.zeros((len(streams), beats), np.int64), np.zeros((len(streams), beats), np.int64)
    for beat in range(beats):
        heard = None
        if streams[0].levels is not None:
            window = slice(beat * FRAMES_PER_BEAT, (beat + 1) * FRAMES_PER_BEAT)
            heard = torch.from_numpy(np.stack([s.levels[window] for s in streams]))
        typed = torch.from_numpy(np.array([s.understood[beat] for s in streams])) if heard is None else None
        found, state = step(
            model,
            state,
            heard,
            notes=_notes(places, beat),
            typed=typed,
            pictures=_pictures(streams, beat),
            decoding=decoding,
        )
        understood[:, beat], said[:, beat] = found.understood.numpy(), found.said.numpy()
    return understood, said


def _pictures(streams: list[Stream], beat: int) -> Pictures | None:
    """What the streams see in the beat; None where none of them has a camera."""
    if not any(stream.pictures is not None for stream in streams):
        return None
    pixels = np.zeros((len(streams), PICTURE, PICTURE, 3), np.uint8)
    present = np.zeros(len(streams), bool)
    for row, stream in enumerate(streams):
        if stream.pictures is not None and stream.seen is not None and stream.seen[beat]:
            pixels[row], present[row] = stream.pictures[beat], True
    return Pictures(torch.from_numpy(pixels), torch.from_numpy(present))


def _notes(places: list[list[tuple[int, int, int]]], beat: int) -> Notes | None:
    here = [[(token, source) for token, when, source in one if when == beat] for one in places]
    width = max(map(len, here))
    if not width:
        return None
    tokens, sources = np.zeros((len(here), width), np.int64), np.zeros((len(here), width), np.int64)
    present = np.zeros((len(here), width), bool)
    for row, words in enumerate(here):
        for place, (token, source) in enumerate(words):
            tokens[row, place], sources[row, place], present[row, place] = token, source, True
    return Notes(torch.from_numpy(tokens), torch.from_numpy(sources), torch.from_numpy(present))


@dataclass
class Counts:
    """Hits and totals per stream, by metric."""

    rows: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, name: str, hits: float, total: float) -> None:
        """One stream's count."""
        self.rows.setdefault(name, []).append((hits, total))

    def estimates(self) -> dict[str, Estimate]:
        """A ratio with its interval for every metric."""
        return {name: ratio([h for h, _ in rows], [t for _, t in rows]) for name, rows in self.rows.items()}


def events(tokens: np.ndarray) -> list[Said[int]]:
    """The words and controls of a row."""
    return [Said(int(beat), int(tokens[beat])) for beat in np.flatnonzero(tokens)]


def score_stream(stream: Stream, understood: np.ndarray, said: np.ndarray, counts: Counts) -> None:
    """Adds one stream's hits and totals."""
    wanted, heard, spoken = events(stream.understood), events(understood), events(said)
    content = {v.IDS[word] for word in v.CONTENT}
    got = recall(wanted, heard)
    counts.add("words", sum(got), len(got))
    kinds = [word.token in content for word in wanted]
    counts.add("content words", sum(g for g, k in zip(got, kinds, strict=True) if k), sum(kinds))
    counts.add("other words", sum(g for g, k in zip(got, kinds, strict=True) if not k), len(kinds) - sum(kinds))
    expected = events(stream.target)
    matched = match(expected, spoken)
    counts.add("false emissions per stream", matched.false, 1)
    by_beat = {e.beat: (exact, fired) for e, exact, fired in zip(expected, matched.exact, matched.fired, strict=True)}
    for category in SINGLE:
        asked = [
            by_beat[d.beat]
            for d in stream.scene.demands
            if d.category == category and d.beat in by_beat and len(d.tokens) == 1
        ]
        counts.add(f"{category} exact", sum(exact for exact, _ in asked), len(asked))
        counts.add(f"{category} fired", sum(fired for _, fired in asked), len(asked))
    _score_speech(stream.scene, stream.target, spoken, counts)


def score_behind_turns(stream: Stream, said: np.ndarray, counts: Counts) -> None:
    """The same words behind a turn-taking harness with a perfect detector: cues and timers."""
    spoken = events(np.array(behind_turns(said.tolist(), stream.scene.speaking().tolist())))
    expected = events(stream.target)
    by_beat = {e.beat: exact for e, exact in zip(expected, match(expected, spoken).exact, strict=True)}
    for category in ("cue", "timed"):
        asked = [by_beat[d.beat] for d in stream.scene.demands if d.category == category and d.beat in by_beat]
        counts.add(f"{category} exact, behind turns", sum(asked), len(asked))


def _score_speech(scene: Scene, target: np.ndarray, spoken: list[Said[int]], counts: Counts) -> None:
    """Interruptions, delegation and delivery."""
    demands = scene.demands
    for number, demand in enumerate(demands):
        following = demands[number + 1].beat if number + 1 < len(demands) else scene.beats
        if demand.category == "stop":
            was_speaking = any(one.beat in range(demand.beat - 4, demand.beat) for one in spoken)
            if was_speaking:
                counts.add("stops within 2 beats", stopped_by(spoken, demand.beat, min(following, demand.beat + 12)), 1)
        elif demand.category == "delegate":
            window = range(demand.beat - 1, demand.beat + 4)
            counts.add("delegation asked", any(o.token == v.IDS["<delegate>"] and o.beat in window for o in spoken), 1)
        elif demand.category == "deliver":
            end = min(scene.beats, following, demand.beat + sum(v.beats_to_say(t) for t in demand.tokens) + 6)
            if in_order(
                demand.tokens, events(target), demand.beat, end
            ):  # else the stream or a new demand cuts it short
                counts.add("result spoken exactly", in_order(demand.tokens, spoken, demand.beat, end), 1)
        elif demand.category == "sight":
            end = min(following, demand.beat + sum(v.beats_to_say(t) for t in demand.tokens) + 3)
            if in_order(demand.tokens, events(target), demand.beat, end):
                counts.add("sight told exactly", in_order(demand.tokens, spoken, demand.beat, end), 1)
        elif demand.category == "long":
            last = min(following, scene.beats)
            due = int((target[demand.beat : last] != 0).sum())
            rightly = match([Said(b, int(target[b])) for b in range(demand.beat, last) if target[b]], spoken, 3, 3)
            counts.add("long speech, words in place", sum(rightly.exact), due)


def evaluate(
    model: InteractionNet,
    bank: Bank | None,
    family: str,
    tasks: dict[str, int],
    beats: int,
    held: bool,
    decoding: Decoding,
) -> dict[str, Estimate]:
    """Estimates over streams of several tasks."""
    config = model.config
    levels = Levels(config.low, config.high, config.levels)
    counts = Counts()
    streams = [
        s for task, count in tasks.items() for s in unseen_streams(bank, family, task, count, beats, levels, held)
    ]
    for start in range(0, len(streams), 64):
        part = streams[start : start + 64]
        understood, said = run_free(model, part, decoding)
        for stream, u, y in zip(part, understood, said, strict=True):
            score_stream(stream, u, y, counts)
            score_behind_turns(stream, y, counts)
    return counts.estimates()


def shares(count: int, tasks: dict[str, float] | None = None) -> dict[str, int]:
    """Streams per task."""
    return {task: max(2, round(count * share)) for task, share in (tasks or TASKS).items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=Path("counterpoint/interaction/nn/weights/native.safetensors"))
    parser.add_argument("--state", type=Path, help="a training state instead of exported weights")
    parser.add_argument("--bank", type=Path, default=Path("training/runs/bank"))
    parser.add_argument("--families", default="espeak-unseen,flite-slt,piper-joe,text")
    parser.add_argument("--streams", type=int, default=120, help="per family")
    parser.add_argument("--beats", type=int, default=128)
    parser.add_argument("--held", action="store_true", help="held-out phrasings too")
    parser.add_argument("--quiet", type=float, default=0.0, help="added to the logit of saying nothing")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    model = from_state(arguments.state) if arguments.state else load_model(arguments.weights)
    bank = Bank.load(arguments.bank, "test")
    results = {}
    for family in arguments.families.split(","):
        seen = family.startswith("seen")
        source = None if family == "text" or seen else bank
        if source is not None and family not in source.families:
            continue
        found = evaluate(
            model,
            source,
            family,
            shares(arguments.streams, SEEN_TASKS if seen else None),
            arguments.beats,
            arguments.held,
            Decoding(said_padding=arguments.quiet),
        )
        results[family] = {name: asdict(estimate) for name, estimate in found.items()}
        print(f"== {family} ({LABEL})")
        for name, estimate in found.items():
            print(f"   {name:32} {estimate}  n={estimate.count:.0f}", flush=True)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"label": LABEL, "held phrasings": arguments.held, "families": results}, indent=1)
        )


def from_state(path: Path) -> InteractionNet:
    """The model of a training state."""
    from counterpoint.interaction.nn.model import Config

    state = torch.load(path, weights_only=False, map_location="cpu")
    model = InteractionNet(Config(**state["config"]))
    model.take(state["model"])
    return model.eval()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
