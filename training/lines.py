"""What the voice learns to say: sentences over the model's own vocabulary, words in random order, words alone; and what is kept for tuning and for
judging.

A sentence is kept by its text (one in ten) or by its pattern. O object, C colour, K weather, N number, T city, W content word, D day.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np

from counterpoint.interaction.nn import vocabulary as v

PATTERNS = (
    "it is N degrees and K in T", "it is K in T today", "tomorrow will be K and K", "let me check", "okay let me check", "the C O",
    "i see a C O", "the O is C", "my O is C", "N plus N is N", "the train to T leaves at N from platform N", "the O is by the river",
    "there is a C O and a C O", "the answer is N", "i found nothing about the O", "the museum is open today", "the shop is closed on D",
    "the bus arrives in N minutes", "N N N N", "one two three four five six", "W", "W W", "W and W", "good morning", "thank you", "okay", "yes please",
    "no thank you", "once there was a C O in the garden", "then we went to the W and saw a W", "it was a good day and i was happy",
    "the big O was far away from home", "i saw a little O in the park", "you say W when i say W", "the plane to T is delayed by N minutes", "hello",
    "the price is N euros", "it costs N dollars", "the capital is T", "the weather in T is K", "the team won the match", "stop", "really", "right",
    "the king was N years old", "N degrees", "N hours", "sorry i could not find it", "please wait a minute", "the O is on the table", "what about the O",
    "the hotel is by the station", "the school is N metres high", "i like W and W", "we want a cup of coffee and bread", "look at the C O",
)  # fmt: skip

TOLD = (
    "it is N degrees and K in T", "the train leaves at N Y", "it costs N E", "the O is S on D", "it will be K Y", "the bus leaves at N Y",
    "the train leaves at N Y from platform N", "the T train is delayed by N minutes", "start", "start", "stop", "start and stop", "N times",
    "W W W W", "let me check",
)  # fmt: skip
"""Results as they are told, and what is called out. Y the day that is meant, E money, S a state. For training only: what is judged stays as it was."""

CALLED = ("start", "stop", "stop", "N", "N", "C O", "C O", "O", "C", "N Y", "at N Y", "okay", "uh huh")
"""What is called out, and ends where it began: nothing before or after it helps who hears it."""

HELD = (
    "in T it is K and N degrees", "the C O is here", "there was a very old O by the lake", "the train from T arrives at N",
    "the station is closed on D", "i saw N of them in the forest", "a C O and a C O", "please look at the little C O", "the doctor was not at school",
    "it will be K on D", "we went to the market for bread and milk", "the answer has come and it is N", "my new O was C", "we want to see the C O",
    "the bridge is N metres wide", "the queen and the king have a big house", "say W and then say W", "the ticket to T costs N euros",
)  # fmt: skip

WEATHER = "sunny cloudy rainy windy cold warm hot clear".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
SPOKEN = tuple(token for token in v.TOKENS[v.CONTROL_PLACES :] if not token.startswith("<"))
"""Every word that has a sound."""

_SLOTS = {
    "O": v.OBJECTS, "C": v.COLOURS, "K": WEATHER, "N": (*v.NUMBERS, *v.TENS[:-1]), "T": v.CITIES, "W": v.CONTENT, "D": DAYS,
    "Y": ("today", "tomorrow", "tonight"), "E": ("euros", "dollars"), "S": ("open", "closed", "free", "full", "late"),
}  # fmt: skip


def sentence(rng: np.random.Generator, patterns: tuple[str, ...] = PATTERNS) -> str:
    """A pattern with its slots filled."""
    words = str(rng.choice(patterns)).split()
    return " ".join(str(rng.choice(_SLOTS[word])) if word in _SLOTS else word for word in words)


def jumble(rng: np.random.Generator, most: int = 8) -> str:
    """One to `most` words in any order."""
    return " ".join(rng.choice(SPOKEN, int(rng.integers(1, most + 1))))


def kept(text: str) -> bool:
    """Whether the sentence is never trained on. Shorter ones are too few to keep any."""
    return len(text.split()) > 3 and crc32(text.encode()) % 10 == 0


def training_lines(seed: int, count: int) -> list[str]:
    """Two fifths words in random order, a fifth what is called out, the others sentences, a third of them as results are told; every word alone, once."""
    rng = np.random.default_rng(seed)
    lines = list(SPOKEN)
    while len(lines) < count:
        kind = rng.random()
        told = CALLED if kind < 0.6 else TOLD if kind < 0.73 else PATTERNS
        line = jumble(rng) if kind < 0.4 else sentence(rng, told)
        if not kept(line):
            lines.append(line)
    return lines


def judged_lines(part: str, count: int) -> list[str]:
    """Sentences to tune on ("dev") or to report ("test"), none of them in training: half of patterns that were trained with other words, half of
    patterns that never were.
    """
    half = len(HELD) // 2
    rng, new, taken = np.random.default_rng(1001), HELD[:half], set[str]()
    if part == "test":
        rng, new, taken = np.random.default_rng(2002), HELD[half:], set(judged_lines("dev", 200))
    lines: list[str] = []
    while len(lines) < count:
        line = sentence(rng) if len(lines) % 2 else sentence(rng, new)
        fits = len(lines) % 2 == 0 or kept(line)
        if fits and len(line.split()) > 2 and line not in taken and line not in lines:
            lines.append(line)
    return lines
