"""The weaver: what enters a micro-turn. It holds the tray, asks the policy, and knows which notes are being spoken.

Pure: it is told everything (notes, steps, what was heard) and answers with offers, decisions and drops.
"""

from collections.abc import Callable

import msgspec

from counterpoint.interaction.floor import FloorReading
from counterpoint.interaction.model import Offer
from counterpoint.interaction.policy import Policy, Situation, Waiting
from counterpoint.interaction.tray import Drop, Tray
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import Expressed, Voiced
from counterpoint.shared_context.ids import Beat, DelegationId, NoteId, Position
from counterpoint.shared_context.notes import Decision, DecisionKind, Delivery, Note, NoteKind

REACTION_BEATS = 15
"""A model that voices nothing of an offered note for 3 s (the person being silent) is offered it again."""

MAX_OFFERS = 3
"""A note that was offered this often and never voiced is reported as dropped."""

REMEMBERED_RESULTS = 64
"""Voiced results remembered by key, to notice that a later one contradicts them."""

_DELIVERIES = {
    DecisionKind.WEAVE: Delivery.WHEN_IDLE,
    DecisionKind.INTERRUPT: Delivery.INTERRUPT,
    DecisionKind.SILENT: Delivery.SILENT,
}
_TELLING = (NoteKind.RESULT, NoteKind.CORRECTION)


class Weaving(msgspec.Struct, frozen=True):
    """What one step gets: offers for the stream; decisions that are news; notes dropped before it."""

    offers: tuple[Offer, ...] = ()
    decisions: tuple[Decision, ...] = ()
    drops: tuple[Drop, ...] = ()


NOTHING = Weaving()


class InHand(msgspec.Struct):
    """A note that the stream was offered and that has not been heard to its end. `moved`: beat of the last progress."""

    waiting: Waiting
    moved: Beat
    voiced: int
    offers: int = 1

    @property
    def spoken(self) -> bool:
        return self.voiced >= len(self.waiting.note.text)


class Weaver:
    """One session's weaver. `itself`: the model times the notes (no reminders)."""

    def __init__(self, policy: Policy, *, itself: bool = False) -> None:
        self.floor = FloorReading()
        self.tray = Tray()
        self._policy = policy
        self._itself = itself
        self._in_hand: dict[NoteId, InHand] = {}
        self._offers: dict[NoteId, int] = {}
        self._recorded: dict[NoteId, tuple[DecisionKind, str]] = {}
        self._results: dict[str, Note] = {}
        self._drops: list[Drop] = []

    @property
    def idle(self) -> bool:
        """No note waits, and none is being spoken."""
        return not self.tray and not self._in_hand and not self._drops

    def lay(self, note: Note, beat: Beat, heard: int = 0) -> None:
        self._drops += self.tray.lay(self._as_correction(note), beat, heard)

    def told(self, note: Note) -> None:
        """A note was heard to its end; what contradicts it from now on is a correction."""
        if note.kind in _TELLING and note.key:
            self._results.pop(note.key, None)
            self._results[note.key] = note
            if len(self._results) > REMEMBERED_RESULTS:
                del self._results[next(iter(self._results))]

    def amend(self, delegation: DelegationId, at: Position) -> None:
        self._drops += self.tray.amend(delegation, at)

    def withdraw(self, delegation: DelegationId) -> None:
        """What is being spoken is not recalled; it just never comes back if it is interrupted."""
        self._drops += self.tray.withdraw(delegation)

    def weave(self, beat: Beat, texts: tuple[TextChunk, ...]) -> Weaving:
        """Decide what enters the step whose last beat is `beat` and in which `texts` came in."""
        self.floor.perceived(texts, beat)
        if self.idle:
            return NOTHING
        self._remind(beat)
        self._drops += self.tray.expire(beat)
        decisions = self._decide(beat) if self.tray else []
        offers = tuple(self._offer(each, beat) for each in decisions if each.kind in _DELIVERIES)
        for each in decisions:
            if each.kind is DecisionKind.DROP:
                self._drops.append(Drop(self.tray.take(each.note).note.id, each.reason))
        drops, self._drops = tuple(self._drops), []
        for drop in drops:
            self._forget(drop.note)
        return Weaving(offers, tuple(each for each in decisions if self._is_news(each)), drops)

    def expressed(self, expressed: Expressed, beat: Beat) -> tuple[Voiced, ...]:
        """Take note of a step's output. Returns what was voiced of notes in hand, within their bounds."""
        self.floor.expressed(expressed, beat)
        if not expressed.voiced:
            return ()
        return tuple(self._voice(each, beat) for each in expressed.voiced if each.note in self._in_hand)

    def heard(self, note: NoteId, characters: int) -> None:
        """The listener has played the note up to there (or it is assumed)."""
        hand = self._in_hand.get(note)
        if hand is not None and characters >= len(hand.waiting.note.text):
            self._finish(hand)

    def cut(self, note: NoteId, heard: int, beat: Beat) -> None:
        """Speech that voiced this note was flushed: it waits again, with what the person has heard of it."""
        hand = self._in_hand.pop(note, None)
        if hand is not None:
            self._drops += self.tray.put_back(hand.waiting, max(heard, hand.waiting.heard), beat)

    def stream_lost(self, heard_of: Callable[[NoteId], int], beat: Beat) -> None:
        """The stream is gone, and with it everything it had in hand."""
        for note, hand in list(self._in_hand.items()):
            if not hand.spoken:
                self.cut(note, heard_of(note), beat)

    def leave(self, reason: str) -> tuple[Drop, ...]:
        """The conversation ends: everything that was not heard, each with the reason."""
        waiting = [Drop(each.note.id, reason) for each in self.tray.waiting()]
        in_hand = [Drop(note, reason) for note, hand in self._in_hand.items() if not hand.spoken]
        drops = (*self._drops, *waiting, *in_hand)
        self._drops = []
        return drops

    def undelivered(self) -> tuple[NoteId, ...]:
        """Notes that wait or are being spoken."""
        unspoken = (note for note, hand in self._in_hand.items() if not hand.spoken)
        return (*(each.note.id for each in self.tray.waiting()), *unspoken)

    def _decide(self, beat: Beat) -> list[Decision]:
        voicing = next((hand.waiting.note for hand in self._in_hand.values() if not hand.spoken), None)
        floor = self.floor
        situation = Situation(
            beat, floor.at(beat), floor.silent_beats(beat), floor.boundary, floor.speaking_since, voicing
        )
        waiting = tuple(self.tray.waiting())
        known = {each.note.id for each in waiting}
        return [each for each in self._policy(situation, waiting) if each.note in known]

    def _offer(self, decision: Decision, beat: Beat) -> Offer:
        waiting = self.tray.take(decision.note)
        how = _DELIVERIES[decision.kind]
        if how is not Delivery.SILENT:
            count = self._offers.get(decision.note, 0) + 1
            self._offers[decision.note] = count
            self._in_hand[decision.note] = InHand(waiting, beat, waiting.heard, count)
        return Offer(waiting.note, how, waiting.heard)

    def _voice(self, voiced: Voiced, beat: Beat) -> Voiced:
        hand = self._in_hand[voiced.note]
        length = len(hand.waiting.note.text)
        start = min(max(voiced.start, 0), length)
        end = min(max(voiced.end, start), length)
        hand.voiced = max(hand.voiced, end)
        hand.moved = beat
        return Voiced(voiced.note, start, end, voiced.text_start)

    def _finish(self, hand: InHand) -> None:
        self._forget(hand.waiting.note.id)
        self.told(hand.waiting.note)

    def _forget(self, note: NoteId) -> None:
        self._in_hand.pop(note, None)
        self._offers.pop(note, None)
        self._recorded.pop(note, None)

    def _remind(self, beat: Beat) -> None:
        if self._itself or self.floor.person_speaks(beat):
            return
        for note, hand in list(self._in_hand.items()):
            if hand.spoken or beat - hand.moved < REACTION_BEATS:
                continue
            if hand.offers >= MAX_OFFERS:
                self._drops.append(Drop(note, "the model never voiced it"))
                del self._in_hand[note]
            else:
                self.cut(note, hand.voiced, beat)

    def _is_news(self, decision: Decision) -> bool:
        """Holds repeat every beat; only a new reason is worth recording."""
        said = (decision.kind, decision.reason)
        if self._recorded.get(decision.note) == said:
            return False
        self._recorded[decision.note] = said
        return True

    def _as_correction(self, note: Note) -> Note:
        """A result that contradicts one which was already told must not pass as news."""
        if note.kind is not NoteKind.RESULT or not note.key:
            return note
        told = self._results.get(note.key) or self._being_told(note.key)
        if told is None or told.id == note.id or told.text == note.text:
            return note
        return msgspec.structs.replace(note, kind=NoteKind.CORRECTION, corrects=told.id)

    def _being_told(self, key: str) -> Note | None:
        """A result of this key that was spoken to its end and is on its way to the person's ear."""
        notes = (hand.waiting.note for hand in self._in_hand.values() if hand.spoken)
        return next((each for each in notes if each.key == key and each.kind in _TELLING), None)
