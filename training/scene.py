"""A scene: who says what when, what the model should say, and the oracle that answers for any history of what it really said.

Times are seconds from the stream's start; labels are beats. A word's label is the first beat that ends at least MARGIN after the word; one word a
beat, later words queue. Demands are what the scene asks of the model; the oracle turns them into one token a beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from training.pictures import Film

BEAT = 0.2
FRAME = 0.025
MARGIN = 0.03
SILENT_BEATS = 2
EXPIRES = 2  # beats after which an unsaid one-word answer is dropped
CUE_KINDS = frozenset({"mention", "long", "told"})


class NoClip(Exception):
    """The voice has no clip that fits; the scene is drawn anew."""


@dataclass(frozen=True)
class Utterance:
    """Words with end times relative to its start. `entry` is the bank's entry, None in streams without sound; `path` says which recorded frame each
    of its frames reads, None: as recorded.
    """

    kind: str
    words: tuple[int, ...]
    ends: tuple[float, ...]
    duration: float
    slots: dict[str, str]
    entry: dict[str, object] | None = None
    path: np.ndarray | None = None


@dataclass(frozen=True)
class Placed:
    """An utterance in the scene. `aloof` speakers are not talking to the model and are not understood (television, babble)."""

    start: float
    utterance: Utterance
    labels: tuple[int, ...]
    gain: float = 0.0
    aloof: bool = False

    @property
    def end(self) -> float:
        return self.start + self.utterance.duration


@dataclass(frozen=True)
class Note:
    """Words laid into the X slot: `beat` of arrival, tokens, index of the source."""

    beat: int
    tokens: tuple[int, ...]
    source: int = 0


@dataclass(frozen=True)
class Demand:
    """From `beat` on the tokens should be said, in order, at speaking pace; a later demand replaces what is still unsaid.

    No tokens: stop. `category` names the task for scoring; `stop_by` is the last beat at which words may still come after a stop.
    """

    beat: int
    tokens: tuple[int, ...]
    category: str
    about: tuple[int, ...] = ()


@dataclass
class Scene:
    """Built by the tasks, front to back."""

    beats: int
    rng: np.random.Generator
    task: str = ""
    placed: list[Placed] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    demands: list[Demand] = field(default_factory=list)
    rules: dict[int, int] = field(default_factory=dict)
    now: float = 0.0
    film: Film | None = None
    """What is to be seen; None where there is no camera."""
    unseen: str = ""
    """What of it is never trained on: movements and things ("kinds"), camera angles ("views"), nothing."""
    hesitant: float = 0.0
    """Chance that an utterance is broken off at a word and goes on a second or so later."""
    _free: int = 0

    @property
    def length(self) -> float:
        return self.beats * BEAT

    def room(self, seconds: float) -> bool:
        """Whether that much time is left."""
        return self.now + seconds < self.length

    def pause(self, low: float, high: float) -> None:
        """Moves the cursor on by a random pause."""
        self.now += self.rng.uniform(low, high)

    def say(self, utterance: Utterance, gain: float = 0.0) -> Placed:
        """The person says it at the cursor; words of active rules raise their cues. Raises NoClip when it does not fit."""
        whole = Placed(self.now, utterance, (), gain)
        for part in self._with_pauses(utterance):
            if self.now + part.duration > self.length - 0.3:
                raise NoClip
            labels = tuple(self._label(self.now + end) for end in part.ends)
            if max(labels, default=0) >= self.beats:  # hurried words, one a beat, end later than their sound
                raise NoClip
            self.placed.append(Placed(self.now, part, labels, gain))
            whole = replace(whole, labels=whole.labels + labels)
            self.now += part.duration
            if len(whole.labels) < len(utterance.words):
                self.pause(0.6, 1.8)
        if utterance.kind in CUE_KINDS:
            for word, beat in zip(utterance.words, whole.labels, strict=True):
                if word in self.rules:
                    self.ask(beat, [self.rules[word]], "cue", (word,))
        return whole

    def _with_pauses(self, utterance: Utterance) -> tuple[Utterance, ...]:
        if not self.hesitant or len(utterance.words) < 3 or self.rng.random() >= self.hesitant:
            return (utterance,)
        return parted(utterance, int(self.rng.integers(1, len(utterance.words))))

    def _label(self, end: float) -> int:
        """The beat of a word that ends then; one word a beat."""
        beat = max(beat_of(end), self._free)
        self._free = beat + 1
        return beat

    def background(self, start: float, utterance: Utterance, gain: float) -> None:
        """Speech that nobody should react to and that is not transcribed."""
        self.placed.append(Placed(start, utterance, (), gain, aloof=True))

    def ask(self, beat: int, tokens: Sequence[int], category: str, about: tuple[int, ...] = ()) -> Demand:
        """Asks the model to say the tokens from the beat on."""
        demand = Demand(beat, tuple(tokens), category, about)
        self.demands.append(demand)
        self.demands.sort(key=lambda d: d.beat)
        return demand

    def speaking(self) -> np.ndarray:
        """bool [beats], where the person speaks."""
        active = np.zeros(self.beats, dtype=bool)
        for placed in self.placed:
            if not placed.aloof:
                active[int(placed.start / BEAT) : beat_of(placed.end) + 1] = True
        return active

    def understood(self) -> np.ndarray:
        """U labels, int64 [beats]."""
        labels = np.zeros(self.beats, dtype=np.int64)
        for placed in self.placed:
            for word, beat in zip(placed.utterance.words, placed.labels, strict=False):
                if beat < self.beats:
                    labels[beat] = word
        return labels

    def target(self) -> np.ndarray:
        """Y labels, int64 [beats]: the oracle followed by itself."""
        oracle = Oracle(self.demands)
        said = np.zeros(self.beats, dtype=np.int64)
        for beat in range(self.beats):
            said[beat] = oracle(beat, said)
        return said


def parted(utterance: Utterance, count: int) -> tuple[Utterance, Utterance]:
    """Its first `count` words and the others, each as long as it takes."""
    at = utterance.ends[count - 1]
    paths: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
    if utterance.path is not None:
        cut = int(round(at / FRAME))
        paths = utterance.path[:cut], utterance.path[cut:]
    rest = tuple(end - at for end in utterance.ends[count:])
    return (
        replace(utterance, words=utterance.words[:count], ends=utterance.ends[:count], duration=at, path=paths[0]),
        replace(utterance, words=utterance.words[count:], ends=rest, duration=utterance.duration - at, path=paths[1]),
    )


def beat_of(seconds: float) -> int:
    """The first beat that ends MARGIN or more after the time."""
    return int(np.ceil((seconds + MARGIN) / BEAT - 1e-9)) - 1


class Oracle:
    """What should be said in beat t, given what was really said before: the word that is due of the demand in force."""

    def __init__(self, demands: Sequence[Demand]) -> None:
        self._demands = sorted(demands, key=lambda d: d.beat)

    def in_force(self, beat: int) -> Demand | None:
        """The newest demand that has begun."""
        latest = None
        for demand in self._demands:
            if demand.beat > beat:
                break
            latest = demand
        return latest

    def __call__(self, beat: int, said: np.ndarray) -> int:
        """`said[:beat]` is the history; the token for `beat`."""
        demand = self.in_force(beat)
        if demand is None or not demand.tokens:
            return v.PAD
        done, due = 0, demand.beat
        for past in range(demand.beat, beat):
            if done < len(demand.tokens) and said[past] == demand.tokens[done]:
                done += 1
                due = past + v.beats_to_say(int(said[past]))
        if done == len(demand.tokens) or beat < due:
            return v.PAD
        if done == 0 and len(demand.tokens) == 1 and beat > demand.beat + EXPIRES:
            return v.PAD
        return demand.tokens[done]


def relabel(said: np.ndarray, demands: Sequence[Demand]) -> np.ndarray:
    """The oracle's token of every beat, given what was really said before it."""
    oracle = Oracle(demands)
    return np.array([oracle(beat, said) for beat in range(len(said))], dtype=np.int64)
