"""One server, whatever is asked of it: its connections and key, which models it lists, and what its refusals mean.

It knows neither chats nor sound; it asks once, and whoever asks decides about another try.
"""

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self

import httpx

from counterpoint import telemetry
from counterpoint.engines.http.address import Address
from counterpoint.engines.http.catalogue import Card, cards_of, knows_tools, listed
from counterpoint.engines.http.connections import Connections
from counterpoint.engines.http.faults import ServerFault, refused
from counterpoint.engines.http.key import Key
from counterpoint.engines.http.reading import beginning
from counterpoint.errors import ConfigurationError
from counterpoint.shared_context import dates

LIST_SECONDS: Final = 10.0
"""How long a server may send nothing where it is only asked which models it has."""

LONGEST_ERROR: Final = 65_536
"""Bytes that are read of an error."""


class Endpoint:
    """Enter it to keep connections between requests; it works without. One event loop at a time.

    `read_seconds`: how long the server may send nothing. `clock`: for a server that names a date to come back at.
    """

    def __init__(
        self, address: Address, key: Key | None, *, read_seconds: float, clock: Callable[[], float] = dates.now
    ) -> None:
        self.address = _usable(address)
        self._key = key
        self._clock = clock
        self._connections = Connections(address, read_seconds=read_seconds)

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

    @asynccontextmanager
    async def post(self, path: str, **content: Any) -> AsyncGenerator[httpx.Response, None]:
        """An answer of status 200, to be read inside; leaving before its end stops the server. `content`: as httpx
        names it, JSON as bytes under `content`. Raises `ServerFault`.
        """
        url, headers = f"{self.address.base}{path}", self._headers()
        if "content" in content:
            headers["Content-Type"] = "application/json"
        async with self._connections as client:
            try:
                async with client.stream("POST", url, headers=headers, **content) as response:
                    await self._accept(response)
                    yield response
            except httpx.HTTPError as error:
                raise self._fault(error) from error

    async def cards(self) -> list[Card] | None:
        """None if the server lists no models. Raises `ServerFault`, `ConfigurationError` for a wrong key."""
        response, body = await self._get(f"{self.address.base}/models")
        if response.status_code == 200:
            return cards_of(body)
        fault = self._refused(response, body)
        if response.status_code in (401, 403):
            raise ConfigurationError(f"{fault}. {self._about_key()}")
        if response.status_code in (404, 405, 501):
            return None
        raise fault

    async def template_knows_tools(self) -> bool:
        """Of llama.cpp's server; true where that cannot be found out."""
        try:
            response, body = await self._get(f"{self.address.base.removesuffix('/v1')}/props")
        except ServerFault:
            return True
        return response.status_code != 200 or knows_tools(body)

    async def explained(self, fault: ServerFault, model: str) -> Exception:
        """The error that tells what to change, where that can be known."""
        match fault.status:
            case 401 | 403:
                return ConfigurationError(f"{fault}. {self._about_key()}")
            case 404 if model:
                cards = await self._cards_if_any()
                if cards and not any(same(model, card.name) for card in cards):
                    return ConfigurationError(self.unknown(model, cards))
                return ConfigurationError(f"{fault}. Has it this model, and does its address end in /v1?")
            case _:
                return fault

    def unknown(self, model: str, cards: list[Card]) -> str:
        return f"{self.address.host} has no model {model!r}; it has: {listed(cards)}"

    def hidden(self, text: str) -> str:
        """Without the key: servers repeat what they refuse."""
        return text if self._key is None else self._key.hidden_in(text)

    async def _get(self, url: str) -> tuple[httpx.Response, bytes]:
        async with self._connections as client:
            try:
                async with client.stream("GET", url, headers=self._headers(), timeout=LIST_SECONDS) as response:
                    return response, await beginning(response)
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

    async def _cards_if_any(self) -> list[Card] | None:
        try:
            return await self.cards()
        except (ServerFault, ConfigurationError):
            return None

    def _refused(self, response: httpx.Response, body: bytes) -> ServerFault:
        text = self.hidden(body.decode("utf-8", "replace")).encode()
        headers = {name.lower(): self.hidden(value) for name, value in response.headers.items()}
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

    def _about_key(self) -> str:
        if self._key is None:
            return "It wants a key: set OPENAI_API_KEY, or name another variable with ?key=NAME in the address"
        return f"The key came from: {self._key.source}"

    def _headers(self) -> dict[str, str]:
        key = {} if self._key is None else self._key.header
        return {"User-Agent": "counterpoint", **telemetry.outgoing(), **key}


class Asker:
    """Who asks an endpoint, in its own way. Enter it to keep connections between requests; it works without."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.address = endpoint.address
        self._endpoint = endpoint
        self._chance = random.Random()  # noqa: S311 (jitter is no secret)

    @property
    def name(self) -> str:
        return self._endpoint.name

    async def __aenter__(self) -> Self:
        await self._endpoint.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._endpoint.__aexit__(kind, error, trace)


def same(wanted: str, name: str) -> bool:
    """Ollama calls "llama3" by its whole name, "llama3:latest"."""
    return name in (wanted, f"{wanted}:latest")


def _usable(address: Address) -> Address:
    try:
        httpx.URL(address.base)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"the address of the server cannot be used: {error}") from error
    return address
