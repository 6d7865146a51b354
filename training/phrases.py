"""What people say to the model: templates with slots, split into trained and held-out phrasings.

Slots: X, Y, W, Z content words, N a number, A, B small numbers, O object, C colour, T city, P a name, M a movement, D a drawn thing. Held out of
training besides the phrasings: pairs (X, Y), the sums of some (A, B), the time values in `HELD_TIMES`, pairs (C, D).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from counterpoint.interaction.nn import vocabulary as v

MOVES = ("jump", "squat", "lift", "kick", "bend", "wave")
"""Movements that can be asked for by name."""
THINGS = ("ball", "house", "tree", "fish", "flower", "cup", "hat", "key")
"""What is drawn on the screen."""

HELD_TIMES = frozenset({7, 13})
LONGEST_TIME = 18

TRAIN: dict[str, tuple[str, ...]] = {
    "rule": (
        "when i say X you say Y", "when you hear X please say Y", "say Y when i say X", "each time i say X say Y",
        "if i say X then say Y", "please say Y when you hear X", "every time you hear X say Y",
    ),
    "mention": (
        "W", "W", "look at the W", "i see a W", "i see a W and a Z", "there is a Z and the W", "my new W", "tell me about my new W",
        "the W is here", "here is a Z and a W", "where is the W", "i like the W", "we want a W", "W and Z", "a big W", "the little Z and the W",
        "it is a W", "this is my W", "i saw a W and then a Z", "that was a very old W",
    ),
    "timed": ("say Y in N seconds", "please say Y in N seconds", "in N seconds say Y", "in N seconds please say Y", "wait N seconds then say Y"),
    "every": ("every N seconds say Y", "please say Y every N seconds"),
    "number": ("N", "number N", "my number is N", "the number N", "it is N", "we saw N of them"),
    "plus": ("what is A plus B", "please tell me what is A plus B", "A plus B is what"),
    "after": ("what comes after A", "please what comes after A"),
    "before": ("what comes before A", "please what comes before A"),
    "fact": ("my O is C", "the O is C", "my new O is C"),
    "ask": ("what colour is my O", "what colour is the O", "please tell me what colour is my O"),
    "count": ("count to N", "please count to N", "now count up to N"),
    "story": ("tell me a story", "please tell me a long story", "tell me a story about the O"),
    "stop": ("stop", "please stop", "okay stop", "stop now", "stop that", "stop it please"),
    "backchannel": ("okay", "yeah", "right", "uh huh", "good", "really", "i see"),
    "greeting": ("hello", "good morning", "how are you", "thank you"),
    "aside": (
        "P look at the W", "P where is the W", "P what is A plus B", "P say Y in N seconds", "P count to N", "P come here", "P here is a W",
        "P please stop", "P find my O", "P what comes after A",
    ),
    "delegate": (
        "look up the weather in T", "search for the price of the O", "find the time in T", "please look up the train to T", "find out about the O",
        "please search for the O", "look up the name of the W",
    ),
    "cancel": ("never mind", "cancel that", "forget it", "please cancel that"),
    "amend": ("no look up T", "no the one in T", "not that i want T", "no please find T"),
    "revoke": ("stop saying Y", "do not say Y", "please do not say Y"),
    "telling": ("let me tell you a story", "i want to tell you a long story"),
    "told": ("that is the end", "the end"),
    "long": (
        "once there was a W and it was very old", "then we went to the W and saw a Z", "it was a good day and i was happy",
        "and then i saw a little Z in the garden", "the big W was far away from home", "we saw it by the river and it was a Z",
    ),
    "tally": (
        "count how many times i M", "please count how many times i M", "count each time i M", "please count every time i M", "now count the times i M",
    ),
    "tally all": ("count what you see", "please count what you see", "now count each one", "count every one you see", "please count how many you see"),
    "call": (
        "say start when i M and say stop when i do not", "tell me when i start to M and when i stop", "when i M say start and then say stop",
        "please say start and stop when i M",
    ),
    "call all": ("tell me when i start and when i stop", "please tell me when i start and stop", "say start when i start and stop when i stop"),
    "look out": (
        "tell me when you see a C D", "please tell me when you see a C D", "when you see a C D tell me", "tell me when there is a C D",
        "look for a C D and tell me",
    ),
    "look out thing": ("tell me when you see a D", "please tell me when there is a D", "when you see a D tell me"),
    "look out colour": ("what colour is the D when it comes", "tell me what colour the D is when you see it", "please tell me what colour the D is"),
    "name all": ("tell me what you see", "please tell me what you see", "say what you see each time"),
}  # fmt: skip

HELD: dict[str, tuple[str, ...]] = {
    "rule": ("you say Y each time i say X", "please say Y if you hear X"),
    "mention": ("look there is a W", "the Z and the W", "where is my W", "now i see the W"),
    "timed": ("after N seconds say Y", "say Y please in N seconds", "you say Y in N seconds"),
    "every": ("say Y every N seconds",),
    "plus": ("tell me what is A plus B",),
    "after": ("tell me what comes after A",),
    "before": ("tell me what comes before A",),
    "ask": ("please what colour is the O",),
    "count": ("you count to N",),
    "stop": ("wait stop", "now stop please"),
    "aside": ("P tell me what is A plus B", "P look here is a W"),
    "delegate": ("please find the weather in T", "look up the price of the O"),
    "tally": ("how many times do i M", "please tell me each time i M and count"),
    "tally all": ("please count every one", "count up each one"),
    "call": ("please tell me when i start to M and when i stop",),
    "call all": ("please say start when i start and stop when i stop",),
    "look out": ("please look for a C D", "say when you see a C D"),
    "look out thing": ("say when there is a D",),
    "look out colour": ("please what colour is the D",),
    "name all": ("please say what you see",),
}

# How often each kind is recorded into a voice's part of the bank.
SHARES: dict[str, float] = {
    "rule": 0.17, "mention": 0.36, "timed": 0.09, "every": 0.015, "number": 0.05, "plus": 0.03, "after": 0.015, "before": 0.015, "fact": 0.035,
    "ask": 0.03, "count": 0.015, "story": 0.01, "stop": 0.012, "backchannel": 0.012, "greeting": 0.008, "aside": 0.04, "delegate": 0.035,
    "cancel": 0.008, "amend": 0.012, "revoke": 0.01, "telling": 0.004, "told": 0.004, "long": 0.035,
    "tally": 0.012, "tally all": 0.012, "call": 0.012, "call all": 0.012, "look out": 0.03, "look out thing": 0.015, "look out colour": 0.015,
    "name all": 0.006,
}  # fmt: skip


@dataclass(frozen=True)
class Phrase:
    """One filled template. `slots` maps a slot's letter to its word."""

    kind: str
    text: str
    slots: dict[str, str] = field(default_factory=dict)
    held: bool = False


def held_pair(cue: str, answer: str) -> bool:
    """Whether the cue -> answer pair is never trained on."""
    return (31 * v.IDS[cue] + 17 * v.IDS[answer]) % 5 == 0


def held_sum(a: int, b: int) -> bool:
    """Whether the sum is never trained on."""
    return (3 * a + 7 * b) % 6 == 0


def held_thing(colour: str, thing: str) -> bool:
    """Whether a thing of that colour is never trained on."""
    return (v.COLOURS.index(colour) + 2 * THINGS.index(thing)) % 5 == 0


def fill(
    rng: np.random.Generator, kind: str, *, split: str = "train", templates: str = "train", **given: str
) -> Phrase:
    """A random phrase of the kind. `split` decides about pairs, sums and time values ("train" or "test"), `templates` about phrasings."""
    table = HELD if templates == "held" and kind in HELD else TRAIN
    template = str(rng.choice(table[kind]))
    letters = [token for token in template.split() if len(token) == 1 and token.isupper()]
    slots = dict(given)
    for letter in letters:
        if letter not in slots:
            slots[letter] = _slot(rng, letter, kind, slots, split)
    used = {letter: slots[letter] for letter in letters}
    text = " ".join(used.get(token, token) for token in template.split())
    return Phrase(kind, text, used, table is HELD)


def _slot(rng: np.random.Generator, letter: str, kind: str, slots: dict[str, str], split: str) -> str:
    if letter == "Y" and kind == "rule" and "X" in slots:
        return _partner(rng, slots["X"], split, answer=True)
    if letter == "X" and kind == "rule" and "Y" in slots:
        return _partner(rng, slots["Y"], split, answer=False)
    if letter in "XYWZ":
        taken = set(slots.values())
        return str(rng.choice([word for word in v.CONTENT if word not in taken]))
    if letter == "N":
        return v.NUMBERS[_number(rng, kind, split)]
    if letter in "AB":
        return _operand(rng, letter, kind, slots, split)
    if letter == "D" and "C" in slots:
        return str(rng.choice([thing for thing in THINGS if held_thing(slots["C"], thing) == (split == "test")]))
    table = {"O": v.OBJECTS, "C": v.COLOURS, "T": v.CITIES, "P": v.NAMES, "M": MOVES, "D": THINGS}[letter]
    return str(rng.choice(table))


def _partner(rng: np.random.Generator, word: str, split: str, *, answer: bool) -> str:
    held = split == "test"
    fits = [w for w in v.CONTENT if w != word and (held_pair(word, w) if answer else held_pair(w, word)) == held]
    return str(rng.choice(fits))


def _number(rng: np.random.Generator, kind: str, split: str) -> int:
    if kind in ("timed", "every"):
        low, high = (
            (2, 10) if kind == "timed" and rng.random() < 0.6 else (2, 6) if kind == "every" else (2, LONGEST_TIME)
        )
        return int(rng.choice([n for n in range(low, high + 1) if n not in HELD_TIMES]))
    return int(rng.integers(3, 21)) if kind == "count" else int(rng.integers(0, 21))


def _operand(rng: np.random.Generator, letter: str, kind: str, slots: dict[str, str], split: str) -> str:
    if kind != "plus":
        return v.NUMBERS[int(rng.integers(1, 20))]
    if letter == "A" or "A" not in slots:
        return v.NUMBERS[int(rng.integers(1, 10))]
    a = v.NUMBERS.index(slots["A"])
    return v.NUMBERS[int(rng.choice([b for b in range(1, 10) if held_sum(a, b) == (split == "test")]))]


def draw(
    rng: np.random.Generator, *, split: str = "train", templates: str = "train", kinds: dict[str, float] | None = None
) -> Phrase:
    """A random phrase of a random kind, by `SHARES`."""
    shares = kinds or SHARES
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return fill(rng, str(rng.choice(names, p=weights / weights.sum())), split=split, templates=templates)
