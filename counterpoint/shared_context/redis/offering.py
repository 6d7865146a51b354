"""Delegations as their host and an operator see them: offered, amended, withdrawn, given up, tried again.

The conversation is changed first, in one script, and the index of waiting work after it.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from msgspec.structs import replace

from counterpoint.errors import CorruptRecord, StoreError, StoreUnavailable, UnknownDelegation
from counterpoint.shared_context.admission import check_headers, check_hosts, check_offer, only
from counterpoint.shared_context.entries import Amended, Asked, Body, Entry, Withdrawn
from counterpoint.shared_context.ids import ConversationId, DelegationId, Position
from counterpoint.shared_context.redis.kept import Kept, named, writer, written
from counterpoint.shared_context.redis.keys import Place
from counterpoint.shared_context.redis.scripts import AMEND, DEAD_LETTER, OFFER, RETRY, WITHDRAW
from counterpoint.shared_context.redis.work import Hint, Work, record_of, unpacked, unreadable
from counterpoint.shared_context.store import DeadLetter, Fence

B = TypeVar("B", bound=Body)


class Offering:
    def __init__(self, kept: Callable[[ConversationId], Kept], work: Work) -> None:
        self._kept = kept
        self._work = work

    async def offer(self, fence: Fence, entry: Entry) -> Position:
        delegation = _hosts(fence, entry, Asked).delegation
        check_offer(fence, delegation)
        kept, record = self._kept(fence.conversation), written((entry,))
        hint = await self._work.intend(delegation)
        what = (named(delegation.id), record_of(delegation), named(delegation.queue), hint.priority, hint.order)
        try:
            position, order = await kept.do(OFFER, *writer(fence), *record, *what, about=delegation.id, replicated=True)
        except StoreUnavailable:
            raise  # it may have been offered all the same: the hint comes up by itself
        except StoreError:
            await self._work.gone_if_possible(hint)
            raise
        await self._waits(hint, order.decode())
        return Position(position)

    async def amend(self, fence: Fence, entry: Entry) -> Position:
        delegation = _hosts(fence, entry, Amended).delegation
        arguments = (*writer(fence), *written((entry,)), named(delegation))
        [position] = await self._kept(fence.conversation).do(AMEND, *arguments, about=delegation)
        return Position(position)

    async def withdraw(self, fence: Fence, entry: Entry) -> Position:
        """The hint stays until a worker finds that it points to nothing."""
        delegation = _hosts(fence, entry, Withdrawn).delegation
        arguments = (*writer(fence), *written((entry,)), named(delegation))
        [position] = await self._kept(fence.conversation).do(WITHDRAW, *arguments, about=delegation)
        return Position(position)

    async def dead(self, queue: str) -> Sequence[DeadLetter]:
        letters: list[DeadLetter] = []
        for conversation, delegation in await self._work.dead(queue):
            [letter] = await self._kept(conversation).do(DEAD_LETTER, named(delegation))
            if letter:
                letters.append(_letter(letter, Place(conversation, delegation), queue))
        return letters

    async def retry(self, conversation: ConversationId, delegation: DelegationId) -> None:
        kept = self._kept(conversation)
        [letter] = await kept.do(DEAD_LETTER, named(delegation))
        if not letter:
            raise UnknownDelegation(f"delegation {delegation!r} of {conversation!r} is not among the dead letters")
        again = replace(unpacked(letter, DeadLetter).delegation, attempts=0)
        hint = await self._work.intend(again)
        what = (record_of(again), again.upto or 0, named(again.queue), hint.priority, hint.order)
        await kept.do(RETRY, named(delegation), letter, *what, about=delegation, again=False)
        await self._work.waits(hint)

    async def _waits(self, hint: Hint, order: str) -> None:
        """`order`: under which it waits; another than the hint's if it was offered before, none if it is over."""
        if order != hint.order:
            await self._work.gone(hint)
        if order:
            await self._work.waits(hint._replace(order=order))


def _letter(raw: bytes, at: Place, queue: str) -> DeadLetter:
    try:
        return unpacked(raw, DeadLetter)
    except CorruptRecord as error:
        return DeadLetter(unreadable(at, queue), str(error))


def _hosts(fence: Fence, entry: Entry, kind: type[B]) -> B:
    body = only(entry, kind)
    check_hosts(fence)
    check_headers(fence, (entry,))
    return body
