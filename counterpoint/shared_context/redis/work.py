"""The index of waiting work: hints that say where a delegation may be leased. The conversations have the last word.

A hint that is missing for a while, or that points to what is over, does no harm: whoever takes one looks into the
conversation and puts the hint right. So nothing here has to happen in one step with the conversation.
"""

from collections.abc import Iterable, Sequence
from math import inf
from secrets import token_hex
from typing import Final, NamedTuple, TypeVar

import msgspec

from counterpoint.errors import CorruptRecord, StoreError
from counterpoint.shared_context.delegations import Delegation, Priority
from counterpoint.shared_context.ids import ConversationId, DelegationId
from counterpoint.shared_context.redis.keys import (
    WORK_TAGS,
    Place,
    QueueKeys,
    place,
    queue_channel,
    queue_keys,
    quoted,
    taken_key,
    work_tag,
)
from counterpoint.shared_context.redis.refusals import refusal
from counterpoint.shared_context.redis.scripts import INTEND, LETTERS, PLACE, SWEEP, TAKE, Script
from counterpoint.shared_context.redis.server import Argument, Reply, Server

T = TypeVar("T")

DEAD_LETTERS: Final = 1_000
"""Dead letters listed per queue and tag; older ones are forgotten (their conversations were told)."""

OUTBOX_MS: Final = 5_000
"""A delegation whose host died while offering it is found after this."""


class Hint(NamedTuple):
    """`order`: microseconds since 1970 at which the delegation was offered, as text."""

    queue: str
    priority: int
    order: str
    place: Place


class Taken(NamedTuple):
    """The hint that was taken, if any, and in how many seconds the next one comes up (infinity: none does)."""

    hint: Hint | None
    due: float


class Work:
    def __init__(self, server: Server, prefix: str, ttl_ms: int) -> None:
        self._server = server
        self._prefix = prefix
        self._ttl = ttl_ms

    def channels(self, queues: Sequence[str]) -> list[str]:
        return [queue_channel(self._prefix, queue) for queue in dict.fromkeys(queues)]

    async def intend(self, delegation: Delegation) -> Hint:
        """Before a delegation is offered. Whatever breaks off afterwards, a worker will look for it."""
        at = Place(delegation.conversation, delegation.id)
        keys = self._keys(delegation.queue, at.conversation)
        _, order = await self._run(INTEND, [keys.due], [self._ttl, delegation.priority.value, str(at), OUTBOX_MS])
        return Hint(delegation.queue, delegation.priority.value, order.decode(), at)

    async def waits(self, hint: Hint) -> None:
        await self._place(hint, "waiting")

    async def leased(self, hint: Hint, until: bytes) -> None:
        """`until`: milliseconds since 1970, as the conversation said it."""
        await self._place(hint, "leased", until)

    async def died(self, hint: Hint) -> None:
        await self._place(hint, "dead", DEAD_LETTERS)

    async def gone(self, hint: Hint) -> None:
        await self._place(hint, "gone")

    async def gone_if_possible(self, hint: Hint) -> None:
        """What is over is over in its conversation; a hint that stays behind is found and removed by a worker."""
        try:
            await self.gone(hint)
        except StoreError:
            return

    async def forgotten(self, conversation: ConversationId, queues: Iterable[str]) -> None:
        """Nothing of a conversation waits any more. Looks at all that waits in its queues."""
        for queue in queues:
            await self._run(SWEEP, self._keys(queue, conversation).all, [f"{quoted(conversation)}/"])

    async def take(self, queues: Sequence[str], at_least: Priority, seconds: float) -> Taken:
        """The most urgent hint, and among equals the oldest. It comes up again after `seconds` unless it is placed."""
        names = list(dict.fromkeys(queues))
        if not self._server.cluster:
            return await self._take(range(WORK_TAGS), names, at_least, seconds)
        looked = [await self._take([tag], names, at_least, None) for tag in range(WORK_TAGS)]
        due = min(taken.due for taken in looked)
        there = [(taken.hint.priority, int(taken.hint.order), tag) for tag, taken in enumerate(looked) if taken.hint]
        if not there:
            return Taken(None, due)
        taken = await self._take([min(there)[2]], names, at_least, seconds)
        return taken if taken.hint else Taken(None, 0.0)

    async def dead(self, queue: str) -> list[Place]:
        found: list[Place] = []
        for tag in range(WORK_TAGS):
            _, *places = await self._run(LETTERS, [queue_keys(self._prefix, queue, tag).dead], [])
            found.extend(place(text.decode()) for text in places)
        return found

    async def _take(self, tags: Sequence[int], queues: list[str], at_least: Priority, seconds: float | None) -> Taken:
        """From tags that are on one node; None: only look."""
        keys = [key for tag in tags for queue in queues for key in queue_keys(self._prefix, queue, tag).hints]
        lease = "" if seconds is None else milliseconds(seconds)
        taken = taken_key(self._prefix, tags[0], token_hex(8))
        _, due, *found = await self._run(TAKE, [taken, *keys], [self._ttl, at_least.value, lease])
        hint = None
        if found:
            group, priority, order, at = found
            hint = Hint(queues[int(group) % len(queues)], int(priority), order.decode(), place(at.decode()))
        return Taken(hint, int(due) / 1000 if due else inf)

    async def _place(self, hint: Hint, where: str, value: Argument = "") -> None:
        keys = self._keys(hint.queue, hint.place.conversation)
        channel = queue_channel(self._prefix, hint.queue)
        arguments = [self._ttl, channel, hint.priority, hint.order, str(hint.place), where, value]
        await self._run(PLACE, keys.all, arguments)

    def _keys(self, queue: str, conversation: ConversationId) -> QueueKeys:
        return queue_keys(self._prefix, queue, work_tag(conversation))

    async def _run(self, script: Script, keys: Sequence[str], arguments: Sequence[Argument]) -> Reply:
        reply = await self._server.run(script, keys, arguments)
        if reply[0] != b"ok":
            raise refusal(reply, "the queue")
        return reply


def milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))


def hint_of(delegation: Delegation, order: bytes) -> Hint:
    at = Place(ConversationId(delegation.conversation), DelegationId(delegation.id))
    return Hint(delegation.queue, delegation.priority.value, order.decode(), at)


def record_of(delegation: Delegation) -> bytes:
    return msgspec.msgpack.encode(delegation)


def unpacked(raw: bytes, kind: type[T]) -> T:
    """Raises `CorruptRecord`."""
    try:
        return msgspec.msgpack.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        what = f"{len(raw)} bytes that are no {kind.__name__}, or one of a newer version"
        raise CorruptRecord(f"{what}: {error}") from error


def unreadable(at: Place, queue: str = "default") -> Delegation:
    """Stands for a delegation whose record nobody here can read, where its end is told."""
    return Delegation(at.delegation, at.conversation, "(what was asked cannot be read)", queue=queue)
