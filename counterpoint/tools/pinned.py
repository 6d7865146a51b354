"""An httpx transport that looks a host up once, checks every address it has, and connects to one of just those.

A name that gives another answer a moment later (DNS rebinding) changes nothing: nobody asks again. The Host header and
the name in the certificate stay those of the URL. Proxies are not used, because they would look the name up themselves.
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from socket import SOCK_STREAM

import anyio
import httpx

from counterpoint.errors import ToolError, ToolUnavailable
from counterpoint.tools.addresses import Address, Network, may_be_fetched, read_address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and a port to addresses, as text."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system, which knows numeric addresses in all their spellings too."""
    found = await anyio.getaddrinfo(host, port, type=SOCK_STREAM)
    return [address[4][0] for address in found]


class PinnedTransport(httpx.AsyncBaseTransport):
    """Keeps no connection for later: one that was made for a host must not serve another at the same address."""

    def __init__(self, tls: ssl.SSLContext, allowed: Sequence[Network], resolve: Resolve = resolve) -> None:
        self._inner = httpx.AsyncHTTPTransport(
            verify=tls, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )
        self._allowed = allowed
        self._resolve = resolve

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises `ToolError` for a host that may not be spoken to, and `ToolUnavailable` for one that is not known."""
        failure: httpx.TransportError | None = None
        for address in await self._addresses(request.url):
            try:
                return await self._inner.handle_async_request(_addressed(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or httpx.ConnectError("no address", request=request)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, url: httpx.URL) -> Sequence[Address]:
        host = url.raw_host.decode("ascii")
        try:
            texts = await self._resolve(host, url.port or (443 if url.scheme == "https" else 80))
            found = list(dict.fromkeys(read_address(text) for text in texts))
        except (OSError, ValueError) as error:
            raise ToolUnavailable(f"There is no host called {host}, or its name cannot be looked up now.") from error
        for address in found:
            if not may_be_fetched(address, self._allowed):
                raise ToolError(f"{host} is at {address}, which is not a public address: it may not be fetched.")
        return found


def _addressed(request: httpx.Request, address: Address) -> httpx.Request:
    """The same request to a number instead of a name. The headers, Host among them, are not touched."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")},
    )
