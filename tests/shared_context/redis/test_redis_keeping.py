"""How long things are kept in Redis, and which servers are taken."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
import redis
from anyio.abc import SocketStream

from counterpoint.errors import ConfigurationError, UnknownConversation
from counterpoint.shared_context.redis import RedisStore, store
from counterpoint.testing.store_actors import Host
from counterpoint.testing.store_trial import START, followed

pytestmark = pytest.mark.real

LOG = "counterpoint:{conversation}:log"


async def test_writing_renews_the_time_to_live_of_everything(socket: Path, server: redis.Redis) -> None:
    async with RedisStore(f"unix://{socket}", ttl=1000) as kept:
        host = await Host.open(kept)
        await host.say("a")
        await host.ask("d1")
        for key in server.scan_iter("counterpoint:{conversation}:*"):
            server.expire(key, 500)
        await kept.read(host.conversation, START)
        assert server.ttl(LOG) <= 500
        await host.say("b")
        assert all(server.ttl(key) > 900 for key in server.scan_iter("counterpoint:{conversation}:*"))


async def test_a_conversation_whose_time_is_over_is_gone_whole(
    socket: Path, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LOOK_AGAIN_SECONDS", 0.2)
    async with RedisStore(f"unix://{socket}", ttl=1) as kept:
        host = await Host.open(kept)
        await host.say("a")
        with anyio.fail_after(10), pytest.raises(UnknownConversation):
            await followed(kept, host.conversation)
        with pytest.raises(UnknownConversation):
            await kept.read(host.conversation, START)
        assert not list(server.scan_iter("counterpoint:{conversation}:*"))
        assert (await Host.open(kept)).tail == 0


@asynccontextmanager
async def answering(*replies: bytes) -> AsyncGenerator[str, None]:
    """Something on a port that gives these replies in turn, whatever it is asked."""

    async def answer(client: SocketStream) -> None:
        async with client:
            for reply in replies:
                await client.receive()
                await client.send(reply)

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, answer)
        yield f"redis://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}"
        tasks.cancel_scope.cancel()


def bulk(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


async def test_a_server_that_is_too_old_is_refused() -> None:
    async with answering(bulk("redis_version:6.2.14\r\n"), bulk("maxmemory:0\r\n")) as url:
        with pytest.raises(ConfigurationError, match=r"redis 6.2.14 is too old"):
            await RedisStore(url).__aenter__()


async def test_something_that_is_no_redis_server_is_refused() -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        with pytest.raises(ConfigurationError, match="no Redis server"):
            await RedisStore(url).__aenter__()
