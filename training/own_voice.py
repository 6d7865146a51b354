"""The synthesizer that the model's voice learns from: hibari (`pip install --no-deps hibari-tts`; Apache-2.0), a small network that says phones for as
long as it is told to.

Phones last whole units of 25 ms, eight to a beat. So each word is given its beats, and the network itself says it at that pace: nothing is stretched.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from counterpoint.interaction.nn.synthesiser import RATE

UNIT = 0.025
BEAT = 8
"""Units a beat."""
AHEAD = 0.075
"""Seconds by which the sound runs ahead of the durations (measured on twenty words: .03 before a plosive's burst to .09 before an `s`). A word that began
where its durations do would have lost its first consonant to the word before it.
"""
SPACE, END = " ", "."
CARRIER = ("say", "again")
"""Words between which a word is said, to know how long its phones last beside each other."""
_DURATIONS = "/Clip_output_0"
"""The tensor of the graph that says how many units each phone lasts."""
_VOWELS = set("AIOQWYaeiouɐɑɒɔəɚɛɜɪʊʌᵻᵊæː")
_LIQUID = set("lɹrɾwjmnŋ")
_HISS = set("szʃʒfvθð")


@dataclass(frozen=True)
class Said:
    """`samples` float32 mono at 16 kHz; `starts` seconds at which each word begins, and last the moment at which the last word ends."""

    samples: np.ndarray
    starts: tuple[float, ...]


class OwnVoice:
    """hibari's `heart`: American English, distilled by its author from Kokoro-82M's af_heart."""

    def __init__(self) -> None:
        import hibari

        self._hibari = hibari.Hibari()
        self._known: dict[str, np.ndarray] = {}

    @cached_property
    def _session(self) -> Any:
        """The graph with the durations as an input, and its own as an output."""
        import onnx
        import onnxruntime

        model = onnx.load(self._hibari.model_path)
        for node in model.graph.node:
            node.input[:] = ["durations" if name == _DURATIONS else name for name in node.input]
        model.graph.input.append(onnx.helper.make_tensor_value_info("durations", onnx.TensorProto.FLOAT, ["L"]))
        model.graph.output.append(onnx.helper.make_tensor_value_info(_DURATIONS, onnx.TensorProto.FLOAT, ["L"]))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

    def phones(self, text: str) -> list[str] | None:
        """The phones of each word, or None where they are not told apart."""
        found = self._hibari.g2p(text).split()
        return found if len(found) == len(text.split()) and all(map(self._hibari.ids, found)) else None

    def say(self, text: str, beats: list[int] | None = None, seed: int = 0) -> Said | None:
        """The text, each word in so many beats of 200 ms if they are given, else at its own pace. None where it finds other words than the text's."""
        from hibari import dsp

        words = self.phones(text)
        if words is None:
            return None
        phones = SPACE.join(words) + END
        durations = self._natural(phones)
        if beats is not None:
            durations = np.concatenate([durations[:1], *map(self._paced, words, beats), durations[-1:]])
            durations[-1] = max(durations[-1], 2 * BEAT)
        out = self._run(["lh", "theta", "ln", "lr", "phi", "f0"], phones, durations)
        sound = dsp.synth(*(each[0] for each in out), np.random.default_rng(seed))
        ends = np.concatenate([[0], durations.cumsum()])
        starts = tuple(float(ends[place]) * UNIT - AHEAD for place in self._places(words))
        return Said(resample_poly(sound, RATE, self._hibari.sample_rate).astype(np.float32), starts)

    def _run(self, wanted: list[str], phones: str, durations: np.ndarray) -> list[np.ndarray]:
        ids = np.array([self._hibari.ids(phones)])
        given = {"ids": ids, "speed": np.ones(1, np.float32), "durations": durations.astype(np.float32)}
        return self._session.run(wanted, given)

    def _natural(self, phones: str) -> np.ndarray:
        """Units that each of the ids lasts, the phones and an edge on both sides, if nobody says otherwise."""
        return self._run([_DURATIONS], phones, np.ones(len(phones) + 2))[0].astype(int)

    def _paced(self, word: str, beats: int) -> np.ndarray:
        """Units of the word's phones and of the space, or the end, behind it. The same wherever it stands, in the proportions of a carrier phrase: so that a word can
        be learned as one.
        """
        if word not in self._known:
            before, after = (self._hibari.g2p(each) for each in CARRIER)
            first = len(before) + 2
            natural = self._natural(SPACE.join((before, word, after)) + END)
            self._known[word] = natural[first : first + len(word) + 1]
        return fitted(self._known[word], word + SPACE, beats * BEAT)

    @staticmethod
    def _places(words: list[str]) -> list[int]:
        """Where among the ids each word begins, and where the last ends."""
        places = [1]
        for word in words:
            places.append(places[-1] + len(word) + 1)
        return places


def fitted(natural: np.ndarray, phones: str, units: int) -> np.ndarray:
    """Durations that sum to `units`, at least one each. Where a word is drawn out, vowels give way before plosives do."""
    yields = np.array([_give(phone) for phone in phones]) if units > natural.sum() else np.ones(len(phones))
    wanted = natural * (1 + yields * (units - natural.sum()) / (natural * yields).sum())
    ends = np.maximum(np.rint(wanted.cumsum()).astype(int), np.arange(1, len(wanted) + 1))
    ends = np.minimum(ends, units - np.arange(len(wanted))[::-1])
    return np.diff(ends, prepend=0)


def _give(phone: str) -> float:
    """How far a phone gives way when its word is drawn out."""
    return 1.0 if phone in _VOWELS else 0.7 if phone in _LIQUID else 0.5 if phone in _HISS else 0.25
