"""What a client and a host tell each other, one JSON object a line."""

from typing import TypeVar

import anyio
import msgspec
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from counterpoint.shared_context.expressed import Voiced

LONGEST_LINE = 1 << 20
BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, anyio.IncompleteRead, OSError)

T = TypeVar("T")


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """`resume`: the token of a client that comes back."""

    conversation: str
    resume: str | None = None


class Says(msgspec.Struct, frozen=True, tag="says"):
    """A line that the person typed."""

    text: str


class HasPlayed(msgspec.Struct, frozen=True, tag="played"):
    """The client has played so many words of a micro-turn."""

    beat: int
    part: int
    words: int


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """`known`: numbers of the asks that stand in the conversation: the client need not send them again."""

    session: str
    known: tuple[int, ...] = ()


class Speech(msgspec.Struct, frozen=True, tag="turn", omit_defaults=True):
    """A micro-turn. `late`: as the host measured it."""

    beat: int
    part: int = 0
    span: int = 1
    text: str = ""
    flush: bool = False
    late: float = 0.0
    voiced: tuple[Voiced, ...] = ()


FromClient = Hello | Says | HasPlayed
FromHost = Welcome | Speech


class Wire:
    """One end. Sending waits; receiving raises one of `BROKEN` at the end."""

    def __init__(self, socket: SocketStream) -> None:
        self._socket = socket
        self._lines = BufferedByteReceiveStream(socket)

    async def send(self, message: msgspec.Struct) -> None:
        await self._socket.send(msgspec.json.encode(message) + b"\n")

    async def receive(self, kind: type[T]) -> T:
        return msgspec.json.decode(await self._lines.receive_until(b"\n", LONGEST_LINE), type=kind)
