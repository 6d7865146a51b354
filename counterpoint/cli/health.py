"""Health and readiness over HTTP, for whatever restarts and routes: GET /healthz and /readyz. It knows no worker.

/healthz answers 200 while the event loop runs. /readyz answers 200, or 503 with the reason in a line of text.
"""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Final

import anyio
import msgspec
from anyio.abc import SocketAttribute, SocketStream, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

from counterpoint.errors import ConfigurationError

REQUEST_SECONDS: Final = 5.0
"""How long one request may take, from its connection to its answer."""

MAX_HEAD: Final = 8_192
"""Bytes of a request; probes send a few hundred."""

logger = logging.getLogger(__name__)

Unready = Callable[[], Awaitable[str]]
"""Why nothing should be expected just now; an empty text if all is well."""


class Address(msgspec.Struct, frozen=True):
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """From `HOST:PORT` or `[IPV6]:PORT`; port 0 is any free one. Raises `ConfigurationError`."""
        host, colon, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (colon and host and port.isdecimal() and int(port) < 65_536):
            raise ConfigurationError(f"an address to listen on looks like 127.0.0.1:8080, not {text!r}")
        return cls(host, int(port))


async def serve_health(
    address: Address, unready: Unready, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Until cancelled. Raises `ConfigurationError` if nobody can listen there."""
    try:
        listener = await anyio.create_tcp_listener(local_host=address.host, local_port=address.port)
    except OSError as error:
        raise ConfigurationError(f"cannot listen on {address.host}:{address.port}: {error}") from error
    async with listener:
        port = listener.extra(SocketAttribute.local_port)
        logger.info("health on http://%s:%s/healthz and /readyz", address.host, port)
        task_status.started()
        await listener.serve(partial(_serve_one, unready))


async def _serve_one(unready: Unready, stream: SocketStream) -> None:
    """Whatever a client does, it ends its own connection and nothing else."""
    gone = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)
    with anyio.move_on_after(REQUEST_SECONDS), suppress(*gone):
        async with stream:
            await stream.send(await _response(stream, unready))


async def _response(stream: SocketStream, unready: Unready) -> bytes:
    try:
        head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", MAX_HEAD)
    except (anyio.DelimiterNotFound, anyio.IncompleteRead):
        return _message(HTTPStatus.BAD_REQUEST, "this is no request")
    method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
    if method not in ("GET", "HEAD"):
        return _message(HTTPStatus.METHOD_NOT_ALLOWED, "GET or HEAD")
    return _message(*await _condition(rest.partition(" ")[0].partition("?")[0], unready), body=method == "GET")


async def _condition(path: str, unready: Unready) -> tuple[HTTPStatus, str]:
    match path:
        case "/healthz":
            return HTTPStatus.OK, "alive"
        case "/readyz":
            reason = await unready()
            return (HTTPStatus.SERVICE_UNAVAILABLE, reason) if reason else (HTTPStatus.OK, "ready")
        case _:
            return HTTPStatus.NOT_FOUND, "there are /healthz and /readyz"


def _message(status: HTTPStatus, text: str, *, body: bool = True) -> bytes:
    content = f"{text}\n".encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(content)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (content if body else b"")
