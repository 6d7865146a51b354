"""What the log says beside the truth: why something was given up, and how long a take-over took. It is read for reasons
and times only; what was heard is counted elsewhere.
"""

from collections.abc import Iterable, Sequence

from chaos.cell import Killed
from chaos.words import asks_in
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import (
    Asked,
    Degraded,
    Entry,
    NoteDropped,
    NoteLaid,
    Orphaned,
    Settled,
    Taken,
    Withdrawn,
)
from counterpoint.shared_context.ids import ConversationId, DelegationId, NoteId, Position
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.store import ContextStore

_Work = tuple[str, DelegationId]


class Logbook:
    """Of one cell. `degraded`, `orphaned`: entries of that kind."""

    def __init__(self) -> None:
        self._read: dict[str, Position] = {}
        self._seen: set[tuple[str, str, str, int, int]] = set()
        self._asks: dict[_Work, list[int]] = {}
        self._taken: list[tuple[float, _Work, str, int]] = []
        self._ended: dict[_Work, float] = {}
        self._reasons: dict[int, list[str]] = {}
        self._notes: dict[NoteId, _Work] = {}
        self.degraded = 0
        self.orphaned = 0

    async def read(self, store: ContextStore, conversations: Sequence[str], *, anew: bool = False) -> None:
        """What came since the last time; all of it, where positions may have been given anew."""
        for conversation in conversations:
            after = Position(0) if anew else self._read.get(conversation, Position(0))
            while entries := await store.read(ConversationId(conversation), after):
                for stored in entries:
                    after = stored.position
                    self._take(conversation, stored.entry)
            self._read[conversation] = after

    def reasons(self, ask: int) -> list[str]:
        """Why it was not answered, in the words of the log."""
        return self._reasons.get(ask, [])

    def takeovers(self, killed: Iterable[Killed]) -> list[float]:
        """Seconds from the death of a worker to the next attempt at each of the delegations that it had."""
        taken = sorted(self._taken)
        seconds: list[float] = []
        for each in killed:
            had = {
                work for at, work, _, _ in taken if at <= each.at and self._holder(taken, work, each.at) == each.worker
            }
            for work in had:
                if self._ended.get(work, each.at + 1) > each.at:
                    later = [at for at, other, _, _ in taken if other == work and at > each.at]
                    seconds += [min(later) - each.at] if later else []
        return seconds

    def attempts(self, since: float, until: float) -> int:
        """How many take-overs there were in that time."""
        return sum(1 for at, _, _, attempt in self._taken if since <= at <= until and attempt > 1)

    def _holder(self, taken: list[tuple[float, _Work, str, int]], work: _Work, at: float) -> str:
        return next((worker for when, other, worker, _ in reversed(taken) if other == work and when <= at), "")

    def _take(self, conversation: str, entry: Entry) -> None:
        header = entry.header
        known = (conversation, header.role.value, header.writer, header.epoch, header.seq)
        if known in self._seen:
            return
        self._seen.add(known)
        match entry.body:
            case Asked(delegation=delegation):
                self._asks[conversation, delegation.id] = [ask.number for ask in asks_in(delegation.request)]
            case Taken(delegation=delegation, attempt=attempt):
                self._taken.append((header.at, (conversation, delegation), header.writer, attempt))
            case NoteLaid(note=note):
                if note.delegation is not None and note.kind is not NoteKind.PROGRESS:
                    self._notes[note.id] = (conversation, note.delegation)
            case Settled(delegation=delegation, state=state, reason=reason):
                self._ended[conversation, delegation] = header.at
                if state is not DelegationState.DONE:
                    self._because((conversation, delegation), reason or state.value)
            case Withdrawn(delegation=delegation, reason=reason):
                self._ended[conversation, delegation] = header.at
                self._because((conversation, delegation), reason)
            case NoteDropped(note=note, reason=reason):
                if note in self._notes:
                    self._because(self._notes[note], f"dropped: {reason}")
            case Degraded():
                self.degraded += 1
            case Orphaned():
                self.orphaned += 1
            case _:
                pass

    def _because(self, work: _Work, reason: str) -> None:
        for ask in self._asks.get(work, []):
            self._reasons.setdefault(ask, []).append(reason)
