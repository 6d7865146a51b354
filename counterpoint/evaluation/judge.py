"""Judges what is heard of a model, not what it meant: its sound to timed words, by a recogniser that knows no model.

A word is chosen among those that are to be said in the items of its suite (`choosing.py`); its time is where the sound
begins.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from counterpoint.evaluation.activity import RATE, onsets, speech
from counterpoint.evaluation.duplex import merge
from counterpoint.evaluation.items import Answer, Item, Overlap, Suite
from counterpoint.evaluation.lived import At, Interval, Lived
from counterpoint.evaluation.oracle import clean_phrases, phrases
from counterpoint.evaluation.spelling import alike, plain
from counterpoint.interaction.resampler import Resampler
from counterpoint.interaction.speech.choosing import Chooser, Vocabulary, load_chooser
from counterpoint.interaction.speech.ears import HeardWord
from counterpoint.interaction.speech.voice_activity import Detector, Samples

_GAP: Final = 0.4
"""Seconds of silence between two stretches that are recognised apart: words that follow each other help each other."""

_LONGEST: Final = 8.0

LEAST_WORDS: Final = 50
"""With fewer choices the judge might guess: others are added."""

_BEFORE, _AFTER = 0.2, 0.05
"""Seconds around a stretch that the recogniser hears as well: edges may be soft, and a detector comes late at "the"."""

_NEAR: Final = 0.25
"""Seconds by which a word's onset may be off in the recogniser's alignment, where the sound itself says better."""


class Judge:
    """`chooser`: writes words of a vocabulary. `detector`: tells speech from other sound. `items`: all that will be
    judged.
    """

    def __init__(self, chooser: Chooser, detector: Detector, items: Sequence[Item]) -> None:
        self._chooser = chooser
        self._detector = detector
        self._vocabularies = {suite: self._known(vocabulary(items, suite)) for suite in Suite}

    def judged(self, suite: Suite, lived: Lived) -> Lived:
        """What was heard of it in place of what the model says that it said. Without sound it stays as it is."""
        if lived.sound is None:
            return lived
        known = self._vocabularies[suite]
        said, sounding = self.hear(lived.sound, lived.rate, known)
        clean, _ = self.hear(lived.clean_sound, lived.rate, known)
        return msgspec.structs.replace(lived, said=said, sounding=sounding, clean=clean)

    def hear(self, sound: bytes, rate: int, known: Vocabulary) -> tuple[tuple[At, ...], tuple[Interval, ...]]:
        """Words with their onsets and ends, and where there is speech."""
        pcm = sound if rate == RATE else Resampler(rate, RATE)(sound)
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        found = speech(samples, self._detector)
        spans = stretches(found)
        since = (
            max(end, start - _BEFORE) for end, (start, _) in zip([0.0, *(end for _, end in spans)], spans, strict=False)
        )
        words = [
            word for span, at in zip(spans, since, strict=True) for word in self._recognised(samples, at, span, known)
        ]
        return tuple(words), tuple(found)

    def _recognised(self, samples: Samples, since: float, span: Interval, known: Vocabulary) -> list[At]:
        first, last = round(since * RATE), round((span[1] + _AFTER) * RATE)
        heard = self._chooser.words(samples[first:last], first / RATE, known)
        return placed(heard, onsets(samples, span), span)

    def _known(self, words: frozenset[str]) -> Vocabulary:
        return self._chooser.vocabulary(words, [spelling for word in words for spelling in alike(word)])


def placed(heard: Sequence[HeardWord], begins: Sequence[float], span: Interval) -> list[At]:
    """Words at the onsets of the sound: the first where the stretch begins, others where sound begins near them."""
    free = list(begins[1:])
    words: list[At] = []
    for number, each in enumerate(heard):
        near = min(free, key=lambda one: abs(one - each.start), default=None)
        time = span[0] if number == 0 else min(max(each.start, span[0]), span[1])
        if number and near is not None and abs(near - each.start) <= _NEAR and near > words[-1].time:
            time = near
            free = [one for one in free if one > near]
        words.append(At(round(time, 3), each.text, round(min(max(each.end, time + 0.05), span[1]), 3)))
    if words:
        words[-1] = msgspec.structs.replace(words[-1], end=max(span[1], words[-1].time + 0.05))
    return words


def stretches(found: Sequence[Interval]) -> list[Interval]:
    """Speech to be recognised at a time: joined over short gaps, up to some seconds."""
    joined: list[Interval] = []
    for start, end in (piece for each in merge(found, 0.0) for piece in _pieces(each)):
        if joined and start - joined[-1][1] <= _GAP and end - joined[-1][0] <= _LONGEST:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _pieces(span: Interval) -> list[Interval]:
    """A voice that never pauses is cut into equal pieces."""
    count = max(1, -int(-(span[1] - span[0]) // _LONGEST))
    edges = np.linspace(*span, count + 1).tolist()
    return list(pairwise(edges))


def vocabulary(items: Iterable[Item], suite: Suite) -> frozenset[str]:
    """Every word that should be said in the suite, or may be, as results are told: what a word of the model is chosen
    from. Where the model speaks freely (`DUPLEX`), every word of any person's too; where these are few, the persons'
    words that carry meaning: "the" and "to" would be heard in everything short.
    """
    wanted = frozenset(word for item in items if item.suite is suite for word in _said(item))
    free = suite is Suite.DUPLEX
    if not free and len(wanted) >= LEAST_WORDS:
        return wanted
    theirs = (each for item in items for each in item.words if free or each.content)
    return wanted | {word for each in theirs for word in plain(each.word)}


def _said(item: Item) -> list[str]:
    texts = [note.text for note in item.notes]
    texts += (text for _, text in (*phrases(item), *clean_phrases(item)))
    for each in item.expect:
        if isinstance(each, Overlap):
            texts += each.about
        elif isinstance(each, Answer):
            texts += (words for fact in each.facts for words in fact)
    return [word for text in texts for word in plain(text)]


def load_judge(items: Sequence[Item], *, threads: int = 1) -> Judge:
    """Loads the recogniser: about a second. Raises `MissingExtra`, `MissingWeights`."""
    return Judge(*load_chooser(plain, threads=threads), items)
