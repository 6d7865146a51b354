"""What the model answers to cues and to any other content word, by the number of rules in force: bare words, teacher-forced.

    python -m training.binding --weights FILE --streams 120
    python -m training.binding --leaps          # minutes of silence between the rules and their cues

Of a model that binds, the right answer is likely at a cue and no answer at any other word. One that has only learned that a rule is in force answers both.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.checkpoint import SHIPPED, load_model
from counterpoint.interaction.nn.dmel import Levels
from training.clock import SHORTEST
from training.evaluate import from_state, unseen_streams
from training.scene import Scene
from training.streams import collate

CONTENT = {v.IDS[word] for word in v.CONTENT}


@dataclass(frozen=True)
class Rules:
    """What is in force: cue and answer; and the beat of the newest."""

    answers: dict[int, int]
    newest: int = 0


def mentions(scene: Scene) -> list[tuple[int, int, Rules]]:
    """(beat, word, rules in force) of every content word that is mentioned. Scenes in which a rule is taken back are left out."""
    rules = Rules({})
    found = []
    for placed in scene.placed:
        utterance = placed.utterance
        if utterance.kind == "revoke":
            return []
        if utterance.kind == "rule":
            told = {v.IDS[utterance.slots["X"]]: v.IDS[utterance.slots["Y"]]}
            rules = Rules(rules.answers | told, placed.labels[-1])
        elif utterance.kind == "mention":
            found += [(b, w, rules) for w, b in zip(utterance.words, placed.labels, strict=True) if w in CONTENT]
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=SHIPPED)
    parser.add_argument("--state", type=Path, help="a training state instead of exported weights")
    parser.add_argument("--streams", type=int, default=120)
    parser.add_argument("--leaps", action="store_true", help="only what comes minutes after its rules")
    parser.add_argument("--json", action="store_true", help="the figures as the last line")
    arguments = parser.parse_args()
    model = from_state(arguments.state) if arguments.state else load_model(arguments.weights)
    config = model.config
    levels = Levels(config.low, config.high, config.levels)
    streams = unseen_streams(None, "text", "cue", arguments.streams, 128, levels, held=False)
    batch = collate(streams, np.random.default_rng(0), 0.0, leaps=float(arguments.leaps)).inputs
    with torch.no_grad():
        likely = model(batch)[1].softmax(-1).numpy()
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row, stream in enumerate(streams):
        for beat, word, rules in mentions(stream.scene):
            if arguments.leaps and batch.clock[row, beat] - batch.clock[row, rules.newest] < SHORTEST:
                continue
            chances, answers = likely[row, beat], rules.answers
            right = float(chances[answers[word]]) if word in answers else 0.0
            name = f"{len(answers)} rules, {'cue' if word in answers else 'other word'}"
            found[name].append((right, float(sum(chances[answer] for answer in answers.values())) - right))
    figures = {}
    for name in sorted(found):
        right, wrong = np.mean(found[name], 0)
        figures[name] = {"n": len(found[name]), "right": round(float(right), 3), "wrong": round(float(wrong), 3)}
        print(
            f"{name:22} n {len(found[name]):4}   right answer {right:.2f}   another rule's, or any where none is asked {wrong:.2f}"
        )
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
