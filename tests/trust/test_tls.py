"""rediss://: who is trusted gets the conversation, and who is not is told what to change."""

from collections.abc import Generator
from pathlib import Path

import pytest
import redis_server
from tls_front import Authority, in_front_of

from counterpoint.errors import ConfigurationError, CounterpointError, StoreUnavailable
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import NoteLaid
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.testing.store_actors import Host, Worker
from counterpoint.testing.store_trial import everything, followed

pytestmark = pytest.mark.real

RESULT = NoteLaid(Note(NoteId("n1"), NoteKind.RESULT, "At 10:14, platform 3."))


@pytest.fixture(scope="module")
def server() -> Generator[Path, None, None]:
    with redis_server.running() as path:
        yield path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def url(port: int, authority: Authority, *options: str, host: str = "127.0.0.1") -> str:
    return f"rediss://{host}:{port}?" + "&".join((f"ssl_ca_certs={authority.certificate}", *options))


async def converse(url: str) -> None:
    """All kinds of connections: commands, and what waits for a bell."""
    async with connect(url) as near, connect(url) as far:
        host = await Host.open(near)
        await host.ask("d1")
        worker = await Worker.take(far, wait=5)
        await worker.settle(RESULT)
        assert len(await followed(near, host.conversation, count=3)) == 3
        assert len(await everything(far, host.conversation)) == 3
        await near.forget(host.conversation)


async def refusal(url: str, error: type[Exception] = ConfigurationError) -> str:
    with pytest.raises(error) as told:
        await connect(url).__aenter__()
    return str(told.value)


async def test_a_conversation_over_tls(server: Path, authority: Authority) -> None:
    async with in_front_of(server, authority.server("127.0.0.1")) as port:
        await converse(url(port, authority))


async def test_a_client_that_shows_its_certificate(server: Path, authority: Authority) -> None:
    certificate, key = authority.client("worker")
    shown = (f"ssl_certfile={certificate}", f"ssl_keyfile={key}")
    async with in_front_of(server, authority.trusted_by(authority.server("127.0.0.1"))) as port:
        await converse(url(port, authority, *shown))
        assert "ssl_certfile" in await refusal(url(port, authority), CounterpointError)


async def test_an_unknown_authority_is_refused_and_what_to_give_is_said(
    server: Path, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path, "other")
    async with in_front_of(server, authority.server("127.0.0.1")) as port:
        assert "ssl_ca_certs" in await refusal(url(port, other))
        assert "ssl_ca_certs" in await refusal(f"rediss://127.0.0.1:{port}")


async def test_a_server_of_another_name_is_refused(server: Path, authority: Authority) -> None:
    async with in_front_of(server, authority.server("redis.example.org")) as port:
        assert "127.0.0.1" in await refusal(url(port, authority))


async def test_an_expired_certificate_is_refused(server: Path, authority: Authority) -> None:
    async with in_front_of(server, authority.server("127.0.0.1", expired=True)) as port:
        assert "expired" in await refusal(url(port, authority))


async def test_tls_where_the_server_speaks_none(server: Path, authority: Authority) -> None:
    async with in_front_of(server, None) as port:
        assert "redis://" in await refusal(url(port, authority), StoreUnavailable)


async def test_no_tls_where_the_server_wants_it(server: Path, authority: Authority) -> None:
    async with in_front_of(server, authority.server("127.0.0.1")) as port:
        assert "rediss://" in await refusal(f"redis://127.0.0.1:{port}", StoreUnavailable)


@pytest.mark.parametrize("options", ["ssl_ca_certs=/nowhere/ca.pem", "ssl_certfile=/nowhere/c.pem&ssl_keyfile=/k.pem"])
async def test_files_that_are_not_there_are_named(options: str) -> None:
    assert "/nowhere" in await refusal(f"rediss://127.0.0.1:1?{options}")
