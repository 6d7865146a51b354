"""A conversation over a WebSocket, with Starlette. It survives its server: a client comes back, to any server.

    pip install 'counterpoint[local]' starlette uvicorn
    COUNTERPOINT_STORE=redis://localhost uvicorn examples.websocket_server:app --port 8000
    COUNTERPOINT_STORE=redis://localhost uvicorn examples.websocket_server:app --port 8001

and http://127.0.0.1:8000 in a browser, or `python examples/websocket_client.py`. docs/clients.md has the messages.
COUNTERPOINT_INTERACTION=native (after `pip install 'counterpoint[native]'`) asks our own model, which sees what the
page's camera sees, if its weights do.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import msgspec
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from counterpoint import MicroTurn, Runtime, Session
from counterpoint.errors import ChunkRefused, ConversationClosed, Fenced, InputFull, lone_errors
from counterpoint.shared_context.chunks import TextChunk, VideoChunk
from counterpoint.shared_context.ids import Beat

GOODBYE = 1000
TAKEN_OVER, OVER = 4001, 4002
"""Why a server closes: another connection goes on with the conversation; the conversation has ended."""

HERE = Path(__file__).parent
FILES = {"/": "talk.html", "/listener.js": "listener.js", "/camera.js": "camera.js"}


class Typed(msgspec.Struct):
    """What a client sends: words, how far it played what it was told, a picture (pixels in base64)."""

    text: str = ""
    done: bool = True
    played: tuple[int, int] | None = None
    words: int = 0
    video: VideoChunk | None = None


def application(runtime: Runtime) -> Starlette:
    """The runtime is made once and shared. Whoever knows a conversation's id may take it up: keep ids secret, or check
    here who is asking.
    """

    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        asked = socket.query_params
        known = asked.get("conversation")
        resume = asked.get("resume") if known else None
        try:
            async with runtime.session(known or uuid4().hex, greeting="Hello!", resume=resume) as session:
                await converse(socket, session)
        except ConversationClosed:
            await close(socket, OVER)
        except Fenced:
            await close(socket, TAKEN_OVER)

    return Starlette(routes=[WebSocketRoute("/talk", talk), *(Route(path, page) for path in FILES)])


async def page(request: Any) -> FileResponse:
    return FileResponse(HERE / FILES[request.url.path])


async def converse(socket: WebSocket, session: Session) -> None:
    with lone_errors():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listen, socket, session, tasks.cancel_scope)
            await send(socket, {"conversation": session.conversation, "session": session.id})
            async for turn in session:
                if turn.text or turn.flush:
                    await send(socket, message(turn))
            tasks.cancel_scope.cancel()


async def listen(socket: WebSocket, session: Session, scope: anyio.CancelScope) -> None:
    """From the client to the session. A client that says goodbye ends the conversation; another one may come back."""
    try:
        while True:
            await receive(socket, session)
    except WebSocketDisconnect as gone:
        if gone.code == GOODBYE:
            session.end("the client said goodbye")
        scope.cancel()


async def receive(socket: WebSocket, session: Session) -> None:
    try:
        typed = msgspec.json.decode(await socket.receive_text(), type=Typed)
        if typed.played is not None:
            beat, part = typed.played
            session.played(MicroTurn(Beat(beat), part), words=typed.words)
        if typed.text:
            session.push(TextChunk(typed.text, done=typed.done))
        if typed.video is not None:
            session.push(typed.video)
    except (msgspec.MsgspecError, ChunkRefused, InputFull) as error:
        await send(socket, {"error": str(error)})


async def send(socket: WebSocket, body: dict[str, Any]) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # it has gone; `listen` hears of it
        await socket.send_text(msgspec.json.encode(body).decode())


async def close(socket: WebSocket, code: int) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        await socket.close(code)


def message(turn: MicroTurn) -> dict[str, Any]:
    return {
        "beat": turn.beat,
        "part": turn.part,
        "text": turn.text,
        "flush": turn.flush,
        "voiced": [[voiced.note, voiced.start, voiced.end, voiced.text_start] for voiced in turn.voiced],
        "woven": [note.text for note in turn.woven],
    }


def __getattr__(name: str) -> Starlette:
    """`app` is made when it is first asked for, so that importing this file loads no model."""
    if name == "app":
        interaction = os.environ.get("COUNTERPOINT_INTERACTION", "local:smollm2")
        background = "retrieval:brief" if interaction == "native" else "retrieval"
        store = os.environ.get("COUNTERPOINT_STORE", "memory://")
        return application(Runtime(interaction, background, store=store))
    raise AttributeError(name)
