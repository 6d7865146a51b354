"""How much of what the agent said was heard, from what the listener reports. Pure arithmetic over text and samples.

What nobody reported was not heard. A report replaces an assumption; what was cut off stays cut off.
"""

import enum
import re
from collections.abc import Sequence
from typing import Final

from counterpoint.shared_context.entries import Played

_WORD: Final = re.compile(r"\S+")


class Report(enum.IntEnum):
    """How it is known how far a micro-turn was played. `FINAL`: the rest of it never will be."""

    NONE = 0
    ASSUMED = 1
    ACKNOWLEDGED = 2
    FINAL = 3


def heard_after(text: str, samples: int, heard: int, report: Report, played: Played) -> tuple[int, Report]:
    """Characters heard of a micro-turn's text, and how that is known, once one more report has come in.

    Sound without a text counts as one character: it was heard to its end, or not.
    """
    if report is Report.FINAL:
        return heard, report
    grade = Report.ASSUMED if played.assumed else Report.ACKNOWLEDGED
    if report is Report.ASSUMED and grade is Report.ACKNOWLEDGED:
        heard = 0
    heard = max(heard, _characters(text, samples, played))
    return heard, Report.FINAL if played.cut else max(report, grade)


def _characters(text: str, samples: int, played: Played) -> int:
    if not text:
        return int(not played.cut if played.samples is None else played.samples >= samples)
    if played.words is None and played.samples is None:
        return 0 if played.cut else len(text)
    by_words = 0 if played.words is None else characters_of_words(text, played.words)
    by_samples = 0 if played.samples is None else characters_of_samples(text, played.samples, samples)
    return max(by_words, by_samples)


def characters_of_words(text: str, words: int) -> int:
    """Where the last of so many words ends; all of the text where there are no more."""
    ends = [match.end() for match in _WORD.finditer(text)]
    if words >= len(ends):
        return len(text)
    return ends[words - 1] if words > 0 else 0


def characters_of_samples(text: str, played: int, samples: int) -> int:
    """Where the last word ends that fits into the share of the sound that was played.

    A text without sound of its own (`samples=0`, the listener speaks it) has no shares: it was heard only if any
    sound was.
    """
    if played <= 0:
        return 0
    if played >= samples:
        return len(text)
    share = len(text) * played // samples
    return max((match.end() for match in _WORD.finditer(text) if match.end() <= share), default=0)


def heard_before(texts: Sequence[str], unheard: str) -> list[int]:
    """Characters heard of each text, if of all of them together the end `unheard` was never played."""
    whole = "".join(texts)
    found = whole.rfind(unheard)
    left = max(0, len(whole) - len(unheard)) if found < 0 else found
    heard: list[int] = []
    for text in texts:
        heard.append(min(left, len(text)))
        left -= heard[-1]
    return heard


def heard_of_voiced(start: int, end: int, text_start: int, text: str, heard: int) -> int:
    """Where, of a note's characters `start` to `end` spoken at `text_start` of a text, hearing ended."""
    if heard >= len(text):
        return end
    return start + min(max(0, heard - text_start), end - start)
