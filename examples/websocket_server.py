"""A conversation over a WebSocket, with Starlette.

    pip install 'counterpoint[local]' starlette uvicorn
    uvicorn examples.websocket_server:app

The client sends what the person types ({"text": "...", "done": true}) and how far it has played
({"played": [beat, part], "words": n}); it gets a message for each micro-turn that says something.
"""

from typing import Any

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from counterpoint import MicroTurn, Runtime, Session
from counterpoint.errors import ChunkRefused, InputFull
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.ids import Beat


class Typed(msgspec.Struct):
    text: str = ""
    done: bool = True
    played: tuple[int, int] | None = None
    words: int = 0


def application(runtime: Runtime) -> Starlette:
    """One conversation per connection. The runtime is made once and shared."""

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        async with runtime.session(greeting="Hello!") as session, anyio.create_task_group() as tasks:
            tasks.start_soon(listen, socket, session, tasks.cancel_scope)
            async for turn in session:
                if turn.text or turn.flush:
                    await socket.send_text(message(turn))

    return Starlette(routes=[WebSocketRoute("/talk", talk)])


async def listen(socket: WebSocket, session: Session, scope: anyio.CancelScope) -> None:
    """From the client to the session, until the client leaves."""
    try:
        while True:
            await receive(socket, session)
    except WebSocketDisconnect:
        scope.cancel()


async def receive(socket: WebSocket, session: Session) -> None:
    try:
        typed = msgspec.json.decode(await socket.receive_text(), type=Typed)
        if typed.played is not None:
            beat, part = typed.played
            session.played(MicroTurn(Beat(beat), part), words=typed.words)
        if typed.text:
            session.push(TextChunk(typed.text, done=typed.done))
    except (msgspec.MsgspecError, ChunkRefused, InputFull) as error:
        await socket.send_text(msgspec.json.encode({"error": str(error)}).decode())


def message(turn: MicroTurn) -> str:
    body: dict[str, Any] = {
        "beat": turn.beat,
        "part": turn.part,
        "text": turn.text,
        "flush": turn.flush,
        "woven": [note.text for note in turn.woven],
    }
    return msgspec.json.encode(body).decode()


def __getattr__(name: str) -> Starlette:
    """`app` is made when it is first asked for, so that importing this file loads no model."""
    if name == "app":
        return application(Runtime("local:smollm2", "retrieval"))
    raise AttributeError(name)
