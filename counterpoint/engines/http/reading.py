"""From an HTTP response to the deltas of an answer, whether the server streams them or not. It asks for nothing."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final, cast

import anyio
import httpx

from counterpoint.engines.http.deltas import DONE, Delta, ErrorEvent, Stopped, Text, Unreadable, deltas_of
from counterpoint.engines.http.faults import ServerFault
from counterpoint.engines.http.sse import EndlessLine, EventReader
from counterpoint.engines.http.thoughts import ThoughtReader

LONGEST_BODY: Final = 4_000_000
"""Bytes that are read of an answer that is not streamed, and of a list of models."""

DRAIN_SECONDS: Final = 0.05
"""How long the end of the response is waited for after the end of the answer, so that the connection can be kept."""


async def answer_in(response: httpx.Response, name: str, hide: Callable[[str], str]) -> AsyncGenerator[Delta, None]:
    """Up to what ends the answer. Raises `ServerFault` if that does not come. `hide` takes the key out of a text."""
    thoughts, stopped = ThoughtReader(), False
    async with aclosing(_events(response, name)) as events:
        async for data in events:
            if data == DONE:
                stopped = True
                with anyio.move_on_after(DRAIN_SECONDS):
                    async for _ in events:
                        pass
                break
            for delta in _deltas(data, name, hide):
                for piece in _sorted(delta, thoughts):
                    yield piece
                stopped = stopped or isinstance(delta, Stopped)
    for piece in thoughts.finish():
        yield piece
    if not stopped:
        raise ServerFault(f"{name} broke off in the middle of its answer", temporary=True)


async def beginning(response: httpx.Response, limit: int = LONGEST_BODY) -> bytes:
    body = bytearray()
    async with aclosing(_received(response)) as received:
        async for part in received:
            body += part
            if len(body) > limit:
                break
    return bytes(body[:limit])


def _sorted(delta: Delta, thoughts: ThoughtReader) -> list[Delta]:
    """With the thoughts taken out of the text; what waits for more text comes before the end."""
    match delta:
        case Text(text=text):
            return thoughts.read(text)
        case Stopped():
            return [*thoughts.finish(), delta]
        case _:
            return [delta]


def _deltas(data: str | bytes, name: str, hide: Callable[[str], str]) -> list[Delta]:
    try:
        return deltas_of(data)
    except (Unreadable, ErrorEvent) as error:
        said = hide(str(error))
        raise ServerFault(f"{name} {said}", temporary=True, said=said) from None


async def _events(response: httpx.Response, name: str) -> AsyncGenerator[str | bytes, None]:
    """The data of each event; of an answer that is not streamed, the whole, and then its end."""
    if "json" in response.headers.get("content-type", ""):
        yield await beginning(response)
        yield DONE
        return
    reader = EventReader()
    async with aclosing(_received(response)) as received:
        async for part in received:
            try:
                events = reader.feed(part)
            except EndlessLine:
                raise ServerFault(f"{name} sends a line without end") from None
            for event in events:
                yield event
    for event in reader.finish():
        yield event


def _received(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    return cast("AsyncGenerator[bytes, None]", response.aiter_bytes())
