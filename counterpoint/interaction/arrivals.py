"""What arrives from the shared context between two steps: notes, states of delegations, answers of the store.

Pure: entries go in as the follower brings them, and are taken into the weaver and the delegations by the beat loop.
"""

from collections import deque
from collections.abc import Callable

import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.interaction.delegations import OUT_OF_REACH, Anew, Delegations
from counterpoint.interaction.model import DelegationNews
from counterpoint.interaction.tray import Drop
from counterpoint.interaction.weaver import Weaver
from counterpoint.interaction.wishes import Wishes
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import (
    OWN_NOTE,
    OWN_STORE,
    OWN_TOO_LATE,
    Amended,
    Asked,
    Body,
    Degraded,
    NoteDropped,
    NoteLaid,
    Recovered,
    Settled,
    Stored,
    Taken,
    TooLate,
    Wake,
    Withdrawn,
)
from counterpoint.shared_context.expressed import Withdraw
from counterpoint.shared_context.ids import Beat, DelegationId, NoteId, Position
from counterpoint.shared_context.notes import Note, NoteKind

GRACE_SECONDS = 10.0
"""A delegation that is unsettled this long after its time is given up by the host: no worker is there to say so."""

REMEMBERED_RESULTS = 256

Arrival = Stored | Note | TooLate | Degraded | Recovered


class Arrivals:
    """Between two steps: `add` from anywhere, `take` by the beat loop alone. `write` goes to the journal."""

    def __init__(
        self,
        weaver: Weaver,
        delegations: Delegations,
        write: Callable[[Body, Beat], None],
        note_id: Callable[[], NoteId],
    ) -> None:
        self._weaver = weaver
        self._delegations = delegations
        self._write = write
        self._inbox: deque[Arrival] = deque()
        self._news: list[DelegationNews] = []
        self._positions: list[Position] = []
        self._wakes: list[Wake] = []
        self._results: dict[NoteId, Note] = {}
        self._never_asked: set[DelegationId] = set()
        self._done: set[DelegationId] = set()
        self._note_id = note_id
        self.wishes = Wishes(weaver, delegations, write, self._tell, self.own)

    @property
    def waiting(self) -> bool:
        return bool(self._inbox)

    @property
    def laid(self) -> bool:
        """The application has laid a note that is nowhere but here."""
        return any(isinstance(each, Note) for each in self._inbox)

    def add(self, arrival: Arrival) -> None:
        """From the follower (`Stored`), the application (`Note`) or the journal (a wish that the store refused, and how
        the store is).
        """
        self._inbox.append(arrival)

    def take(self, beat: Beat) -> None:
        """Let everything that has arrived take effect."""
        while self._inbox:
            arrival = self._inbox.popleft()
            if isinstance(arrival, Stored):
                self._positions.append(arrival.position)
                self._entry(arrival, beat)
            elif isinstance(arrival, Note):
                self._positions.append(OWN_NOTE)
                self.lay(arrival, beat)
            elif isinstance(arrival, Degraded | Recovered):
                self._positions.append(OWN_STORE)
                self._store_is(away=isinstance(arrival, Degraded))
            else:
                self._positions.append(OWN_TOO_LATE)
                self._came_too_late(arrival, beat)
        for overdue in self._delegations.overdue(beat, BEAT_SECONDS, GRACE_SECONDS):
            self._give_up(overdue, beat)

    def news(self) -> tuple[DelegationNews, ...]:
        news, self._news = tuple(self._news), []
        return news

    def positions(self) -> tuple[Position, ...]:
        positions, self._positions = tuple(self._positions), []
        return positions

    def woke(self, beat: Beat) -> None:
        """What has arrived was taken in between two steps, and no step came of it."""
        self._wakes.append(Wake(beat, len(self._positions)))

    def wakes(self) -> tuple[Wake, ...]:
        wakes, self._wakes = tuple(self._wakes), []
        return wakes

    def lay(self, note: Note, beat: Beat) -> None:
        self._write(NoteLaid(note), beat)
        self._remember(note)
        self._weaver.lay(note, beat)

    def again(self, note: Note, beat: Beat, heard: int) -> None:
        """A note that was laid in an earlier session, in that beat, and not heard beyond so many characters."""
        self._remember(note)
        self._weaver.lay(note, beat, heard)

    def own(self, text: str, beat: Beat, kind: NoteKind = NoteKind.FAILURE) -> None:
        """The host has something to say itself."""
        self.lay(Note(self._note_id(), kind, text), beat)

    def dropped(self, drop: Drop, beat: Beat) -> None:
        """An answer that comes too late is admitted; that other notes fell away is for the log only."""
        note = self._results.pop(drop.note, None)
        if note is not None and note.delegation is not None and drop.reason.startswith("stale"):
            self._ask_again(note.delegation, beat)
        if note is not None and drop.reason in ("expired", "the model never voiced it"):
            request = self._delegations.request_of(note.delegation) if note.delegation else ""
            about = f" about “{_short(request)}”" if request else ""
            self.own(f"I had an answer{about}, but it came too late to be of use.", beat)

    def _tell(self, news: DelegationNews) -> None:
        self._news.append(news)

    def _entry(self, stored: Stored, beat: Beat) -> None:
        match stored.entry.body:
            case NoteLaid(note=note) if note.delegation in self._done:
                # A store that was set back had forgotten that it was done, and had it done again.
                self._write(NoteDropped(note.id, "this was done already"), beat)
            case NoteLaid(note=note):
                self._remember(note)
                if note.computed_for is None:
                    note = msgspec.structs.replace(note, computed_for=stored.position)
                self._weaver.lay(note, beat)
            case Taken(delegation=delegation):
                self._became(delegation, DelegationState.TAKEN, "")
            case Settled(delegation=delegation, state=state, reason=reason):
                self._became(delegation, state, reason)
                if state is DelegationState.DONE:
                    self._done.add(delegation)
            case Amended(delegation=delegation):
                self._weaver.amend(delegation, stored.position)
            case _:
                pass

    def _store_is(self, *, away: bool) -> None:
        """The model is told of what it waits for."""
        reason = OUT_OF_REACH if away else "it can be reached again"
        self._delegations.store_is(away=away)
        for id in self._delegations.unsettled:
            state, request = self._delegations.state_of(id), self._delegations.request_of(id)
            self._tell(DelegationNews(id, state, request, reason))

    def _remember(self, note: Note) -> None:
        """Results that may have to be admitted as too late."""
        if note.kind in (NoteKind.RESULT, NoteKind.CORRECTION):
            self._results[note.id] = note
            if len(self._results) > REMEMBERED_RESULTS:
                del self._results[next(iter(self._results))]

    def _became(self, delegation: DelegationId, state: DelegationState, reason: str) -> None:
        news = self._delegations.became(delegation, state, reason)
        if news is not None:
            self._tell(news)

    def _came_too_late(self, late: TooLate, beat: Beat) -> None:
        """The delegation was settled while the host's wish was on its way: a correction asks anew. What was asked while
        the store was away may have run out of time.
        """
        if isinstance(late.wish, Asked):
            delegation = late.wish.delegation
            self._never_asked.add(delegation.id)
            news = self._delegations.became(delegation.id, DelegationState.EXPIRED, OUT_OF_REACH)
            if news is not None:
                self._tell(news)
                self.own(f"I could not look into “{_short(delegation.request)}” in time.", beat)
        elif isinstance(late.wish, Amended) and late.wish.delegation not in self._never_asked:
            self._delegations.became(late.wish.delegation, DelegationState.DONE)
            self._ask_again(late.wish.delegation, beat)

    def _ask_again(self, delegation: DelegationId, beat: Beat) -> None:
        """The work was done without a correction that was on its way to it."""
        again = self._delegations.again(delegation, beat)
        if isinstance(again, Anew):
            self.wishes.anew(again, beat)

    def _give_up(self, delegation: DelegationId, beat: Beat) -> None:
        request = self._delegations.request_of(delegation)
        withdrawn = self._delegations.withdraw(Withdraw("expired: nobody has finished it in time", delegation))
        if isinstance(withdrawn, Withdrawn):
            self._weaver.withdraw(delegation)
            self._write(withdrawn, beat)
            news = DelegationNews(delegation, DelegationState.EXPIRED, request, withdrawn.reason)
            self._tell(news)
            self.own(f"Nobody could finish looking into “{_short(request)}” in time.", beat)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else f"{line[:59]}…"
