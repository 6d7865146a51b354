"""An answer made of quoted sentences, to be read aloud: what they say, and where they stand. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from counterpoint.background.engines.passages import FoundPassage
from counterpoint.background.engines.ranking import Sentence, ended, ranking
from counterpoint.background.engines.spoken_text import sentences_of
from counterpoint.shared_context.notes import Source

LONGEST: Final = 300
"""Characters of an answer: some 20 s of speech; nobody wants to listen to more unasked."""

LONGEST_TITLE: Final = 60

SECOND_IS_WORTH: Final = 0.6
"""A second sentence is quoted if it fits at least so well, compared with the first."""

COVERED: Final = 0.25
"""Share of the request that a sentence must touch to be worth quoting."""

ANSWERED: Final = 0.5
"""Below this share, it is said that the quote may not be an answer."""


class Quote(msgspec.Struct, frozen=True):
    """`text`: to be said as it is."""

    text: str
    sources: tuple[Source, ...]


def quote(request: str, passages: Sequence[FoundPassage], correction: str = "") -> Quote | None:
    """One or two sentences, at most `LONGEST` characters with where they are from; None if nothing fits."""
    ranked = ranking(request, passages, correction)
    if not ranked or ranked[0].covered < COVERED:
        return None
    best, *others = (each for each in ranked if each.score >= ranked[0].score * SECOND_IS_WORTH)
    if best.covered < ANSWERED:
        return _unsure(best.sentence)
    return _said(best.sentence, [other.sentence for other in others])


def sentence(request: str, passages: Sequence[FoundPassage], correction: str = "") -> Quote | None:
    """The best sentence alone, as it is written; None if none is an answer."""
    ranked = ranking(request, passages, correction)
    if not ranked or ranked[0].covered < ANSWERED:
        return None
    return Quote(_closed(ranked[0].sentence.text), _named(ranked[0].sentence))


def _said(best: Sentence, others: Sequence[Sentence]) -> Quote:
    title = _title(best.passage)
    opening = f"According to {title}: " if title else "I found this: "
    first = _closed(best.text, LONGEST - len(opening))
    for other in others:
        second = _title(other.passage)
        if other.passage is best.passage and other.place < best.place:
            text = f"{opening}{_closed(other.text)} {first}"
        elif second == title:
            text = f"{opening}{first} {_closed(other.text)}"
        else:
            text = f"{opening}{first} And according to {second}: {_closed(other.text)}" if second else ""
        if text and len(text) <= LONGEST:
            return Quote(text, _named(best, other))
    return Quote(opening + first, _named(best))


def _unsure(best: Sentence) -> Quote:
    title = _title(best.passage)
    opening = f"I found no clear answer; the closest is{f' in {title}' if title else ''}: "
    return Quote(opening + _closed(best.text, LONGEST - len(opening)), _named(best))


def _title(passage: FoundPassage) -> str:
    title = " ".join(sentences_of(passage.title)).rstrip(".: ")
    if len(title) <= LONGEST_TITLE:
        return title
    clause = title[:LONGEST_TITLE].rpartition(", ")[0]
    return clause or title[:LONGEST_TITLE].rpartition(" ")[0] or title[:LONGEST_TITLE]


def _closed(sentence: str, limit: int = LONGEST) -> str:
    """A sentence that ends like one, cut between clauses or words if it is too long."""
    if len(sentence) > limit - 1:
        cut = sentence[: limit - 1]
        clause = max(cut.rfind(sign) for sign in (", ", "; ", ": ", " ("))
        end = clause if clause > limit // 2 else cut.rfind(" ")
        sentence = cut[: end if end > 0 else len(cut)].rstrip(" ,;:(") + "…"
    return sentence if ended(sentence) else f"{sentence}."


def _named(*sentences: Sentence) -> tuple[Source, ...]:
    sources = (sentence.passage.source for sentence in sentences)
    return tuple(dict.fromkeys(source for source in sources if source.place))
