"""Names from outside: whatever a conversation, a queue or a worker is called, it reaches nothing of another's."""

import re
from collections.abc import Generator
from pathlib import Path
from unicodedata import normalize

import anyio
import pytest
import redis
import redis_server
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from counterpoint.shared_context.admission import MAX_NAME
from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId, Position
from counterpoint.shared_context.redis import RedisStore
from counterpoint.shared_context.redis.keys import ConversationKeys, Place, place, queue_keys, quoted
from counterpoint.testing.store_actors import Host, Worker, nothing_waits
from counterpoint.testing.store_trial import everything, texts

pytestmark = pytest.mark.real

TRICKS = [
    "", "%", "%25", "a", "a:log", "a}", "{a", "a}:log{", "{a}", "*", "?", "[a-z]", "a\x00", "a\n", "a\r\nDEL x",
    "+work0", "+taken", "counterpoint", "conversation/d1", "a/b", "a%2Fb", "..", "-", "é", normalize("NFD", "é"), "ﬁ",
    "K", "\u212a", "\u202ea", "a\u200b", "🙂", "\\", "'", '"', " ", "a ", "旅" * MAX_NAME, "x" * MAX_NAME,
]  # fmt: skip

NAMES = st.one_of(
    st.sampled_from(TRICKS),
    st.text(st.sampled_from("{}:%/+*\\ \x00\n\r\tab0"), max_size=8),
    st.text(max_size=12),
)

KEY = re.compile(r"probe:\{(\+work\d|[A-Za-z0-9_.~%-]+)\}:[A-Za-z0-9_.~%:+-]+")


@pytest.fixture(scope="module")
def socket() -> Generator[Path, None, None]:
    with redis_server.running() as path:
        yield path


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, min_size=2, max_size=4, unique=True))
@example(TRICKS)
def test_names_keep_conversations_queues_and_workers_apart(socket: Path, names: list[str]) -> None:
    with redis.Redis(unix_socket_path=str(socket)) as server:
        server.flushall()
        anyio.run(apart, socket, names)
        for key in server.scan_iter():
            assert KEY.fullmatch(key.decode()), key


async def apart(socket: Path, names: list[str]) -> None:
    async with RedisStore(f"unix://{socket}", prefix="probe") as store:
        hosts = {name: await Host.open(store, name, name) for name in names}
        for name, host in hosts.items():
            await host.say("mine")
            await host.ask(name, queue=name)
            await store.put_media(host.fence, MediaId(name), quoted(name).encode(), ttl=60)
            await store.snapshot(host.fence, Position(1), quoted(name).encode())
        for name, host in hosts.items():
            worker = await Worker.take(store, name, name)
            assert (worker.lease.delegation.conversation, worker.delegation) == (name, name)
            await worker.settle()
            kept = [each for each in names if await store.get_media(host.conversation, MediaId(each)) is not None]
            assert kept == [name]
            assert await store.get_media(host.conversation, MediaId(name)) == quoted(name).encode()
        gone, *others = names
        await store.forget(ConversationId(gone))
        assert await nothing_waits(store, *names)
        for name in others:
            assert await texts(store, ConversationId(name)) == ["mine"]
            assert len(await everything(store, ConversationId(name))) == 3
            snapshot = await store.last_snapshot(ConversationId(name))
            assert snapshot is not None
            assert snapshot.data == quoted(name).encode()


@given(st.lists(NAMES, min_size=2, max_size=2, unique=True))
def test_no_two_names_have_a_key_in_common(names: list[str]) -> None:
    one, other = (ConversationKeys("counterpoint", ConversationId(name)) for name in names)
    assert not set(one.all) & set(other.all)
    assert one.channel != other.channel
    assert not other.media.startswith(one.media)
    assert not set(queue_keys("counterpoint", names[0], 0).all) & set(queue_keys("counterpoint", names[1], 0).all)


@given(NAMES, NAMES)
def test_a_place_is_read_as_it_was_written(conversation: str, delegation: str) -> None:
    written = Place(ConversationId(conversation), DelegationId(delegation))
    assert place(str(written)) == written
