"""A model behind an OpenAI-compatible server: asked in whole messages, answered in pieces as they are made.

What the server refuses is asked again in another way if a quirk explains it, and after a pause if it may pass; both
only while nothing of the answer has come.
"""

import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self

import anyio
import httpx
from msgspec.structs import replace

from counterpoint import telemetry
from counterpoint.engines.http.address import Address
from counterpoint.engines.http.catalogue import Card, cards_of, listed
from counterpoint.engines.http.connections import Connections
from counterpoint.engines.http.deltas import CallPart, Counted, Delta, Stopped, Text, Thought
from counterpoint.engines.http.faults import ServerFault, pause_before, refused
from counterpoint.engines.http.key import Key
from counterpoint.engines.http.quirks import Quirks, adjusted, known_quirks
from counterpoint.engines.http.reading import answer_in, beginning
from counterpoint.engines.http.request import Request, body_of, longest_answer
from counterpoint.errors import ConfigurationError
from counterpoint.shared_context import dates

READ_SECONDS: Final = 120.0
"""How long a server may send nothing: some load a model first."""

LIST_SECONDS: Final = 10.0
"""The same where it is only asked which models it has."""

LONGEST_ERROR: Final = 65_536
"""Bytes that are read of an error."""

ADJUSTMENTS: Final = 8
"""How often one request is asked in another way."""

Render = Callable[[Quirks], Request]
"""The request, written for a server with these quirks; called again when more of them are known."""

logger = logging.getLogger(__name__)


class ChatServer:
    """Enter it to keep connections between requests; it works without. One event loop at a time.

    `read_seconds`: how long the server may send nothing. `clock`: for a server that names a date to come back at.
    """

    def __init__(
        self,
        address: Address,
        key: Key | None = None,
        *,
        read_seconds: float = READ_SECONDS,
        clock: Callable[[], float] = dates.now,
    ) -> None:
        self.address = _usable(address)
        self._key = key
        self._clock = clock
        self._chance = random.Random()  # noqa: S311 (jitter is no secret)
        self._connections = Connections(address, read_seconds=read_seconds)
        self._model = address.model
        self._quirks = known_quirks(address.host, address.model)
        self._looked_up = False
        self._looking = anyio.Lock()

    @property
    def name(self) -> str:
        return str(self.address)

    async def __aenter__(self) -> Self:
        await self._connections.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connections.__aexit__(kind, error, trace)

    async def check(self) -> None:
        """Raises `ServerFault` if the server does not answer, `ConfigurationError` for a wrong address, key or model.
        A server that does not say which models it has passes.
        """
        cards = await self._cards()
        names = [card.name for card in cards or ()]
        if cards is not None and self._model and not any(_same(self._model, name) for name in names):
            raise ConfigurationError(self._unknown(cards))
        if not self._model:
            self._choose(cards)

    async def ask(self, render: Render, *, seconds: float) -> AsyncGenerator[Delta, None]:
        """The answer; it ends with `Stopped`. Consume it under `aclosing`: closing it stops the server as well.

        `seconds`: how long tries may go on being begun. Raises `ServerFault` when they failed, or when an answer broke
        off; `ConfigurationError` where trying again cannot help.
        """
        until, tries, adjustments = anyio.current_time() + seconds, 0, 0
        while True:
            begun = False
            try:
                await self._look_up()
                async with aclosing(self._answer(render(self._quirks))) as deltas:
                    async for delta in deltas:
                        begun = begun or isinstance(delta, Text | CallPart | Stopped)
                        yield delta
            except ServerFault as fault:
                if begun:
                    raise
                quirks = adjusted(self._quirks, fault.said) if fault.said and adjustments < ADJUSTMENTS else None
                if quirks is not None:
                    logger.info("%s: asked in another way, because it said: %s", self.name, fault.said)
                    self._quirks, adjustments = quirks, adjustments + 1
                    continue
                tries += 1
                pause = pause_before(tries, fault, self._chance.random())
                if pause is None or anyio.current_time() + pause > until:
                    raise await self._explained(fault) from fault
            else:
                return
            await anyio.sleep(pause)

    async def _answer(self, request: Request) -> AsyncGenerator[Delta, None]:
        """One try."""
        body = body_of(request, self._model, self._quirks)
        left = longest_answer(request, self._quirks)
        async with self._connections as client:
            try:
                async with client.stream(
                    "POST", f"{self.address.base}/chat/completions", content=body, headers=self._headers()
                ) as response:
                    await self._accept(response)
                    async with aclosing(answer_in(response, self.name, self._hidden)) as deltas:
                        async for delta in deltas:
                            yield delta
                            left -= _size(delta)
                            if left < 0:
                                yield Stopped("length")
                                return
            except httpx.HTTPError as error:
                raise self._fault(error) from error

    async def _accept(self, response: httpx.Response) -> None:
        kind = response.headers.get("content-type", "")
        if response.status_code == 200 and "html" not in kind:
            return
        body = await beginning(response, LONGEST_ERROR)
        if response.status_code == 200:
            raise ServerFault(f"{self.name} answered with a web page; does its address end in /v1?")
        raise self._refused(response, body)

    async def _explained(self, fault: ServerFault) -> Exception:
        """The error that tells what to change, where that can be known."""
        match fault.status:
            case 401 | 403:
                return ConfigurationError(f"{fault}. {self._about_key()}")
            case 404 if self._model:
                cards = await self._cards_if_any()
                if cards and not any(_same(self._model, card.name) for card in cards):
                    return ConfigurationError(self._unknown(cards))
                return ConfigurationError(f"{fault}. Has it this model, and does its address end in /v1?")
            case _:
                return fault

    async def _look_up(self) -> None:
        """Once: how long a context may be, and which model is meant where none was named."""
        async with self._looking:
            if self._looked_up:
                return
            try:
                cards = await self._cards()
            except (ServerFault, ConfigurationError) as error:
                if not self._model:
                    raise
                self._looked_up = not (isinstance(error, ServerFault) and error.temporary)
                return
            if not self._model:
                self._choose(cards)
            known = next((card for card in cards or () if _same(self._model, card.name)), None)
            if known is not None and self._quirks.max_length is None:
                self._quirks = replace(self._quirks, max_length=known.max_length)
            self._looked_up = True

    def _choose(self, cards: list[Card] | None) -> None:
        if cards is None or len(cards) != 1:
            has = f"; it has: {listed(cards)}" if cards else ""
            raise ConfigurationError(
                f"which model of {self.address.host} is meant? Write its address as URL#MODEL{has}"
            )
        self._model = cards[0].name
        self._quirks = known_quirks(self.address.host, self._model)

    async def _cards_if_any(self) -> list[Card] | None:
        try:
            return await self._cards()
        except (ServerFault, ConfigurationError):
            return None

    async def _cards(self) -> list[Card] | None:
        """None if the server lists no models."""
        async with self._connections as client:
            try:
                url, headers = f"{self.address.base}/models", self._headers()
                async with client.stream("GET", url, headers=headers, timeout=LIST_SECONDS) as response:
                    body = await beginning(response)
            except httpx.HTTPError as error:
                raise self._fault(error) from error
        if response.status_code == 200:
            return cards_of(body)
        fault = self._refused(response, body)
        if response.status_code in (401, 403):
            raise ConfigurationError(f"{fault}. {self._about_key()}")
        if response.status_code in (404, 405, 501):
            return None
        raise fault

    def _refused(self, response: httpx.Response, body: bytes) -> ServerFault:
        text = self._hidden(body.decode("utf-8", "replace")).encode()
        headers = {name.lower(): self._hidden(value) for name, value in response.headers.items()}
        return refused(self.name, response.status_code, headers, text, self._clock())

    def _fault(self, error: httpx.HTTPError) -> ServerFault:
        match error:
            case httpx.ConnectError() if "CERTIFICATE" in str(error).upper():
                return ServerFault(
                    f"{self.name} does not show a certificate that is trusted; SSL_CERT_FILE names others"
                )
            case httpx.ConnectError() | httpx.ConnectTimeout():
                told = f"{self.name} cannot be reached: does a server run there?"
            case httpx.TimeoutException():
                told = f"{self.name} did not answer in time"
            case httpx.TransportError():
                told = f"{self.name} broke off the connection ({type(error).__name__})"
            case _:
                return ServerFault(f"{self.name} gave an answer that cannot be read ({type(error).__name__})")
        return ServerFault(told, temporary=not isinstance(error, httpx.UnsupportedProtocol))

    def _unknown(self, cards: list[Card]) -> str:
        return f"{self.address.host} has no model {self._model!r}; it has: {listed(cards)}"

    def _about_key(self) -> str:
        if self._key is None:
            return "It wants a key: set OPENAI_API_KEY, or name another variable with ?key=NAME in the address"
        return f"The key came from: {self._key.source}"

    def _hidden(self, text: str) -> str:
        return text if self._key is None else self._key.hidden_in(text)

    def _headers(self) -> dict[str, str]:
        key = {} if self._key is None else self._key.header
        return {"Content-Type": "application/json", "User-Agent": "counterpoint", **telemetry.outgoing(), **key}


def _usable(address: Address) -> Address:
    try:
        httpx.URL(address.base)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"the address of the server cannot be used: {error}") from error
    return address


def _size(delta: Delta) -> int:
    match delta:
        case Text(text=text) | Thought(text=text):
            return len(text)
        case CallPart():
            return len(delta.arguments) + len(delta.name)
        case Counted() | Stopped():
            return 0


def _same(wanted: str, name: str) -> bool:
    """Ollama calls "llama3" by its whole name, "llama3:latest"."""
    return name in (wanted, f"{wanted}:latest")
