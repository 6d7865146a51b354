"""Making a context package of a timeline, and making it fit a number of tokens. Pure.

What fits is the package as `render` puts it into words. Details of the oldest become a line each; then those lines are
shortened, and what tools found; what was said last goes last, and the request never.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

from msgspec.structs import replace

from counterpoint.errors import UnknownDelegation
from counterpoint.shared_context.ids import DelegationId, Position
from counterpoint.shared_context.package import ContextPackage, Work
from counterpoint.shared_context.scales import BYTES_PER_TOKEN, Scales, weight_of, weight_of_package, weight_of_text
from counterpoint.shared_context.shrinking import (
    RESULTS,
    Detail,
    Part,
    bare,
    details_of,
    folded,
    squeezed,
    with_results_cut,
    without,
)
from counterpoint.shared_context.timeline import Timeline
from counterpoint.shared_context.timeline.compaction import Earlier

EARLIER_SHARE: Final = 4
"""`earlier` gets a quarter of a budget at most: rather the newest utterances as they were than more of the oldest."""

SHARES: Final = (0.5, 0.25, 0.1)
"""Shares of that to which `earlier` is shortened where nothing else can be folded away."""

PROBE: Final = 1.1
"""What is a tenth too heavy by its weight shows that the whole does not fit, and tells how heavy a token is."""

TRIES: Final = 3
"""Weights are corrected by what was counted, so the second try is nearly always the last."""

CAREFUL: Final = 0.98
"""Weights are a little wrong."""

LINE: Final = 350
"""The weight of a detail of which `earlier` keeps a line, at most."""


def estimate(text: str) -> int:
    """About as many tokens as a language model's tokenizer makes of it; counts UTF-8 bytes, so no script is free."""
    return -(-len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN)


def package_of(
    timeline: Timeline,
    *,
    delegation: DelegationId | None = None,
    upto: Position | None = None,
    budget: int | None = None,
    count: Callable[[str], int] = estimate,
) -> ContextPackage:
    """The whole conversation, for `delegation` if one is named.

    `upto` leaves out what began after that log position; how far the rest got is told as it is known now. The rendered
    package has at most `budget` tokens by `count`, unless the request alone has more. `count` never gives a longer text
    fewer tokens than its beginning. Raises `UnknownDelegation`.
    """
    if delegation is not None and timeline.work(delegation) is None:
        raise UnknownDelegation(f"{delegation} was never asked for, or so long ago that only an outline is kept")
    package = _whole(timeline, delegation, upto)
    if budget is None:
        return package
    details, scales = details_of(package), Scales(budget, count)
    weights = [weight_of(each) for each in details]
    if _fits_whole(package, details, weights, scales):
        return package
    room = min(timeline.limits.earlier, int(max(budget, 0) * scales.characters_per_token) // EARLIER_SHARE)
    candidates = _candidates(package, details, weights, timeline.earlier, room, scales)
    return next(filter(scales.fits, candidates), bare(package))


def _whole(timeline: Timeline, delegation: DelegationId | None, upto: Position | None) -> ContextPackage:
    end = timeline.tail if upto is None else min(upto, timeline.tail)
    works = (work for work in timeline.works() if work.delegation.id == delegation or _asked_at(work) <= end)
    return ContextPackage(
        conversation=timeline.conversation,
        upto=end,
        now=timeline.beat,
        instructions=timeline.instructions,
        earlier=timeline.earlier.text,
        utterances=tuple(each.utterance for each in timeline.utterances() if each.position <= end),
        work=tuple(works),
        notes=timeline.loose_notes(),
        media=timeline.media,
        present=timeline.floor,
        typing=timeline.typing,
        delegation=delegation,
    )


def _asked_at(work: Work) -> Position:
    return work.delegation.upto or Position(0)


def _fits_whole(package: ContextPackage, details: list[Detail], weights: list[int], scales: Scales) -> bool:
    """The newest part of it is counted, then more: nothing is, that is much longer than the budget allows."""
    calls = () if package.current is None else package.current.calls
    parts: list[Part] = [*details, *calls]
    lightest = weight_of_package(without(package, parts))
    heavier = list(accumulate(reversed([*weights, *map(weight_of, calls)]), initial=lightest))
    counted = 0
    while True:
        counted = min(len(parts), max(bisect_right(heavier, scales.capacity * PROBE) - 1, counted))
        left_out = len(parts) - counted
        if not scales.holds(without(package, parts[:left_out])):
            return False
        if left_out == 0:
            return True
        counted += counted // 4 + 1


def _candidates(
    package: ContextPackage, details: list[Detail], weights: list[int], earlier: Earlier, room: int, scales: Scales
) -> Iterator[ContextPackage]:
    """The package in ever smaller shapes, less what is too heavy for sure; the first that fits is the one to take."""
    least = without(replace(package, earlier=""), details)
    for characters in RESULTS:
        smaller = with_results_cut(package, characters)
        fixed = weight_of_package(with_results_cut(least, characters))
        if not scales.may_hold(fixed):
            continue
        for gone in _prefixes(weights, fixed, weight_of_text(earlier.text), room, scales):
            yield folded(smaller, details[:gone], earlier, room)
        for share in SHARES:
            if scales.may_hold(fixed + room * share * scales.bytes_per_character):
                yield folded(smaller, details, earlier, int(room * share))
    yield from squeezed(folded(with_results_cut(package, RESULTS[-1]), details, earlier, 0))


def _prefixes(weights: list[int], fixed: int, outline: int, room: int, scales: Scales) -> Iterator[int]:
    """How many of the oldest details have to go by their weight; then by what the scales have learned meanwhile."""
    kept = list(accumulate(reversed(weights), initial=fixed))[::-1]
    told = list(accumulate((min(each, LINE) for each in weights), initial=outline))

    def weight(gone: int) -> float:
        return kept[gone] + min(told[gone], room * scales.bytes_per_character)

    gone = 0
    for _ in range(TRIES):
        enough = scales.capacity * CAREFUL
        gone = bisect_left(range(len(weights)), True, lo=gone, key=lambda number: weight(number) <= enough)
        if scales.may_hold(weight(gone)):
            yield gone
        if gone == len(weights):
            return
        gone += 1
