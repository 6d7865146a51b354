"""A bank without any synthesizer: every word is a spectral pattern of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from counterpoint.interaction.nn import vocabulary as v
from training import phrases
from training.bank import LOW, STEP, Bank

FRAMES_PER_WORD = 10


def word_pattern(word: int) -> np.ndarray:
    """[10, 80] log10 magnitudes: the same for every speaker, smooth over bands."""
    random = np.random.default_rng(word)
    coarse = random.uniform(-3.5, -0.8, (3, 10))
    rows = np.array([np.interp(np.linspace(0, 9, 80), np.arange(10), row) for row in coarse])
    return rows[np.linspace(0, 2.99, FRAMES_PER_WORD).astype(int)]


def a_bank(clips: int, seed: int = 0, split: str = "train") -> Bank:
    random = np.random.default_rng(seed)
    pieces: list[np.ndarray] = []
    entries: list[dict[str, Any]] = []
    at = 0
    for _ in range(clips):
        phrase = phrases.draw(random, split=split)
        words = v.encode(phrase.text)
        frames = np.concatenate([word_pattern(word) for word in words])
        ends = [(i + 1) * FRAMES_PER_WORD * 0.025 for i in range(len(words))]
        entries.append({
            "voice": "patterns", "family": "flite", "kind": phrase.kind, "held": phrase.held, "slots": phrase.slots,
            "words": words, "ends": ends, "start": at, "frames": len(frames),
        })  # fmt: skip
        pieces.append(np.clip(np.rint((frames - LOW) / STEP), 0, 255).astype(np.uint8))
        at += len(frames)
    bank = Bank()
    bank.add(np.concatenate(pieces), entries)
    return bank


@pytest.fixture(scope="session")
def bank() -> Bank:
    return a_bank(1500)
