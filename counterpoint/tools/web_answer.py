"""One request to a web service, with its answer bounded in time and size and its failures put into sentences."""

import contextlib
import functools
import ssl
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import anyio
import anyio.to_thread
import httpx
import msgspec

from counterpoint.errors import ToolError, ToolUnavailable

T = TypeVar("T")

MAX_BYTES = 4_000_000
"""Of an answer; a page of hits has some 50 kB."""

HEADERS = {"Accept": "application/json", "User-Agent": "counterpoint"}

SECONDS = 10.0
"""For the whole request. Somebody is waiting in a conversation."""


@functools.cache
def _tls_context() -> ssl.SSLContext:
    return httpx.create_ssl_context()


async def tls_context() -> ssl.SSLContext:
    """Made once, in a thread: reading the certificates takes longer than an event loop should stand still."""
    return await anyio.to_thread.run_sync(_tls_context)


async def ask(service: str, request: httpx.Request, advice: Mapping[int, str], *, seconds: float = SECONDS) -> bytes:
    """The body of a 200 answer.

    `service`: how it is called in sentences. `advice`: for its status codes, what to do about them. Raises `ToolError`,
    or `ToolUnavailable` where a later try may succeed; the request's headers and body never appear in either.
    """
    where = f"{service} at {request.url.host}"
    try:
        with anyio.fail_after(seconds):
            async with httpx.AsyncClient(verify=await tls_context(), timeout=seconds) as client:
                response = await client.send(request, stream=True)
                try:
                    return await _body(where, response, advice)
                finally:
                    await response.aclose()
    except (TimeoutError, httpx.TimeoutException) as error:
        raise ToolUnavailable(f"{where} did not answer within {seconds:g} seconds.") from error
    except httpx.TransportError as error:
        raise ToolUnavailable(f"{where} cannot be reached ({type(error).__name__}): check its address.") from error
    except httpx.HTTPError as error:
        raise ToolError(f"{where} gave an answer that cannot be read ({type(error).__name__}).") from error


async def _body(where: str, response: httpx.Response, advice: Mapping[int, str]) -> bytes:
    if response.is_redirect:
        raise ToolError(f"{where} answers from another address: use {response.headers.get('location', 'that')[:200]}")
    if response.status_code != HTTPStatus.OK:
        told = f"{where} answered {response.status_code}: {advice.get(response.status_code, response.reason_phrase)}"
        later = response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error
        raise (ToolUnavailable if later else ToolError)(told)
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > MAX_BYTES:
            raise ToolError(f"{where} gave an answer of more than {MAX_BYTES // 1_000_000} MB.")
    return bytes(body)


def read_answer(service: str, body: bytes, shape: type[T]) -> T:
    """Raises `ToolError` if the answer is of another shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.MsgspecError as error:
        raise ToolError(f"{service} gave an answer that is not what {service} gives: {error}.") from error


def of_shape(results: list[Any], shape: type[T]) -> list[T]:
    """What is of another shape is passed over: the others are still good."""
    kept: list[T] = []
    for result in results:
        with contextlib.suppress(msgspec.ValidationError):
            kept.append(msgspec.convert(result, shape))
    return kept
