"""Which sentences of what was found fit a request best. Pure; it knows words, not meaning."""

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from counterpoint.background.engines.passages import FoundPassage
from counterpoint.background.engines.spoken_text import sentences_of

LONG: Final = 240
"""Characters from which on a sentence is too long to be quoted whole."""

BACKED: Final = 0.7
"""Share of a sentence's telling words that must occur in what was found, for it to count as said there."""

_UNTELLING: Final = """
    a about after all also am an and any are as ask at be been but by can could did do does find for from get give had
    has have he her him his how i if in into is it its know let like look looking many may me more much my no not of on
    one or our out please question say search see shall she should show so some tell than thank thanks that the their
    them then there these they thing this those to up us want was we were what when where which while who whom whose why
    will with would yes you your correction
"""
_FUNCTION_WORDS: Final = frozenset(_UNTELLING.split())
_ENDINGS: Final = ("ing", "ies", "ed", "es", "en", "s", "e", "y")
_ASKS_WHAT: Final = re.compile(r"\b(?:what(?:'s| is| are| does)|define|meaning of)\b", re.IGNORECASE)
_DEFINES: Final = re.compile(r"^(?:\S+ ){1,4}(?:is|are|means?)\b|^(?:\S+ ){0,3}\S+:\s", re.IGNORECASE)
_ENDS: Final = (".", "!", "?", "…", "。", "！", "？")


class Sentence(msgspec.Struct, frozen=True):
    """`rank`: of its passage among those found; `place`: within that. `around`: telling words of its headings."""

    text: str
    passage: FoundPassage
    rank: int
    place: int
    words: frozenset[str]
    around: frozenset[str]


class Ranked(msgspec.Struct, frozen=True):
    """`score`: comparable within one ranking. `covered`: share of the request that it touches, by weight, 0 to 1."""

    sentence: Sentence
    score: float
    covered: float


def ranking(request: str, passages: Sequence[FoundPassage], correction: str = "") -> list[Ranked]:
    """Every sentence that has something to do with the request, best first; words of the correction count double."""
    sentences = _unique(passages)
    weights = _weights(telling_words(f"{request} {correction}"), sentences)
    weights |= {word: 2 * weights[word] for word in telling_words(correction)}
    subject, whole = _subject(request), sum(weights.values())
    ranked = [
        Ranked(sentence, score, _weight(sentence.words | sentence.around, weights) / whole)
        for sentence in sentences
        if (score := _score(sentence, weights, subject)) > 0
    ]
    return sorted(ranked, key=lambda each: (-each.score, each.sentence.rank, each.sentence.place))


def backed(sentence: str, request: str, passages: Sequence[FoundPassage]) -> bool:
    """Whether a model's sentence says something, beyond the question, that was found rather than made up."""
    words, asked = telling_words(sentence), telling_words(request)
    found = telling_words(" ".join(f"{each.title} {each.heading} {each.text}" for each in passages))
    return bool(words & found - asked) and len(words & (found | asked)) >= BACKED * len(words)


def telling_words(text: str) -> frozenset[str]:
    """The words that carry a text, cut down to what their forms have in common."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(_stem(word) for word in words if word not in _FUNCTION_WORDS and (len(word) > 1 or word.isdigit()))


def ended(sentence: str) -> bool:
    return sentence.rstrip("\"'”’)]").endswith(_ENDS)


def _score(sentence: Sentence, weights: Mapping[str, float], subject: frozenset[str]) -> float:
    """How much of what is wanted the sentence says; what stands over it counts by half, fragments less."""
    score = _weight(sentence.words, weights)
    if score <= 0:
        return 0.0
    score += 0.5 * _weight(sentence.around - sentence.words, weights)
    beginning = telling_words(" ".join(sentence.text.split()[:4]))
    if beginning & weights.keys():
        score *= 1.2
    if subject & sentence.words:
        score *= 2.0 if subject & beginning and _DEFINES.match(sentence.text) else 1.3
    if len(sentence.words) < 3:
        score *= 0.2
    if not ended(sentence.text) or len(sentence.text) > LONG:
        score *= 0.5
    if sentence.text.endswith("?"):
        score *= 0.3
    listed = 0.1 * max(0, sentence.text.count(",") - 5)
    return score / (1 + listed) / (1 + 0.1 * sentence.rank)


def _subject(request: str) -> frozenset[str]:
    """Of "what is ..." the first word that tells something."""
    asked = _ASKS_WHAT.search(request)
    words = (telling_words(word) for word in request[asked.end() :].split()) if asked else ()
    return next((word for word in words if word), frozenset[str]())


def _weights(wanted: frozenset[str], sentences: Sequence[Sentence]) -> dict[str, float]:
    """Of the words that are wanted: the fewer sentences have one, the more it tells (inverse document frequency)."""
    counts = Counter(word for sentence in sentences for word in sentence.words)
    return {word: math.log(1 + len(sentences) / max(1, counts[word])) for word in wanted}


def _weight(words: Collection[str], weights: Mapping[str, float]) -> float:
    return sum(weights.get(word, 0.0) for word in words)


def _unique(passages: Sequence[FoundPassage]) -> list[Sentence]:
    """Every sentence once: overlapping passages repeat each other."""
    sentences: dict[str, Sentence] = {}
    for rank, passage in enumerate(passages):
        around = telling_words(f"{passage.title} {passage.heading}")
        for place, text in enumerate(sentences_of(passage.text)):
            sentences.setdefault(text, Sentence(text, passage, rank, place, telling_words(text), around))
    return list(sentences.values())


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
