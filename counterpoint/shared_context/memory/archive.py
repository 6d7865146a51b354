"""All conversations that a memory store keeps, their media, and how many bytes that makes. It never waits."""

from counterpoint.errors import ConversationClosed, StoreFull, UnknownConversation
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.memory.conversation import Conversation
from counterpoint.shared_context.memory.shelf import Shelf


class Archive:
    """`max_bytes`: of all logs, snapshots and media together."""

    def __init__(self, max_bytes: int) -> None:
        self.shelf = Shelf()
        self._max_bytes = max_bytes
        self._bytes = 0
        self._conversations: dict[ConversationId, Conversation] = {}
        self._closed: dict[ConversationId, Conversation] = {}

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
            kept = self._conversations[conversation] = Conversation(conversation)
        return kept

    def close(self, kept: Conversation) -> None:
        """From now on it is read only, and may go if room is needed."""
        kept.closed = True
        self._closed[kept.id] = kept

    def forget(self, kept: Conversation) -> None:
        self.shelf.forget(kept.id)
        self.grew(-kept.size)
        del self._conversations[kept.id]
        self._closed.pop(kept.id, None)
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
