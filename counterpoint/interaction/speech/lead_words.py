"""Words that a model has said and that have not sounded yet, and where they are cut into clauses. Pure."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from counterpoint.interaction.engines.words import ends_clause
from counterpoint.shared_context.expressed import Voiced

LONGEST_CLAUSE: Final = 12
"""Words that are spoken in one go: about four seconds, by which the model may be ahead of what is heard."""

_SHORTEST: Final = 2
"""A single word and its comma are spoken with what follows, if that is there."""

_WORD: Final = re.compile(r"\s*\S+\s*\Z|\s*\S+")


class LeadWord(msgspec.Struct):
    """`text`: with the space before it. `voiced`: which parts of notes are said with it, by their place in it."""

    text: str
    voiced: list[Voiced] = []


def words_of(text: str, voiced: Sequence[Voiced]) -> list[LeadWord]:
    """A step's words. A note that is only reported as told belongs to the last of them."""
    words: list[LeadWord] = []
    for match in _WORD.finditer(text):
        inside = (_inside(each, match.start(), match.end()) for each in voiced if is_verbatim(each, text))
        words.append(LeadWord(match.group(), [each for each in inside if each is not None]))
    if words:
        words[-1].voiced += [each for each in voiced if not is_verbatim(each, text) and each.end > each.start]
    return words


def is_verbatim(voiced: Voiced, text: str) -> bool:
    """The note's own characters stand in the text, one for one."""
    return voiced.end > voiced.start and voiced.text_start + voiced.end - voiced.start <= len(text)


def clause_of(words: Sequence[LeadWord], *, over: bool) -> int:
    """How many of these words make the next clause; 0 if more are needed to tell. `over`: no more will come."""
    for index, word in enumerate(words[:LONGEST_CLAUSE]):
        if ends_clause(word.text) and index + 1 >= _SHORTEST:
            return index + 1
    if len(words) >= LONGEST_CLAUSE:
        return LONGEST_CLAUSE
    return len(words) if over else 0


def joined(words: Sequence[LeadWord]) -> tuple[str, tuple[Voiced, ...]]:
    """The text of consecutive words, and what was voiced in it, in whole stretches."""
    text = ""
    parts: list[Voiced] = []
    for word in words:
        for each in word.voiced:
            last = parts[-1] if parts else None
            if last is not None and last.note == each.note and last.end == each.start:
                parts[-1] = Voiced(last.note, last.start, each.end, last.text_start)
            else:
                parts.append(Voiced(each.note, each.start, each.end, len(text) + each.text_start))
        text += word.text
    return text, tuple(parts)


def _inside(voiced: Voiced, start: int, end: int) -> Voiced | None:
    """The part of a stretch that stands in the word from `start` to `end` of the step's text."""
    low = max(start, voiced.text_start)
    high = min(end, voiced.text_start + voiced.end - voiced.start)
    if low >= high:
        return None
    at = voiced.start - voiced.text_start
    return Voiced(voiced.note, low + at, high + at, low - start)
