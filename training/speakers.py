"""Where the utterances of a scene come from: clips of one voice of the bank, or bare words with made-up timing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

import numpy as np

from counterpoint.interaction.nn import vocabulary as v
from training import phrases
from training.bank import Bank
from training.scene import FRAME, NoClip, Utterance


class Speaker(Protocol):
    """Says phrases of a kind. `avoid`: words that must not occur; `given`: required slots; `word`: a content word that must occur."""

    def say(self, kind: str, *, avoid: Collection[int] = (), word: int | None = None, **given: str) -> Utterance: ...


def pace(frames: int, tempo: float, uneven: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which recorded frame each new frame reads, and at which new frame each recorded one comes: `tempo` times as fast on the whole."""
    count = max(2, frames // 8)
    local = np.exp(rng.normal(0, uneven, count)) if uneven else np.ones(count)
    speed = tempo * np.interp(np.linspace(0, count - 1, frames), np.arange(count), local)
    when = np.concatenate([[0.0], np.cumsum(1 / speed[:-1])])
    return np.interp(np.arange(int(when[-1]) + 1), when, np.arange(frames)), when


class BankSpeaker:
    """One voice of the bank, at one tempo; `uneven`: how much it drags and hurries within a phrase. `held`: whether held-out wordings are taken."""

    def __init__(
        self,
        bank: Bank,
        voice: str,
        rng: np.random.Generator,
        tempo: float = 1.0,
        held: bool = False,
        uneven: float = 0.0,
    ) -> None:
        self._bank, self._voice, self._rng, self._tempo, self._held, self._uneven = (
            bank,
            voice,
            rng,
            tempo,
            held,
            uneven,
        )

    def say(self, kind: str, *, avoid: Collection[int] = (), word: int | None = None, **given: str) -> Utterance:
        """A random fitting clip; NoClip where there is none."""
        if word is not None:
            pool = self._bank.by_word.get(self._voice, {}).get(word, [])
        else:
            pool = self._bank.by_voice[self._voice].get(kind, [])
        tries = self._rng.permutation(len(pool))[: 150 if given else 12]
        for index in tries:
            entry = self._bank.entries[pool[int(index)]]
            slots = entry["slots"]
            if entry["held"] and not self._held:
                continue
            if any(slots.get(name) != value for name, value in given.items()) or not avoid_ok(entry["words"], avoid):
                continue
            path, when = pace(entry["frames"], self._tempo, self._uneven, self._rng)
            ends = tuple(float(np.interp(end / FRAME, np.arange(len(when)), when)) * FRAME for end in entry["ends"])
            return Utterance(entry["kind"], tuple(entry["words"]), ends, len(path) * FRAME, slots, entry, path)
        raise NoClip


class Crowd:
    """Somebody else says every phrase."""

    def __init__(self, someone: Callable[[], Speaker]) -> None:
        self._someone = someone

    def say(self, kind: str, *, avoid: Collection[int] = (), word: int | None = None, **given: str) -> Utterance:
        """What a new voice says."""
        return self._someone().say(kind, avoid=avoid, word=word, **given)


class TextSpeaker:
    """Words without sound: one a beat at most, with random gaps."""

    def __init__(self, rng: np.random.Generator, split: str = "train", templates: str = "train") -> None:
        self._rng, self._split, self._templates = rng, split, templates

    def say(self, kind: str, *, avoid: Collection[int] = (), word: int | None = None, **given: str) -> Utterance:
        """A filled template with word gaps of 0.12-0.42 s."""
        if word is not None:
            given["W"] = v.TOKENS[word]
        for _ in range(20):
            phrase = phrases.fill(self._rng, kind, split=self._split, templates=self._templates, **given)
            words = v.encode(phrase.text)
            if avoid_ok(words, avoid) and (word is None or word in words):
                ends = np.cumsum(self._rng.uniform(0.12, 0.42, len(words)))
                return Utterance(kind, tuple(words), tuple(map(float, ends)), float(ends[-1]), phrase.slots)
        raise NoClip


def avoid_ok(words: Collection[int], avoid: Collection[int]) -> bool:
    """Whether none of the words is to be avoided."""
    return not any(word in avoid for word in words)
