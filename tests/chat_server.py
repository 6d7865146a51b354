"""An OpenAI-compatible server of our own for tests and benches: real sockets, scripted answers, and every fault.

    wire = Wire(answers("Platform three."), limited(after="1"))
    async with serving(wire) as url: ...

Each request for an answer takes the next script; the last one is repeated. `python tests/chat_server.py` serves one
answer without end, in a process of its own, for benches.
"""

import json
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel
import uvicorn

from counterpoint.errors import lone_errors

CUT = object()
"""In a script: the connection breaks off here."""

FOREVER = object()
"""In a script: what comes before is repeated without end."""


class Script:
    """`events`: dicts and texts are sent as events, bytes as they are, numbers are pauses in seconds, functions are
    called (and waited for). `done`: the answer ends as it should.
    """

    def __init__(
        self,
        *events: Any,
        status: int = 200,
        headers: Sequence[tuple[str, str]] = (("content-type", "text/event-stream"),),
        done: bool = True,
    ) -> None:
        self.events = events
        self.status = status
        self.headers = headers
        self.done = done


class Seen:
    def __init__(self, path: str, headers: dict[str, str], body: Any) -> None:
        self.path = path
        self.headers = headers
        self.body = body


class Wire:
    """The ASGI application. `models`: what `/v1/models` lists; None answers 404, and so for `props` (llama.cpp's).
    `open`: answers being sent now.

    `hung_up`: answers whose client went away before the end.
    """

    def __init__(self, *scripts: Script, models: Any = ({"id": "m"},), props: Any = None) -> None:
        self.scripts = list(scripts)
        self.models = models
        self.props = props
        self.seen: list[Seen] = []
        self.open = 0
        self.hung_up = 0
        self.sent = 0

    @property
    def asked(self) -> list[Any]:
        """The bodies of the requests for an answer."""
        return [seen.body for seen in self.seen if seen.path.endswith("/chat/completions")]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        read = bytes if "multipart" in headers.get("content-type", "") else json.loads
        self.seen.append(Seen(scope["path"], headers, read(body) if body else None))
        if scope["path"].endswith("/models"):
            await self._list(send)
            return
        if scope["path"] == "/props":
            await self._send(refuses(404, "Not Found") if self.props is None else whole(self.props), send)
            return
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        self.open += 1
        try:
            with lone_errors():
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._watch, receive, tasks.cancel_scope)
                    await self._send(script, send)
                    tasks.cancel_scope.cancel()
        finally:
            self.open -= 1

    async def _watch(self, receive: Any, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.hung_up += 1
        scope.cancel()

    async def _list(self, send: Any) -> None:
        if isinstance(self.models, Script):
            await self._send(self.models, send)
        elif self.models is None:
            await self._send(refuses(404, "Not Found"), send)
        else:
            await self._send(whole({"object": "list", "data": list(self.models)}), send)

    async def _send(self, script: Script, send: Any) -> None:
        headers = [(name.encode(), value.encode()) for name, value in script.headers]
        await send({"type": "http.response.start", "status": script.status, "headers": headers})
        while True:
            for event in script.events:
                if event is CUT:
                    raise ConnectionAbortedError
                if event is not FOREVER:
                    await self._event(event, send)
            if FOREVER not in script.events:
                break
        if script.done and script.status == 200 and "event-stream" in dict(script.headers).get("content-type", ""):
            await self._event("[DONE]", send)
        await send({"type": "http.response.body", "body": b""})

    async def _event(self, event: Any, send: Any) -> None:
        if isinstance(event, int | float):
            await anyio.sleep(event)
        elif callable(event):
            await event()
        else:
            event = event.make() if isinstance(event, Made) else event
            text = event if isinstance(event, str | bytes) else json.dumps(event)
            body = text if isinstance(text, bytes) else f"data: {text}\n\n".encode()
            self.sent += 1
            await anyio.lowlevel.checkpoint()  # sending to a client that has gone waits for nothing
            await send({"type": "http.response.body", "body": body, "more_body": True})


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"object": "chat.completion.chunk", "choices": [choice]}


def usage(read: int = 30, written: int = 7) -> dict[str, Any]:
    return {"choices": [], "usage": {"prompt_tokens": read, "completion_tokens": written}}


def pieces(text: str) -> list[dict[str, Any]]:
    """A word at a time."""
    words = text.split(" ")
    return [chunk(content=word if at == 0 else f" {word}") for at, word in enumerate(words)]


def answers(text: str, *, finish: str = "stop") -> Script:
    return Script(chunk(role="assistant", content=""), *pieces(text), chunk(finish), usage())


def call_parts(name: str, arguments: str, *, index: int = 0, id: str = "", size: int = 5) -> list[dict[str, Any]]:
    """As vLLM and OpenAI stream it."""
    first = {"index": index, "id": id or f"call_{name}_{index}", "type": "function", "function": {"name": name}}
    cuts = [arguments[at : at + size] for at in range(0, len(arguments), size)]
    rest = [{"index": index, "function": {"arguments": cut}} for cut in cuts]
    return [chunk(tool_calls=[part]) for part in (first, *rest)]


def asks_for(name: str, arguments: str) -> Script:
    return Script(*call_parts(name, arguments), chunk("tool_calls"), usage())


def whole(body: Any, *, status: int = 200) -> Script:
    """Not streamed."""
    return Script(json.dumps(body).encode(), status=status, headers=(("content-type", "application/json"),))


def refuses(status: int, message: str, *headers: tuple[str, str]) -> Script:
    body = json.dumps({"error": {"message": message, "type": "error"}}).encode()
    return Script(body, status=status, headers=(("content-type", "application/json"), *headers))


def web_page(status: int = 200, title: str = "Sign in") -> Script:
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body>...</body></html>".encode()
    return Script(page, status=status, headers=(("content-type", "text/html; charset=utf-8"),))


@asynccontextmanager
async def serving(app: Callable[..., Any], **options: Any) -> AsyncGenerator[str, None]:
    """The application behind a real socket of this machine; its URL ends in /v1. `options`: of uvicorn, for TLS."""
    common = {"log_level": "critical", "lifespan": "off", "ws": "none", "timeout_keep_alive": 60}
    settings = uvicorn.Config(app, port=0, **common, **options)
    settings.load()
    server = uvicorn.Server(settings)
    server.lifespan = settings.lifespan_class(settings)
    await server.startup()  # without the loop that looks ten times a second whether it is to end
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"https://localhost:{port}/v1" if options else f"http://{host}:{port}/v1"
    finally:
        server.force_exit = True
        with anyio.CancelScope(shield=True):
            await server.shutdown()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def timed_answer(pause: float) -> Script:
    """Its second event completes a sentence, and says when it was sent (`time.perf_counter_ns`)."""

    def sent() -> dict[str, Any]:
        return chunk(content=f"Sent at {time.perf_counter_ns()}. And ")

    return Script(
        chunk(role="assistant", content=""), pause, Made(sent), 0.02, *pieces("so on."), chunk("stop"), usage()
    )


class Made:
    """An event that is made when it is sent."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make


if __name__ == "__main__":
    wire = Wire(timed_answer(float(sys.argv[2])))
    uvicorn.run(wire, port=int(sys.argv[1]), log_level="critical", lifespan="off", timeout_keep_alive=60)
