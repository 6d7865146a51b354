"""One conversation on the server: its keys, and its scripts with their answers taken apart."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from counterpoint.errors import ConversationClosed
from counterpoint.shared_context.codec import decode, encode
from counterpoint.shared_context.entries import Body, Entry, NoteLaid, Stored, ToolCalled
from counterpoint.shared_context.ids import ConversationId, DelegationId, Position
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.redis.keys import ConversationKeys
from counterpoint.shared_context.redis.refusals import refusal, unread
from counterpoint.shared_context.redis.scripts import READ, Script
from counterpoint.shared_context.redis.server import Argument, Reply, Server
from counterpoint.shared_context.store import Fence

_SURROGATES: Final = "surrogatepass"


class Page(NamedTuple):
    """`born`: tells this conversation from another of the same id, after it was forgotten."""

    born: bytes
    closed: bool
    entries: list[Stored]


class Kept:
    def __init__(self, server: Server, prefix: str, ttl_ms: int, conversation: ConversationId) -> None:
        self.id = conversation
        self.keys = ConversationKeys(prefix, conversation)
        self._server = server
        self._ttl = ttl_ms

    async def ask(
        self,
        script: Script,
        *arguments: Argument,
        more: Sequence[str] = (),
        again: bool = True,
        replicated: bool = False,
    ) -> Reply:
        """What a script answers, whatever that is. `more`: keys besides this conversation's own. `replicated`: wait for
        a replica, if there is one.
        """
        given = [self._ttl, self.keys.channel, *arguments]
        return await self._server.run(script, (*self.keys.all, *more), given, again=again, replicated=replicated)

    async def do(
        self,
        script: Script,
        *arguments: Argument,
        more: Sequence[str] = (),
        about: DelegationId | None = None,
        again: bool = True,
        replicated: bool = False,
    ) -> list[Any]:
        """What a script answers after `ok`. Raises what it refuses with; `about`: the delegation that it is about."""
        reply = await self.ask(script, *arguments, more=more, again=again, replicated=replicated)
        if reply[0] != b"ok":
            raise self.refusal(reply, about)
        return reply[1:]

    async def write(
        self, script: Script, fence: Fence, *arguments: Argument, replicated: bool = False
    ) -> list[Position]:
        """The positions that a script answers, which writes entries under a fence."""
        given = (*writer(fence), *arguments)
        places = await self.do(script, *given, about=fence.delegation, replicated=replicated)
        return [Position(place) for place in places]

    async def page(self, after: Position, limit: int, known: int | None = None) -> Page:
        """`known`: the stamp at `after`, for a follower, who gets `Rewound` besides `UnknownConversation`."""
        try:
            born, closed, *rest = await self.do(READ, after, limit, "" if known is None else known)
        except ConversationClosed as error:
            raise unread(error) from error
        entries = [Stored(Position(rest[at]), decode(rest[at + 2]), int(rest[at + 1])) for at in range(0, len(rest), 3)]
        return Page(born, bool(closed), entries)

    def refusal(self, reply: Reply, about: DelegationId | None = None) -> Exception:
        what = f"conversation {self.id!r}" if about is None else f"delegation {about!r} of {self.id!r}"
        return refusal(reply, what)


def writer(fence: Fence) -> list[Argument]:
    """A fence as the scripts take it."""
    if fence.delegation is None:
        return ["h", named(fence.writer), fence.epoch, ""]
    return ["w", named(fence.writer), fence.epoch, named(fence.delegation)]


def written(entries: Sequence[Entry]) -> list[Argument]:
    """Entries as the scripts take them. Raises `CorruptRecord` if no reader could read one."""
    flat: list[Argument] = [len(entries)]
    for entry in entries:
        flat += (entry.header.seq, encode(entry))
    return flat


def precious(entries: Sequence[Entry]) -> bool:
    """Answers, and writes that are about to be made: what nobody could make anew if it were lost."""
    return any(_precious(entry.body) for entry in entries)


def _precious(body: Body) -> bool:
    match body:
        case NoteLaid(note=note):
            return note.kind in (NoteKind.RESULT, NoteKind.CORRECTION, NoteKind.FAILURE)
        case ToolCalled(effects=effects):
            return effects == "write"
        case _:
            return False


def named(name: str) -> bytes:
    return name.encode("utf-8", _SURROGATES)


def name(raw: bytes) -> str:
    return raw.decode("utf-8", _SURROGATES)
