"""How long a package, and each part of it, is going to be in words, without putting it into words; and how long it is.

Weights are estimates, in bytes. Whatever is decided by them is counted afterwards.
"""

from collections.abc import Callable
from typing import Final

from counterpoint.shared_context.package import Call, ContextPackage, NoteView, Utterance, Work
from counterpoint.shared_context.render import render
from counterpoint.shared_context.shrinking import Part

BYTES_PER_TOKEN: Final = 4

LABEL: Final = 27
"""About what stands before a text: times, who it is of, line end."""

FLAG: Final = 16
"""What else is said of it: that it overlaps, was understood, was not heard."""

MARK: Final = 6
"""Likewise at the beginning of each further line of it."""

SAMPLE: Final = 4_096
"""Characters by which a longer text is judged, in four pieces."""

DOUBT: Final = 1.05
"""What weighs so much more than there is room for is not put into words to be counted."""

UNCERTAIN: Final = 200
"""Bytes by which the weight of a very small package may be wrong."""


def weight_of(part: Part) -> int:
    match part:
        case Utterance():
            unheard = part.heard is not None and part.heard < len(part.text)
            return LABEL + FLAG * (part.overlaps + part.understood + unheard) + weight_of_text(part.text)
        case NoteView():
            sources = sum(LABEL + weight_of_text(each.title) + weight_of_text(each.place) for each in part.sources)
            return LABEL * 2 + weight_of_text(part.text) + sources
        case Call():
            approval = "" if part.approval is None else part.approval.question + part.approval.reason
            return LABEL * 3 + sum(map(weight_of_text, (part.tool, part.arguments, part.result or "", approval)))
        case Work():
            words = (part.delegation.request, part.reason, *part.amendments)
            return LABEL + sum(LABEL + weight_of_text(each) for each in words) + weight_of_all(part.calls, part.notes)


def weight_of_text(text: str) -> int:
    if len(text) > SAMPLE:
        pieces = (text[begin : begin + SAMPLE // 4] for begin in range(0, len(text) - 3, len(text) // 4))
        return weight_of_text("".join(pieces)) * len(text) // SAMPLE
    length = len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
    return length + MARK * text.count("\n")


def weight_of_all(*parts: tuple[Part, ...]) -> int:
    return sum(weight_of(each) for some in parts for each in some)


def weight_of_package(package: ContextPackage) -> int:
    texts = (package.instructions, package.earlier, package.typing)
    media = LABEL * len(package.media)
    parts = weight_of_all(package.utterances, package.work, package.notes)
    return LABEL * 6 + sum(map(weight_of_text, texts)) + media + parts


class Scales:
    """Counts the tokens of packages, and learns from each how many bytes and characters make one."""

    __slots__ = ("_count", "budget", "bytes_per_token", "characters_per_token")

    def __init__(self, budget: int, count: Callable[[str], int]) -> None:
        self.budget = budget
        self._count = count
        self.bytes_per_token = self.characters_per_token = float(BYTES_PER_TOKEN)

    @property
    def capacity(self) -> float:
        """The weight that there is room for, as far as it is known by now."""
        return max(self.budget, 0) * self.bytes_per_token

    @property
    def bytes_per_character(self) -> float:
        return self.bytes_per_token / self.characters_per_token

    def fits(self, package: ContextPackage) -> bool:
        weight = weight_of_package(package)
        return self.may_hold(weight) and self.holds(package, weight)

    def may_hold(self, weight: float) -> bool:
        """False where counting would be in vain."""
        return weight <= self.capacity * DOUBT + UNCERTAIN

    def holds(self, package: ContextPackage, weight: int | None = None) -> bool:
        weight = weight_of_package(package) if weight is None else weight
        text = render(package)
        tokens = self._count(text)
        if tokens > 0:
            self.bytes_per_token, self.characters_per_token = weight / tokens, len(text) / tokens
        return tokens <= self.budget
