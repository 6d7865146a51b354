"""Conversations of half an hour: does the model still answer at the end as it did at the beginning, and take as long for a beat?

    python -m training.half_hour --streams 8                          # bare words
    python -m training.half_hour --streams 8 --family piper-joe       # by voices of the bank

Every 100 s the person states a rule and speaks of this and that, of the cues of the last two rules among it; older cues, of which the model may still
know, are not mentioned. Free-running and greedy, as in `training.evaluate`; scored by thirds.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from counterpoint.evaluation import LABEL
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import SHIPPED, load_model
from counterpoint.interaction.nn.dmel import Levels
from training.bank import Bank, seed_of
from training.evaluate import Counts, from_state, plain_room, run_free, score_stream
from training.scene import NoClip, Scene
from training.speakers import BankSpeaker, Speaker, TextSpeaker
from training.streams import Stream, render

PER_RULE = 100.0
"""Seconds from one rule to the next."""
IN_MEMORY = 5
"""Rules of which the model may still know: five minutes' worth, and some."""
PARTS = 3


def talk(scene: Scene, speaker: Speaker) -> None:
    """Fills the scene. Whoever has no clip for something says something else."""
    told: list[tuple[int, int]] = []
    while scene.room(8.0):
        scene.pause(0.5, 6.0)
        try:
            if scene.now >= len(told) * PER_RULE:
                told.append(_state(scene, speaker, told))
                scene.rules = dict(told[-2:])
            else:
                _mention(scene, speaker, told)
        except NoClip:
            continue


def _state(scene: Scene, speaker: Speaker, told: list[tuple[int, int]]) -> tuple[int, int]:
    known = {word for rule in told[-IN_MEMORY:] for word in rule}
    slots = scene.say(speaker.say("rule", avoid=known)).utterance.slots
    return v.IDS[slots["X"]], v.IDS[slots["Y"]]


def _mention(scene: Scene, speaker: Speaker, told: list[tuple[int, int]]) -> None:
    known = {word for rule in told[-IN_MEMORY:] for word in rule}
    word = int(scene.rng.choice(list(scene.rules))) if scene.rng.random() < 0.35 else None
    scene.say(speaker.say("mention", word=word, avoid=known - {word}))


def conversations(bank: Bank | None, family: str, count: int, beats: int, levels: Levels) -> list[Stream]:
    """The same for every model."""
    rng = np.random.default_rng(seed_of("half an hour", family, beats))
    found = []
    for _ in range(count):
        speaker = (
            TextSpeaker(rng, "test") if bank is None else BankSpeaker(bank, str(rng.choice(bank.families[family])), rng)
        )
        scene = Scene(beats, rng, "half hour")
        talk(scene, speaker)
        heard = None if bank is None else levels.quantise(render(scene, bank, plain_room(rng), rng))
        found.append(Stream(scene, heard, scene.understood(), scene.target()))
    return found


def part_of(stream: Stream, first: int, last: int) -> Stream:
    """The beats [first, last) of it, counted from their own start."""
    scene = Scene(last - first, stream.scene.rng, stream.scene.task)
    for demand in stream.scene.demands:
        if first <= demand.beat < last:
            scene.ask(demand.beat - first, demand.tokens, demand.category, demand.about)
    return Stream(scene, None, stream.understood[first:last], stream.target[first:last])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--state", type=Path, help="a training state instead of exported weights")
    parser.add_argument("--bank", type=Path, default=Path("training/runs/bank"))
    parser.add_argument("--family", default="text", help="text (bare words) or voices of the bank's test part")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--json", action="store_true", help="the figures as the last line")
    arguments = parser.parse_args()
    model = from_state(arguments.state) if arguments.state else load_model(arguments.weights)
    levels = Levels(model.config.low, model.config.high, model.config.levels)
    bank = None if arguments.family == "text" else Bank.load(arguments.bank, "test")
    beats = round(arguments.minutes * 300)
    streams = conversations(bank, arguments.family, arguments.streams, beats, levels)
    begin = time.process_time()
    understood, said = run_free(model, streams)
    print(f"{arguments.family}, {len(streams)} conversations of {arguments.minutes:g} min ({LABEL}),", end=" ")
    print(f"{(time.process_time() - begin) / beats * 1000:.0f} ms of processor time a beat of all")
    figures = []
    for number in range(PARTS):
        first, last = (beats * n // PARTS for n in (number, number + 1))
        counts = Counts()
        for stream, u, y in zip(streams, understood, said, strict=True):
            score_stream(part_of(stream, first, last), u[first:last], y[first:last], counts)
        estimates = counts.estimates()
        shares = {name: estimates[name] for name in ("words", "cue exact", "cue fired")}
        print(f"minutes {first / 300:.0f} to {last / 300:.0f}")
        for name, estimate in shares.items():
            print(f"   {name:22} {estimate}  n={estimate.count:.0f}")
        false = sum(hits for hits, _ in counts.rows["false emissions per stream"]) / len(streams) * 300 / (last - first)
        print(f"   {'false words a minute':22} {false:.2f}")
        figures.append({name: each.value for name, each in shares.items()} | {"false words a minute": false})
    if arguments.json:
        print(json.dumps({"family": arguments.family, "minutes": arguments.minutes, "parts": figures}))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
