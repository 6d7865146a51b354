"""Making a context package of a timeline, and making it fit a number of tokens. Pure.

What fits is the package as `render` puts it into words. Details of the oldest become a line each; then those lines are
shortened, and what tools found; what was said last goes last, and the request never.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from counterpoint.errors import UnknownDelegation
from counterpoint.shared_context.escaping import cut
from counterpoint.shared_context.ids import Beat, DelegationId, Position
from counterpoint.shared_context.package import Call, ContextPackage, NoteView, Utterance, Work
from counterpoint.shared_context.render import render
from counterpoint.shared_context.timeline import Timeline
from counterpoint.shared_context.timeline.compaction import (
    Earlier,
    Fact,
    extended,
    fact_of_note,
    fact_of_utterance,
    fact_of_work,
    text_within,
)

CHARACTERS_PER_TOKEN: Final = 4

RESULTS: Final = (None, 2_000, 500, 100)
"""Characters that each result of the current delegation may keep; the next is tried when nothing else helped."""

EARLIER_SHARE: Final = 4
"""`earlier` gets a quarter of a budget at most: rather the newest utterances as they were than more of the oldest."""

SHARES: Final = (0.5, 0.25, 0.1)
"""Shares of that to which `earlier` is shortened where nothing else can be folded away."""

Fits = Callable[[ContextPackage], bool]
Detail = Utterance | Work | NoteView


def estimate(text: str) -> int:
    """About as many tokens as a language model's tokenizer makes of it; counts UTF-8 bytes, so no script is free."""
    return -(-len(text.encode("utf-8", "replace")) // CHARACTERS_PER_TOKEN)


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
    package has at most `budget` tokens by `count`, unless the request alone has more. Raises `UnknownDelegation`.
    """
    if delegation is not None and timeline.work(delegation) is None:
        raise UnknownDelegation(f"{delegation} was never asked for, or so long ago that only an outline is kept")
    package = _whole(timeline, delegation, upto)
    if budget is None:
        return package

    def fits(candidate: ContextPackage) -> bool:
        return count(render(candidate)) <= budget

    text = render(package)
    if (tokens := count(text)) <= budget:
        return package
    room = min(timeline.limits.earlier, len(text) * max(budget, 0) // max(tokens, 1) // EARLIER_SHARE)
    return next(filter(fits, _candidates(package, timeline.earlier, room, fits)), _bare(package))


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


def _candidates(package: ContextPackage, earlier: Earlier, room: int, fits: Fits) -> Iterator[ContextPackage]:
    """The package in ever smaller shapes; the first that fits is the one to take."""
    for characters in RESULTS:
        smaller = _with_results_cut(package, characters)
        details = _details(smaller)
        numbers = range(len(details))
        fewest = bisect_left(numbers, True, key=lambda n: fits(_folded(smaller, details[:n], earlier, room)))
        yield _folded(smaller, details[:fewest], earlier, room)
        for share in SHARES:
            yield _folded(smaller, details, earlier, int(room * share))
    yield from _squeezed(_folded(_with_results_cut(package, RESULTS[-1]), _details(package), earlier, 0))


def _squeezed(package: ContextPackage) -> Iterator[ContextPackage]:
    """Only what belongs to the request and the latest exchange is left, and has to become smaller still."""
    yield package
    package = replace(package, media=(), typing=cut(package.typing, 200))
    yield package
    package = replace(package, work=_only_current(package, notes=True))
    yield package
    package = replace(package, work=_only_current(package, notes=False))
    for characters in (1_000, 200, 0):
        package = replace(package, instructions=cut(package.instructions, characters))
        yield package
    for characters in (2_000, 500, 100):
        yield replace(package, utterances=tuple(_cut(each, characters) for each in package.utterances))


def _bare(package: ContextPackage) -> ContextPackage:
    """The request alone."""
    return replace(
        package,
        instructions="",
        earlier="",
        utterances=(),
        work=tuple(replace(work, omitted=0) for work in _only_current(package, notes=False)),
        notes=(),
        media=(),
        typing="",
    )


def _details(package: ContextPackage) -> list[Detail]:
    """What may become a line of `earlier`, oldest first: not the latest words of either side, not the current work."""
    latest = {each.speaker: id(each) for each in package.utterances}.values()
    rows: list[tuple[Beat, Detail]] = [(each.first, each) for each in package.utterances if id(each) not in latest]
    rows += [(each.asked, each) for each in package.work if each.delegation.id != package.delegation]
    rows += [(each.laid, each) for each in package.notes]
    return [detail for _, detail in sorted(rows, key=lambda row: row[0])]


def _folded(package: ContextPackage, details: Iterable[Detail], earlier: Earlier, room: int) -> ContextPackage:
    gone = list(details)
    ids = {id(each) for each in gone}
    return replace(
        package,
        earlier=text_within(extended(earlier, map(_fact, gone)), room),
        utterances=tuple(each for each in package.utterances if id(each) not in ids),
        work=tuple(each for each in package.work if id(each) not in ids),
        notes=tuple(each for each in package.notes if id(each) not in ids),
    )


def _fact(detail: Detail) -> Fact:
    match detail:
        case Utterance():
            return fact_of_utterance(detail)
        case Work():
            return fact_of_work(detail)
        case NoteView():
            return fact_of_note(detail)


def _with_results_cut(package: ContextPackage, characters: int | None) -> ContextPackage:
    if characters is None or (current := package.current) is None:
        return package
    calls = tuple(_smaller_call(call, characters) for call in current.calls)
    return replace(package, work=_with_current(package, replace(current, calls=calls)))


def _smaller_call(call: Call, characters: int) -> Call:
    result = None if call.result is None else cut(call.result, characters)
    return replace(call, arguments=cut(call.arguments, characters), result=result)


def _with_current(package: ContextPackage, current: Work) -> tuple[Work, ...]:
    return tuple(current if each.delegation.id == package.delegation else each for each in package.work)


def _only_current(package: ContextPackage, *, notes: bool) -> tuple[Work, ...]:
    """The current work as it was asked for and corrected, without its calls."""
    if (current := package.current) is None:
        return ()
    omitted = current.omitted + len(current.calls)
    return (replace(current, calls=(), notes=current.notes if notes else (), omitted=omitted),)


def _cut(utterance: Utterance, characters: int) -> Utterance:
    if utterance.heard is None:
        return replace(utterance, text=cut(utterance.text, characters))
    heard = cut(utterance.text[: utterance.heard], characters)
    unheard = cut(utterance.text[utterance.heard :], characters // 2)
    return replace(utterance, text=heard + unheard, heard=len(heard))
