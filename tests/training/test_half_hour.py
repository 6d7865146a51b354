"""Conversations of half an hour: rules come and go, and only what can still be known is asked for."""

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import Levels
from training.evaluate import Counts, score_stream
from training.half_hour import PER_RULE, conversations, part_of

LEVELS = Levels(-4.6, 0.4, 16)
BEATS = 3000


def test_rules_go_on_being_stated_and_cues_of_the_last_two_are_answered() -> None:
    (stream,) = conversations(None, "text", 1, BEATS, LEVELS)
    rules: list[tuple[int, int]] = []
    answered = 0
    for placed in stream.scene.placed:
        slots = placed.utterance.slots
        if placed.utterance.kind == "rule":
            rules.append((v.IDS[slots["X"]], v.IDS[slots["Y"]]))
        for word, beat in zip(placed.utterance.words, placed.labels, strict=True):
            if placed.utterance.kind == "mention":
                assert word not in dict(rules[:-2])
                answered += int(stream.target[beat] == dict(rules[-2:]).get(word, v.PAD) != v.PAD)
    assert len(rules) == BEATS * 0.2 // PER_RULE
    assert answered > 20


def test_whoever_answers_rightly_scores_one_in_every_part() -> None:
    (stream,) = conversations(None, "text", 1, BEATS, LEVELS)
    for first in (0, 1500):
        counts, part = Counts(), part_of(stream, first, first + 1500)
        score_stream(part, part.understood, part.target, counts)
        found = counts.estimates()
        assert found["cue exact"].count > 8
        assert found["cue exact"].value == 1.0
        assert found["false emissions per stream"].value == 0
        silent = Counts()
        score_stream(part, part.understood, np.zeros_like(part.target), silent)
        assert silent.estimates()["cue exact"].value == 0
