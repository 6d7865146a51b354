"""Talks to `examples/websocket_server.py` from a terminal. Where one server dies it goes on with the next:

python examples/websocket_client.py "What is a beat?" ws://127.0.0.1:8000/talk ws://127.0.0.1:8001/talk
"""

import json
import sys
from collections.abc import Sequence
from itertools import cycle
from typing import Any
from urllib.parse import urlencode

import anyio
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from counterpoint import MicroTurn
from counterpoint.interaction.listener import Listener
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import Beat, NoteId

LEAST_LASTING = 4000
"""The server closes with such a code where coming back is of no use."""


class Caller:
    """Says one line, plays what it is told by printing it, and knows with what to come back."""

    def __init__(self, line: str) -> None:
        self.said: list[str] = []
        self.listener: Listener | None = None
        self._line = line
        self._conversation = ""

    @property
    def query(self) -> str:
        if self.listener is None:
            return ""
        return "?" + urlencode({"conversation": self._conversation, "resume": self.listener.token.encode()})

    async def attend(self, socket: ClientConnection) -> None:
        """Until the server goes."""
        async for raw in socket:
            message = json.loads(raw)
            if "session" in message:
                await self._meet(socket, message)
            elif "beat" in message:
                await self._play(socket, message)

    async def _meet(self, socket: ClientConnection, hello: dict[str, Any]) -> None:
        if self.listener is None:
            self._conversation = hello["conversation"]
            self.listener = Listener(hello["conversation"], hello["session"])
            await socket.send(json.dumps({"text": self._line}))
        else:
            self.listener.joined(hello["session"])
            self._say(" ")

    async def _play(self, socket: ClientConnection, message: dict[str, Any]) -> None:
        assert self.listener is not None
        turn = turn_of(message)
        self.listener.given(turn)
        if turn.flush:
            self._say(" -- ")
        if turn.text:
            self._say(turn.text)
            self.listener.played(turn)
            played = {"played": [turn.beat, turn.part], "words": len(turn.text.split())}
            await socket.send(json.dumps(played))

    def _say(self, text: str) -> None:
        self.said.append(text)
        print(text, end="", flush=True)


def turn_of(message: dict[str, Any]) -> MicroTurn:
    voiced = tuple(Voiced(NoteId(note), start, end, at) for note, start, end, at in message["voiced"])
    return MicroTurn(
        Beat(message["beat"]), message["part"], text=message["text"], flush=message["flush"], voiced=voiced
    )


async def ask(urls: str | Sequence[str], line: str, seconds: float) -> str:
    """Say one line, and collect what is said back within `seconds`, from whichever server is there."""
    caller = Caller(line)
    with anyio.move_on_after(seconds):
        await call([urls] if isinstance(urls, str) else urls, caller)
    print()
    return "".join(caller.said)


async def call(urls: Sequence[str], caller: Caller) -> None:
    """Until the conversation is over. Whoever goes is not waited for."""
    for url in cycle(urls):
        if await _is_over(caller, url):
            return
        await anyio.sleep(0.05)


async def _is_over(caller: Caller, url: str) -> bool:
    try:
        socket = await connect(url + caller.query, open_timeout=2, close_timeout=2)
    except (OSError, InvalidHandshake):
        return False  # nobody is there: the next one
    try:
        await caller.attend(socket)
    except ConnectionClosed:
        pass  # while it was told something
    finally:
        with anyio.CancelScope(shield=True):
            await socket.close()  # says goodbye
    return (socket.close_code or 0) >= LEAST_LASTING


if __name__ == "__main__":
    line, *servers = sys.argv[1:] or ["Hello!"]
    anyio.run(ask, servers or "ws://127.0.0.1:8000/talk", line, 15)
