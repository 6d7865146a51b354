"""TLS in front of a server that is built without it, with certificates by an authority made for the test."""

import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import trustme
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSListener


class Authority:
    """An authority whose certificate lies in a folder, for `ssl_ca_certs`."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._authority = trustme.CA()
        self._folder = folder
        self.certificate = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(str(self.certificate))

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """What a server of these names shows."""
        over = datetime.now(UTC) - timedelta(days=1) if expired else None  # noqa: TID251 (a certificate has real dates)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._authority.issue_cert(*names, not_after=over).configure_cert(context)
        return context

    def trusted_by(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """The server asks its clients for a certificate of this authority."""
        context.verify_mode = ssl.CERT_REQUIRED
        self._authority.configure_trust(context)
        return context

    def client(self, name: str) -> tuple[Path, Path]:
        """Certificate and key of a client, as files."""
        issued = self._authority.issue_cert(f"{name}@example.org")
        certificate, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        issued.private_key_pem.write_to_path(str(key))
        for each in issued.cert_chain_pems:
            each.write_to_path(str(certificate), append=certificate.exists())
        return certificate, key


@asynccontextmanager
async def in_front_of(server: Path, context: ssl.SSLContext | None) -> AsyncGenerator[int, None]:
    """A port that speaks TLS (None: does not) and passes on to the server's socket."""

    async def serve(client: anyio.abc.ByteStream) -> None:
        try:
            async with client, await anyio.connect_unix(server) as stream, anyio.create_task_group() as pumps:
                pumps.start_soon(_pump, client, stream)
                pumps.start_soon(_pump, stream, client)
        except* (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            pass  # either side hung up

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as plain, anyio.create_task_group() as tasks:
        listener = TLSListener(plain, context, standard_compatible=False) if context else plain
        tasks.start_soon(listener.serve, serve)
        yield plain.extra(SocketAttribute.local_port)
        tasks.cancel_scope.cancel()


async def _pump(source: anyio.abc.ByteStream, target: anyio.abc.ByteStream) -> None:
    while True:
        await target.send(await source.receive())
