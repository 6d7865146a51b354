"""What a model does when somebody speaks while it speaks, by the idea of Full-Duplex-Bench v1.5 (arXiv 2507.23159).

There a language model reads the words and tags them; this tagger compares content words instead, so that a figure can
be made again. Seconds throughout, words as they sound.
"""

import enum
from collections.abc import Collection, Sequence
from typing import Final

from counterpoint.evaluation.lived import At, utterances

_STOP_WORDS: Final = frozenset(
    [
        "a",
        "an",
        "the",
        "i",
        "you",
        "he",
        "she",
        "it",
        "we",
        "they",
        "me",
        "my",
        "your",
        "his",
        "her",
        "its",
        "our",
        "their",
        "this",
        "that",
        "these",
        "those",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "am",
        "do",
        "does",
        "did",
        "have",
        "has",
        "had",
        "will",
        "would",
        "could",
        "can",
        "may",
        "and",
        "or",
        "but",
        "so",
        "then",
        "if",
        "of",
        "to",
        "two",
        "in",
        "on",
        "at",
        "for",
        "from",
        "with",
        "by",
        "as",
        "not",
        "no",
        "know",
        "buy",
        "yes",
        "okay",
        "oh",
        "uh",
        "huh",
        "um",
        "hm",
        "well",
        "now",
        "there",
        "here",
        "what",
        "who",
        "when",
        "where",
        "how",
        "why",
        "which",
        "please",
        "let",
        "just",
    ]
)
_DID_NOT_HEAR: Final = (
    "pardon", "say that again", "say it again", "did not hear", "did not catch", "didn't hear", "didn't catch",
    "can you repeat", "could you repeat", "please repeat", "come again", "what did you say",
)  # fmt: skip


class Tag(enum.Enum):
    """RESPOND: to what was said over it. RESUME: goes on with its own. UNCERTAIN: did not hear. UNKNOWN: none."""

    RESPOND = "respond"
    RESUME = "resume"
    UNCERTAIN = "uncertain"
    UNKNOWN = "unknown"


def content(words: Sequence[str]) -> frozenset[str]:
    """Words that carry meaning. "four" sounds like "for" and is taken for the number."""
    return frozenset(word for word in words if word not in _STOP_WORDS)


def tag(
    said: Sequence[At],
    clean: Sequence[str],
    span: tuple[float, float],
    about: Collection[str],
    *,
    lenient: bool = True,
) -> Tag:
    """`clean`: what the model says to the same input without the overlap. `span`: from the first to the last word of
    the overlap. `about`: content words of the overlap, and of what answers it.

    Judged is the first utterance that begins after the overlap has begun. Speech that runs on past the overlap without
    a new beginning is UNKNOWN by the letter of the rule, and RESUME if `lenient`.
    """
    whole = utterances(tuple(said))
    fresh = next((each for each in whole if each[0].time >= span[0]), None)
    found = Tag.UNKNOWN if fresh is None else _meaning(fresh, said, clean, span[0], about)
    if found is Tag.UNKNOWN and lenient and any(each[0].time < span[0] and each[-1].time >= span[1] for each in whole):
        return Tag.RESUME
    return found


def _meaning(
    fresh: Sequence[At], said: Sequence[At], clean: Sequence[str], begin: float, about: Collection[str]
) -> Tag:
    words = [each.word for each in fresh]
    if any(f" {phrase} " in f" {' '.join(words)} " for phrase in _DID_NOT_HEAR):
        return Tag.UNCERTAIN
    meant = content(words)
    if not meant:
        return Tag.UNKNOWN
    own = content([*clean, *(each.word for each in said if each.time < begin)])
    responds, resumes = len(meant & frozenset(about)), len(meant & own)
    if responds > resumes:
        return Tag.RESPOND
    return Tag.RESUME if resumes else Tag.UNKNOWN
