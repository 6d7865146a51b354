"""What of an answer has not been said yet, where partial notes told parts of it already. Pure.

Only whole words at the beginning are left out: the model gave the parts in the order of the answer, and a text with
holes in its middle would be worse to hear than a repetition.
"""

import re
from collections.abc import Iterable

_CLOSING = ",;:.!?…"


def unsaid(answer: str, said: Iterable[str]) -> str:
    """The rest of `answer` after the texts `said` (in order; those that do not match are passed over), or ""."""
    rest = answer.strip()
    for text in said:
        if match := _beginning(text, rest):
            rest = rest[match.end() :]
    return rest


def _beginning(text: str, answer: str) -> re.Match[str] | None:
    """Where `answer` begins with the words of `text`, however they are spaced and whatever closes them."""
    words = text.strip().rstrip(_CLOSING).split()
    if not words:
        return None
    spaced = r"\s+".join(re.escape(word) for word in words)
    return re.match(rf"{spaced}[{_CLOSING}]*(?:\s+|$)", answer, re.IGNORECASE)
