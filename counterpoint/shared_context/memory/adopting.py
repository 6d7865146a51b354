"""Logs that were kept elsewhere, on their way into this store: page by page, unseen until they are whole."""

from collections.abc import Callable, Sequence
from typing import Any

from counterpoint.errors import WriteRefused
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.ids import ConversationId, Position
from counterpoint.shared_context.memory.log import Log
from counterpoint.shared_context.store import Adoption, MediaObject

REMEMBERED = 64
"""Adoptions that are done and may be told so again; as many are kept unfinished."""


class Adopted:
    """A log that is not whole yet."""

    def __init__(self, conversation: ConversationId, token: str) -> None:
        self.conversation = conversation
        self.token = token
        self.log = Log()
        self.media: list[MediaObject] = []
        self.snapshot_size = 0

    @property
    def size(self) -> int:
        return self.log.size + self.snapshot_size

    def take(self, entries: Sequence[Stored], media: Sequence[MediaObject], stamp: Callable[[], int]) -> None:
        for stored in entries:
            if not self.log.tail:
                self.log.skip_to(Position(stored.position - 1))
            if stored.position > self.log.tail + 1:
                raise WriteRefused(f"entries are missing before {stored.position}")
            if stored.position == self.log.tail + 1:
                self.log.append(encode(stored.entry), stamp())
        known = {each.id for each in self.media}
        self.media += [each for each in media if each.id not in known]


class Adopting:
    def __init__(self) -> None:
        self._unfinished: dict[ConversationId, Adopted] = {}
        self._done: dict[str, None] = {}

    def is_done(self, token: str) -> bool:
        return token in self._done

    def take(
        self,
        conversation: ConversationId,
        token: str,
        entries: Sequence[Stored],
        media: Sequence[MediaObject],
        *,
        begins: bool,
        stamp: Callable[[], int],
    ) -> None:
        adopted = self._unfinished.get(conversation)
        if adopted is None or adopted.token != token:
            if not begins:
                raise WriteRefused("another import took the place of this one, or it never began")
            adopted = self._unfinished[conversation] = Adopted(conversation, token)
            _bound(self._unfinished)
        adopted.take(entries, media, stamp)

    def whole(self, conversation: ConversationId, whole: Adoption) -> Adopted:
        adopted = self._unfinished.pop(conversation)
        if whole.snapshot is not None:
            adopted.snapshot_size = len(whole.snapshot.data)
            if adopted.log.tail < whole.snapshot.upto:
                adopted.log.skip_to(whole.snapshot.upto)
        self._done[adopted.token] = None
        _bound(self._done)
        return adopted


def _bound(kept: dict[Any, Any]) -> None:
    if len(kept) > REMEMBERED:
        del kept[next(iter(kept))]
