"""The connections to one server: opened with the first user, kept between requests, closed after the last.

Whoever enters it for longer (a runtime, a conversation) spares each request a handshake.
"""

import ssl
from types import TracebackType
from typing import Final

import anyio
import httpx

from counterpoint.engines.http.address import Address
from counterpoint.errors import ConfigurationError
from counterpoint.tools.web_answer import tls_context

CONNECT_SECONDS: Final = 10.0
KEPT_SECONDS: Final = 30.0
"""How long a connection is kept that nobody uses."""


class Connections:
    """`read_seconds`: how long a server may send nothing. Redirects are not followed: they would take the key along.

    A proxy that the environment names is used, but not to reach this machine itself.
    """

    def __init__(self, address: Address, *, read_seconds: float) -> None:
        self._address = address
        self._read_seconds = read_seconds
        self._client: httpx.AsyncClient | None = None
        self._users = 0

    async def __aenter__(self) -> httpx.AsyncClient:
        context = await tls_context() if self._address.secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self._client is None:
            self._client = self._new(context)
        self._users += 1
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._users -= 1
        if self._users == 0 and self._client is not None:
            client, self._client = self._client, None
            with anyio.CancelScope(shield=True):
                await client.aclose()

    def _new(self, context: ssl.SSLContext) -> httpx.AsyncClient:
        try:
            return httpx.AsyncClient(
                verify=context,
                timeout=httpx.Timeout(self._read_seconds, connect=CONNECT_SECONDS, pool=None),
                limits=httpx.Limits(max_connections=None, keepalive_expiry=KEPT_SECONDS),
                follow_redirects=False,
                trust_env=not self._address.local,
            )
        except (ValueError, ImportError) as error:  # a proxy in the environment that cannot be used
            raise ConfigurationError(f"the proxy that the environment names cannot be used: {error}") from error
