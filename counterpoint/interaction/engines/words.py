"""Where spoken text may be cut: into units that are paced like words, and at clauses. Pure; knows text only."""

import re
import unicodedata

from counterpoint.shared_context.expressed import Boundary

LONGEST_UNIT = 12
"""Characters of one unit of a text without spaces (an address, a long number): about as long as two words take."""

_SLACK = 6
"""A word is not cut for the sake of a short rest."""

_WIDE_UNIT = 2
"""Characters of one unit of Chinese or Japanese: two take about as long as a word."""

_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WIDE_MARKS = frozenset("。、，！？；：」』）】…")
_CLAUSE_END = re.compile(r"""[.,;:!?…。、，！？；：—–][\"'”’»)\]」』）】*_]*$""")
_SENTENCE_END = re.compile(r"""[.!?…。！？][\"'”’»)\]」』）】*_]*$""")
_CLAUSE_GAP = re.compile(r"""[.,;:!?…—–][\"'”’»)\]]*(?:\s+|\Z)|[。、，！？；：][」』）】]*""")
_BLANK = re.compile(r"\s*\Z")
_JOINER = "\u200d"


def unit_end(text: str, start: int, *, final: bool) -> int | None:
    """Where the unit that begins at `start` ends; it takes the whitespace before it along.

    None: more text is needed to tell. `final`: no more will come; the last unit takes what whitespace is left.
    """
    begin = start
    while begin < len(text) and text[begin].isspace():
        begin += 1
    if begin == len(text):
        return len(text) if final and begin > start else None
    end = _wide_end(text, begin) if _WIDE.match(text[begin]) else _run_end(text, begin)
    if end == len(text) and not final:
        return None
    return len(text) if final and _BLANK.match(text, end) else end


def boundary_between(said: str, rest: str) -> Boundary:
    """Where speech stands after `said` if `rest` (as far as it is known) follows."""
    if ends_clause(said):
        return Boundary.CLAUSE
    joined = bool(rest) and not rest[0].isspace() and not said[-1:].isspace()
    return Boundary.NONE if joined else Boundary.WORD


def ends_clause(text: str) -> bool:
    return _CLAUSE_END.search(text.rstrip()) is not None


def ends_sentence(text: str) -> bool:
    return _SENTENCE_END.search(text.rstrip()) is not None


def word_start(text: str, at: int) -> int:
    """The start of the word that character `at` stands in; `at` itself between words."""
    while 0 < at < len(text) and not text[at].isspace() and not text[at - 1].isspace() and not _WIDE.match(text[at]):
        at -= 1
    return at


def clause_start(text: str, at: int) -> int:
    """Where the clause begins that character `at` stands in."""
    return max((end.end() for end in _CLAUSE_GAP.finditer(text, 0, at)), default=0)


def last_whole_word(text: str) -> int:
    """Up to where a text that is still being typed consists of whole words."""
    for cut in range(len(text) - 1, max(len(text) - 4 * LONGEST_UNIT, 0), -1):
        if text[cut].isspace():
            return cut
    return len(text) if len(text) > 4 * LONGEST_UNIT else 0


def _wide_end(text: str, begin: int) -> int:
    end = begin
    while end < len(text) and end - begin < _WIDE_UNIT and _WIDE.match(text[end]):
        end += 1
    while end < len(text) and text[end] in _WIDE_MARKS:
        end += 1
    return end


def _run_end(text: str, begin: int) -> int:
    end = begin
    while end < len(text) and end - begin <= LONGEST_UNIT + _SLACK:
        if text[end].isspace() or _WIDE.match(text[end]):
            return end
        end += 1
    if end - begin <= LONGEST_UNIT + _SLACK:
        return end
    end = begin + LONGEST_UNIT
    while end < len(text) and end - begin < 4 * LONGEST_UNIT and _continues(text, end):
        end += 1
    return end


def _continues(text: str, at: int) -> bool:
    """The character at `at` belongs to the one before it (accents, joined emoji, skin tones, variation selectors)."""
    here = text[at]
    return (
        unicodedata.combining(here) > 0
        or unicodedata.category(here) in ("Mn", "Me", "Mc")
        or here == _JOINER
        or text[at - 1] == _JOINER
        or "\U0001f3fb" <= here <= "\U0001f3ff"
    )
