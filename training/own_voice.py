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
SPACE, END = " ", "."
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

    def say(self, text: str, beats: list[int] | None = None, speed: float = 1.0, seed: int = 0) -> Said | None:
        """The text, each word in so many beats of 200 ms if they are given, else at its own pace and multiple of speed. Where words are drawn out,
        vowels give way before plosives do. None where it finds other words than the text's.
        """
        from hibari import dsp

        words = self.phones(text)
        if words is None:
            return None
        phones = SPACE.join(words) + END
        ids = {"ids": np.array([self._hibari.ids(phones)]), "speed": np.array([speed], np.float32)}
        natural = self._session.run([_DURATIONS], ids | {"durations": np.ones(len(phones) + 2, np.float32)})[0]
        if beats is None:
            durations = natural.astype(int)
            places = self._places(words)
        else:
            durations, places = self._paced(natural.astype(int), words, beats)
        out = self._session.run(
            ["lh", "theta", "ln", "lr", "phi", "f0"], ids | {"durations": durations.astype(np.float32)}
        )
        sound = dsp.synth(*(each[0] for each in out), np.random.default_rng(seed))
        ends = np.concatenate([[0], durations.cumsum()])
        return Said(
            resample_poly(sound, RATE, self._hibari.sample_rate).astype(np.float32),
            tuple(float(ends[place]) * UNIT for place in places),
        )

    @staticmethod
    def _places(words: list[str]) -> list[int]:
        """Where among the ids each word begins, and where the last ends. The space behind a word is its own: what it dies away in."""
        places = [1]
        for word in words:
            places.append(places[-1] + len(word) + 1)
        return [*places[:-1], places[-1] - 1]

    def _paced(self, natural: np.ndarray, words: list[str], beats: list[int]) -> tuple[np.ndarray, list[int]]:
        places = self._places(words)
        phones = SPACE.join(words)
        durations = natural.copy()
        for first, last, wanted in zip(places[:-1], places[1:], beats, strict=True):
            part = slice(first, last)
            durations[part] = fitted(natural[part], phones[first - 1 : last - 1], wanted * BEAT)
        durations[-1] = max(durations[-1], 2 * BEAT)
        return durations, places


def fitted(natural: np.ndarray, phones: str, units: int) -> np.ndarray:
    """Durations that sum to `units`, at least one each."""
    yields = np.array([_give(phone) for phone in phones]) if units > natural.sum() else np.ones(len(phones))
    wanted = natural * (1 + yields * (units - natural.sum()) / (natural * yields).sum())
    ends = np.maximum(np.rint(wanted.cumsum()).astype(int), np.arange(1, len(wanted) + 1))
    ends = np.minimum(ends, units - np.arange(len(wanted))[::-1])
    return np.diff(ends, prepend=0)


def _give(phone: str) -> float:
    """How far a phone gives way when its word is drawn out."""
    return 1.0 if phone in _VOWELS else 0.7 if phone in _LIQUID else 0.5 if phone in _HISS else 0.25
