"""All conversations that a memory store keeps, their media, and how many bytes that makes. It never waits."""

from collections.abc import Sequence

from counterpoint.errors import ConversationClosed, StoreFull, UnknownConversation
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.memory.conversation import Conversation
from counterpoint.shared_context.memory.ledger import Ledger
from counterpoint.shared_context.memory.shelf import Shelf

FORGOTTEN_KEPT = 10_000
"""Ids of conversations that were forgotten, so that a host of one does not take it for lost; then the oldest go."""


class Archive:
    """`max_bytes`: of all logs, snapshots and media together."""

    def __init__(self, max_bytes: int) -> None:
        self.shelf = Shelf()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._conversations: dict[ConversationId, Conversation] = {}
        self._closed: dict[ConversationId, Conversation] = {}
        self._forgotten: dict[ConversationId, int] = {}
        self._floor = 0
        self.last_stamp = 0

    def stamp(self) -> int:
        """A new one. None is given twice, also after the archive was set back."""
        self.last_stamp += 1
        return self.last_stamp

    def find(self, conversation: ConversationId) -> Conversation | None:
        return self._conversations.get(conversation)

    def readable(self, conversation: ConversationId) -> Conversation:
        if kept := self._conversations.get(conversation):
            return kept
        raise UnknownConversation(f"conversation {conversation!r} is not kept here: never opened, or forgotten")

    def writable(self, conversation: ConversationId) -> Conversation:
        if kept := self._conversations.get(conversation):
            return kept
        raise ConversationClosed(f"conversation {conversation!r} is not kept here: never opened, or forgotten")

    def openable(self, conversation: ConversationId) -> Conversation:
        """The conversation of that id, a new one if there is none."""
        if (kept := self._conversations.get(conversation)) is None:
            kept = Conversation(conversation, self.stamp(), self.floor_of(conversation))
            self._conversations[conversation] = kept
        return kept

    def append(self, kept: Conversation, ledger: Ledger, records: Sequence[bytes]) -> None:
        """Encoded entries of the ledger's writer; whoever follows is woken."""
        for record in records:
            ledger.add(kept.log.append(record, self.stamp()))
            self.grew(len(record))
        kept.changed.wake()

    def floor_of(self, conversation: ConversationId) -> int:
        return max(self._floor, self._forgotten.get(conversation, 0))

    def check_not_forgotten(self, conversation: ConversationId, epoch: int) -> None:
        """Nobody forgot it since that epoch: what is missing was lost."""
        if epoch <= self._forgotten.get(conversation, 0):
            raise ConversationClosed(f"conversation {conversation!r} was forgotten")

    def has_forgotten(self, conversation: ConversationId) -> bool:
        return conversation in self._forgotten and conversation not in self._conversations

    @property
    def newest_epoch(self) -> int:
        """Of everything that was ever kept here."""
        return max((kept.newest_epoch for kept in self._conversations.values()), default=self._floor)

    def after(self, newer: "Archive") -> None:
        """This is an older state of that archive: no epoch and no stamp is given again."""
        self.last_stamp = newer.last_stamp
        self._floor = max(self._floor, newer.newest_epoch)
        for kept in self._conversations.values():
            kept.floor = max(kept.floor, self._floor)

    def wake_all(self) -> None:
        """Whoever follows looks again."""
        for kept in self._conversations.values():
            kept.changed.wake()

    def close(self, kept: Conversation) -> None:
        """From now on it is read only, and may go if room is needed."""
        kept.closed = True
        self._closed[kept.id] = kept

    def forget(self, kept: Conversation) -> None:
        self.shelf.forget(kept.id)
        self.grew(-kept.size)
        del self._conversations[kept.id]
        self._closed.pop(kept.id, None)
        self._forgotten.pop(kept.id, None)
        self._forgotten[kept.id] = kept.newest_epoch
        if len(self._forgotten) > FORGOTTEN_KEPT:
            del self._forgotten[next(iter(self._forgotten))]
        kept.forgotten = True
        kept.changed.wake()

    def grew(self, size: int) -> None:
        """A log or a snapshot grew by so many bytes; negative: it shrank."""
        self._bytes += size

    def fits(self, growth: int) -> bool:
        return self._bytes + self.shelf.size + growth <= self._max_bytes

    def in_the_way(self, growth: int, now: float) -> list[Conversation]:
        """Which conversations to forget so that it fits: those that were closed first. Expired media go at once.

        Raises `StoreFull`, and forgets nothing, if that is not enough.
        """
        self.shelf.expire(now)
        missing = self._bytes + self.shelf.size + growth - self._max_bytes
        going: list[Conversation] = []
        for kept in self._closed.values():
            if missing <= 0:
                break
            going.append(kept)
            missing -= kept.size + self.shelf.size_of(kept.id)
        if missing > 0:
            raise StoreFull(f"{growth} bytes more would exceed the {self._max_bytes} bytes of this store")
        return going
