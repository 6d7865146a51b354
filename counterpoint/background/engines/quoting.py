"""Which sentences of what was found answer a request best, and how they are said. Pure; it knows words, not meaning."""

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from counterpoint.background.engines.passages import FoundPassage
from counterpoint.background.engines.spoken_text import sentences_of
from counterpoint.shared_context.notes import Source

LONGEST: Final = 300
"""Characters of an answer: some 20 s of speech; nobody wants to listen to more unasked."""

LONGEST_TITLE: Final = 60

SECOND_IS_WORTH: Final = 0.6
"""A second sentence is quoted if it fits at least so well, compared with the first."""

COVERED: Final = 0.25
"""Share of the request, by the weight of its words, that a sentence must touch to be worth quoting."""

ANSWERED: Final = 0.5
"""Below this share, it is said that the quote may not be an answer."""

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


class Quote(msgspec.Struct, frozen=True):
    """`text`: to be said as it is."""

    text: str
    sources: tuple[Source, ...]


class _Sentence(msgspec.Struct, frozen=True):
    text: str
    passage: FoundPassage
    rank: int
    place: int
    words: frozenset[str]
    around: frozenset[str]


def quote(request: str, passages: Sequence[FoundPassage]) -> Quote | None:
    """One or two sentences, at most `LONGEST` characters with where they are from; None if nothing fits."""
    wanted = telling_words(request)
    sentences = _unique(passages)
    weights = _weights(wanted, sentences)
    subject = _subject(request)
    scored = [(_score(sentence, weights, subject), sentence) for sentence in sentences]
    scored.sort(key=lambda pair: (-pair[0], pair[1].rank, pair[1].place))
    if not scored or scored[0][0] <= 0:
        return None
    best, *others = (sentence for score, sentence in scored if score >= scored[0][0] * SECOND_IS_WORTH)
    covered = _weight(best.words | best.around, weights) / _weight(wanted, weights)
    if covered < COVERED:
        return None
    return _said(best, others, sure=covered >= ANSWERED)


def telling_words(text: str) -> frozenset[str]:
    """The words that carry a text, cut down to what their forms have in common."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(_stem(word) for word in words if word not in _FUNCTION_WORDS and (len(word) > 1 or word.isdigit()))


def _said(best: _Sentence, others: Sequence[_Sentence], *, sure: bool) -> Quote:
    title = _title(best.passage)
    opening = (f"According to {title}: " if title else "I found this: ") if sure else _unsure(title)
    first = _closed(best.text, LONGEST - len(opening))
    for other in others if sure else ():
        second, later = _title(other.passage), (other.rank, other.place) > (best.rank, best.place)
        if other.passage is best.passage:
            text = opening + (f"{first} {_closed(other.text)}" if later else f"{_closed(other.text)} {first}")
        elif second == title:
            text = f"{opening}{first} {_closed(other.text)}"
        else:
            text = f"{opening}{first} And according to {second}: {_closed(other.text)}" if second else ""
        if text and len(text) <= LONGEST:
            return Quote(text, _named([best.passage.source, other.passage.source]))
    return Quote(opening + first, _named([best.passage.source]))


def _unsure(title: str) -> str:
    return f"I found no clear answer; the closest is{f' in {title}' if title else ''}: "


def _title(passage: FoundPassage) -> str:
    title = " ".join(sentences_of(passage.title)).rstrip(".: ")
    if len(title) <= LONGEST_TITLE:
        return title
    clause = title[:LONGEST_TITLE].rpartition(", ")[0]
    return clause or title[:LONGEST_TITLE].rpartition(" ")[0]


def _closed(sentence: str, limit: int = LONGEST) -> str:
    """A sentence that ends like one, cut between clauses or words if it is too long."""
    if len(sentence) > limit:
        cut = sentence[: limit - 1]
        clause = max(cut.rfind(sign) for sign in (", ", "; ", ": ", " ("))
        sentence = cut[: clause if clause > limit // 2 else cut.rfind(" ")].rstrip(" ,;:(") + "…"
    return sentence if _ended(sentence) else f"{sentence}."


def _ended(sentence: str) -> bool:
    return sentence.rstrip("\"'”’)]").endswith(_ENDS)


def _score(sentence: _Sentence, weights: dict[str, float], subject: frozenset[str]) -> float:
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
    if not _ended(sentence.text) or len(sentence.text) > LONGEST - LONGEST_TITLE:
        score *= 0.5
    if sentence.text.endswith("?"):
        score *= 0.3
    too_long = max(0.0, len(sentence.text) / LONGEST - 0.8) + 0.1 * max(0, sentence.text.count(",") - 5)
    return score / (1 + too_long) / (1 + 0.1 * sentence.rank)


def _subject(request: str) -> frozenset[str]:
    """Of "what is ..." the first word that tells something."""
    asked = _ASKS_WHAT.search(request)
    words = (telling_words(word) for word in request[asked.end() :].split()) if asked else ()
    return next((word for word in words if word), frozenset[str]())


def _weights(wanted: frozenset[str], sentences: Sequence[_Sentence]) -> dict[str, float]:
    """Of the words that are wanted: the fewer sentences have one, the more it tells (inverse document frequency)."""
    counts = Counter(word for sentence in sentences for word in sentence.words)
    return {word: math.log(1 + len(sentences) / max(1, counts[word])) for word in wanted}


def _weight(words: Collection[str], weights: dict[str, float]) -> float:
    return sum(weights.get(word, 0.0) for word in words)


def _unique(passages: Sequence[FoundPassage]) -> list[_Sentence]:
    """Every sentence once: overlapping passages repeat each other."""
    sentences: dict[str, _Sentence] = {}
    for rank, passage in enumerate(passages):
        around = telling_words(f"{passage.title} {passage.heading}")
        for place, text in enumerate(sentences_of(passage.text)):
            sentences.setdefault(text, _Sentence(text, passage, rank, place, telling_words(text), around))
    return list(sentences.values())


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _named(sources: Sequence[Source]) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(source for source in sources if source.place))
