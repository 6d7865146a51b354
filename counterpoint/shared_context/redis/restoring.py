"""What a host gives back to a server that came back without its last writes.

The script decides what of it is missing.
"""

from collections.abc import Callable
from typing import Any

from counterpoint.shared_context.admission import check_hosts
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import Role, Stored
from counterpoint.shared_context.ids import ConversationId, DelegationId, Position
from counterpoint.shared_context.redis.kept import Kept, name, named, writer
from counterpoint.shared_context.redis.keys import Place
from counterpoint.shared_context.redis.scripts import RESTORE, STANDING
from counterpoint.shared_context.redis.server import Argument
from counterpoint.shared_context.redis.work import Hint, Work, record_of
from counterpoint.shared_context.store import Fence, Restoration, Standing


class Restoring:
    def __init__(self, kept: Callable[[ConversationId], Kept], work: Work) -> None:
        self._kept = kept
        self._work = work

    async def standing(self, fence: Fence) -> Standing:
        check_hosts(fence)
        return _standing(await self._kept(fence.conversation).do(STANDING, *writer(fence)))

    async def restore(self, fence: Fence, given: Restoration) -> Standing:
        check_hosts(fence)
        snapshot = given.snapshot
        arguments: list[Argument] = [given.token, given.tail, given.base, given.last]
        arguments += (snapshot.upto, snapshot.data) if snapshot else ("", "")
        arguments.append(len(given.entries))
        for stored in given.entries:
            arguments += _entry(stored)
        arguments.append("" if given.unsettled is None else len(given.unsettled))
        for delegation in given.unsettled or ():
            arguments += delegation_arguments(delegation)
        standing = await self._kept(fence.conversation).do(RESTORE, *writer(fence), *arguments)
        await self.mend(fence.conversation, standing[5:])
        return _standing(standing[:5])

    async def mend(self, conversation: ConversationId, unsettled: list[bytes]) -> None:
        """The index of waiting work may have lost what the conversation still waits for."""
        for at in range(0, len(unsettled), 5):
            delegation, queue, priority, order, until = unsettled[at : at + 5]
            hint = Hint(name(queue), int(priority), order.decode(), Place(conversation, DelegationId(name(delegation))))
            if until:
                await self._work.leased(hint, until)
            else:
                await self._work.waits(hint)


def _standing(reply: list[Any]) -> Standing:
    tail, stamp, last, covered, held = reply
    return Standing(Position(tail), int(stamp), last, Position(covered), held=bool(held))


def _entry(stored: Stored) -> tuple[Argument, ...]:
    header = stored.entry.header
    role = "h" if header.role is Role.HOST else "w"
    place = (stored.position, stored.stamp, role, named(header.writer), header.epoch, header.seq)
    return (*place, encode(stored.entry))


def delegation_arguments(delegation: Delegation) -> tuple[Argument, ...]:
    """An unsettled delegation as the scripts take it."""
    queue = (named(delegation.queue), delegation.priority.value)
    return (named(delegation.id), record_of(delegation), delegation.upto or 0, *queue)
