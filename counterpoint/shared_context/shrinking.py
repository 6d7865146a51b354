"""How a context package becomes smaller: details become a line each, results are cut, at last nearly all goes. Pure.

It knows no tokens: how small is small enough, others decide.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from counterpoint.shared_context.escaping import cut
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.package import Call, ContextPackage, NoteView, Utterance, Work
from counterpoint.shared_context.timeline.compaction import (
    Earlier,
    extended,
    fact_of_note,
    fact_of_work,
    text_within,
    with_chatter,
)

RESULTS: Final = (None, 2_000, 500, 100)
"""Characters that each result of the current delegation may keep; the next is tried when nothing else helped."""

Detail = Utterance | Work | NoteView
Part = Detail | Call


def squeezed(package: ContextPackage) -> Iterator[ContextPackage]:
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


def bare(package: ContextPackage) -> ContextPackage:
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


def details_of(package: ContextPackage) -> list[Detail]:
    """What may become a line of `earlier`, oldest first: not the latest words of either side, not the current work."""
    latest = {each.speaker: id(each) for each in package.utterances}.values()
    rows: list[tuple[Beat, Detail]] = [(each.first, each) for each in package.utterances if id(each) not in latest]
    rows += [(each.asked, each) for each in package.work if each.delegation.id != package.delegation]
    rows += [(each.laid, each) for each in package.notes]
    return [detail for _, detail in sorted(rows, key=lambda row: row[0])]


def folded(package: ContextPackage, gone: list[Detail], earlier: Earlier, room: int) -> ContextPackage:
    outcomes = [
        fact_of_work(each) if isinstance(each, Work) else fact_of_note(each)
        for each in gone
        if not isinstance(each, Utterance)
    ]
    said = [each for each in gone if isinstance(each, Utterance)]
    told = text_within(extended(with_chatter(earlier, said, room), outcomes), room)
    return replace(without(package, gone), earlier=told)


def without(package: ContextPackage, parts: Sequence[Part]) -> ContextPackage:
    if not parts:
        return package
    gone = {id(each) for each in parts}
    work = tuple(each for each in package.work if id(each) not in gone)
    package = replace(
        package,
        utterances=tuple(each for each in package.utterances if id(each) not in gone),
        work=work,
        notes=tuple(each for each in package.notes if id(each) not in gone),
    )
    if (current := package.current) is None or not any(id(call) in gone for call in current.calls):
        return package
    calls = tuple(call for call in current.calls if id(call) not in gone)
    return replace(package, work=_with_current(package, replace(current, calls=calls)))


def with_results_cut(package: ContextPackage, characters: int | None) -> ContextPackage:
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
