"""Media objects in memory, each for a limited time. Told the time, it never waits."""

from itertools import count
from typing import NamedTuple

from counterpoint.shared_context.ids import ConversationId, MediaId
from counterpoint.shared_context.memory.lineup import Lineup


class _Kept(NamedTuple):
    conversation: ConversationId
    media: MediaId
    data: bytes
    expires: float
    number: int


class Shelf:
    """`size`: bytes on it, expired ones included until `expire` takes them away."""

    __slots__ = ("_by_conversation", "_by_expiry", "_numbers", "size")

    def __init__(self) -> None:
        self._by_conversation: dict[ConversationId, dict[MediaId, _Kept]] = {}
        self._by_expiry: Lineup[_Kept] = Lineup()
        self._numbers = count(1)
        self.size = 0

    def put(self, conversation: ConversationId, media: MediaId, data: bytes, expires: float) -> None:
        """Put it there, in the place of an older one of that id."""
        if old := self._by_conversation.get(conversation, {}).get(media):
            self._by_expiry.remove(old.expires, old.number)
            self._drop(old)
        kept = _Kept(conversation, media, data, expires, next(self._numbers))
        self._by_conversation.setdefault(conversation, {})[media] = kept
        self._by_expiry.add(expires, kept.number, kept)
        self.size += len(data)

    def get(self, conversation: ConversationId, media: MediaId, now: float) -> bytes | None:
        kept = self._by_conversation.get(conversation, {}).get(media)
        return kept.data if kept and kept.expires > now else None

    def size_of(self, conversation: ConversationId) -> int:
        return sum(len(kept.data) for kept in self._by_conversation.get(conversation, {}).values())

    def expire(self, now: float) -> None:
        for kept in self._by_expiry.pop_until(now):
            self._drop(kept)

    def forget(self, conversation: ConversationId) -> None:
        for kept in list(self._by_conversation.get(conversation, {}).values()):
            self._by_expiry.remove(kept.expires, kept.number)
            self._drop(kept)

    def _drop(self, kept: _Kept) -> None:
        self.size -= len(kept.data)
        media = self._by_conversation[kept.conversation]
        del media[kept.media]
        if not media:
            del self._by_conversation[kept.conversation]
