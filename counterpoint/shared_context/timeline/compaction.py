"""What is remembered of a conversation when its details no longer fit: a line per fact, within so many characters.

Requests and what came of them outlive the chatter; of each kind the newest outlive the oldest. Pure and deterministic.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Final

import msgspec

from counterpoint.shared_context.escaping import one_line, shorten
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.package import NoteView, Utterance, Work
from counterpoint.shared_context.render import how_far, seconds

CHATTER_CHARACTERS: Final = 300
SHORTEST_CHATTER: Final = 80
REQUEST_CHARACTERS: Final = 300
RESULT_CHARACTERS: Final = 400

_LEFT_OUT_CHARACTERS: Final = 100
"""Room for the line that counts what is left out."""

_OUTCOMES: Final = frozenset({NoteKind.RESULT.value, NoteKind.FAILURE.value, NoteKind.CORRECTION.value})


class Fact(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line about something that began in `beat`. `chatter`: something said, not asked for or found."""

    beat: Beat
    text: str
    chatter: bool = False


class Earlier(msgspec.Struct, frozen=True, omit_defaults=True):
    """Facts, oldest first, and how many utterances and outcomes are no longer among them."""

    facts: tuple[Fact, ...] = ()
    utterances: int = 0
    outcomes: int = 0

    @property
    def text(self) -> str:
        return "\n".join([*self._left_out, *(fact.text for fact in self.facts)])

    @property
    def size(self) -> int:
        return len(self.text)

    @property
    def _left_out(self) -> list[str]:
        counts = ((self.utterances, "utterances"), (self.outcomes, "delegations and notes"))
        told = " and ".join(f"{count} {what}" for count, what in counts if count)
        return [f"({told} are left out)"] if told else []


def fact_of_utterance(utterance: Utterance) -> Fact:
    words = utterance.text if utterance.heard is None else utterance.text[: utterance.heard]
    said = shorten(one_line(words), CHATTER_CHARACTERS)
    if utterance.heard is not None and utterance.heard < len(utterance.text):
        said = f"{said} (the rest was not heard)" if words else "(said something that was not heard)"
    when = seconds(utterance.first, utterance.last)
    return Fact(utterance.first, f"[{when}] {utterance.speaker.value}: {said}", chatter=True)


def fact_of_work(work: Work) -> Fact:
    request = shorten(one_line(work.delegation.request), REQUEST_CHARACTERS)
    corrections = "".join(
        f"; corrected: {shorten(one_line(text), REQUEST_CHARACTERS)}" for text in work.amendments[-3:]
    )
    came = [note for note in work.notes if note.kind in _OUTCOMES] or work.notes[-1:]
    found = "".join(f"; {_came(note)}" for note in came[-3:])
    reason = f" ({shorten(one_line(work.reason), REQUEST_CHARACTERS)})" if work.reason else ""
    head = f"[{seconds(work.asked)}] {one_line(work.delegation.id)} {work.state.value}{reason}"
    return Fact(work.asked, f"{head}: {request}{corrections}{found}")


def fact_of_note(note: NoteView) -> Fact:
    return Fact(note.laid, f"[{seconds(note.laid)}] {_came(note)}")


def extended(earlier: Earlier, facts: Iterable[Fact]) -> Earlier:
    """With more facts, in their places in time."""
    ordered = sorted((*earlier.facts, *facts), key=lambda fact: fact.beat)
    return msgspec.structs.replace(earlier, facts=tuple(ordered))


def with_chatter(earlier: Earlier, utterances: Sequence[Utterance], limit: int) -> Earlier:
    """With utterances newer than its own, oldest first. Those that `compacted` to `limit` would leave out in any case
    (newer ones fill it at their shortest) are only counted: of a long talk few have to be looked at.
    """
    facts: list[Fact] = []
    room = limit
    for utterance in reversed(utterances):
        if room < 0:
            break
        facts.append(fact_of_utterance(utterance))
        room -= len(shorten(facts[-1].text, SHORTEST_CHATTER)) + 1
    unseen = len(utterances) - len(facts)
    return extended(msgspec.structs.replace(earlier, utterances=earlier.utterances + unseen), reversed(facts))


def compacted(earlier: Earlier, limit: int) -> Earlier:
    """Within `limit` characters: chatter is shortened first, then old outcomes; then old chatter is left out, down to a
    quarter of the room, and at last old outcomes.
    """
    if earlier.size <= limit:
        return earlier
    facts, room = list(earlier.facts), limit - _LEFT_OUT_CHARACTERS
    for characters in (160, SHORTEST_CHATTER):
        facts = _lessened(facts, room, _chatter, characters)
    facts = _lessened(facts, room, _outcome, 300)
    fresh = _newest_chatter(facts, room // 4)
    facts = _lessened(facts, room, lambda fact: fact.chatter and id(fact) not in fresh, 0)
    for characters in (120, 0):
        facts = _lessened(facts, room, _outcome, characters)
    return _counted(earlier, facts)


def text_within(earlier: Earlier, limit: int) -> str:
    """The text of what is left of it within `limit` characters; nothing, where not even that fits."""
    text = compacted(earlier, limit).text
    return text if len(text) <= limit else ""


def _chatter(fact: Fact) -> bool:
    return fact.chatter


def _outcome(fact: Fact) -> bool:
    return not fact.chatter


def _newest_chatter(facts: list[Fact], room: int) -> set[int]:
    """The identities of the newest chatter that has room."""
    newest = [fact for fact in reversed(facts) if fact.chatter]
    sizes = accumulate(len(fact.text) + 1 for fact in newest)
    return {id(fact) for fact, size in zip(newest, sizes, strict=True) if size <= room}


def _lessened(facts: list[Fact], room: int, wanted: Callable[[Fact], bool], characters: int) -> list[Fact]:
    """Those wanted shortened to so many characters (0: left out), oldest first, until all of it fits."""
    excess = sum(len(fact.text) + 1 for fact in facts) - room
    kept: list[Fact] = []
    for fact in facts:
        if excess <= 0 or not wanted(fact):
            kept.append(fact)
            continue
        text = shorten(fact.text, characters)
        excess -= len(fact.text) - len(text) + (not text)
        if text:
            kept.append(msgspec.structs.replace(fact, text=text))
    return kept


def _counted(before: Earlier, facts: list[Fact]) -> Earlier:
    chatter = sum(fact.chatter for fact in before.facts) - sum(fact.chatter for fact in facts)
    gone = len(before.facts) - len(facts)
    return Earlier(tuple(facts), before.utterances + chatter, before.outcomes + gone - chatter)


def _came(note: NoteView) -> str:
    return f"{note.kind} ({how_far(note)}): {shorten(one_line(note.text), RESULT_CHARACTERS)}"
