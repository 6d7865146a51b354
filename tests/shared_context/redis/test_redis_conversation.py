"""Conversations whose host, worker and listener meet in a Redis server, in real time."""

from pathlib import Path

import anyio
import pytest
import redis

from counterpoint.background.worker import Worker
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Asked, Degraded, NoteLaid, Recovered, Settled, Taken
from counterpoint.shared_context.redis import RedisStore
from counterpoint.shared_context.redis.embedded import EmbeddedServer
from counterpoint.testing.person import says
from counterpoint.testing.play import play
from counterpoint.testing.scripted_background import ScriptedBackground
from counterpoint.testing.scripted_interaction import ScriptedInteraction, delegate
from counterpoint.tools.toolbox import Toolbox

pytestmark = pytest.mark.real


async def test_a_worker_with_a_store_of_its_own_answers_what_was_asked(socket: Path, server: redis.Redis) -> None:
    url = f"unix://{socket}"
    model = ScriptedInteraction(delegate("the next train", on="train", saying="Let me look."))
    runtime = Runtime(model, served=True, store=url)
    background = ScriptedBackground(after=0.5, answer="It leaves at 10:14.")
    async with RedisStore(url) as elsewhere, Worker(elsewhere, background, Toolbox(), name="elsewhere"):
        played = await play(runtime, says("when is the next train", at=2), beats=25, conversation="station")
    assert "It leaves at 10:14." in played.said
    kinds = [type(stored.entry.body) for stored in played.entries]
    assert [kind for kind in kinds if kind in (Asked, Taken, NoteLaid, Settled)] == [Asked, Taken, NoteLaid, Settled]
    writers = {stored.entry.header.writer for stored in played.entries if isinstance(stored.entry.body, NoteLaid)}
    assert writers == {"elsewhere"}


async def test_a_conversation_goes_on_where_another_process_left_it(socket: Path, server: redis.Redis) -> None:
    url = f"unix://{socket}"
    first = ScriptedInteraction(delegate("the next train", at=2, saying="Let me look."))
    await play(Runtime(first, served=True, store=url), beats=6, conversation="station")
    background = ScriptedBackground(after=0.1, answer="It leaves at 10:14.")
    second = Runtime(ScriptedInteraction(), background, store=url)
    played = await play(second, beats=20, conversation="station")
    assert "It leaves at 10:14." in played.said


async def test_a_server_that_restarts_is_noticed_by_nobody_who_talks(tmp_path: Path, server: redis.Redis) -> None:
    host = EmbeddedServer(tmp_path / "data")
    store = RedisStore(host.url, beside=host)
    model = ScriptedInteraction(delegate("the next train", at=2, saying="Let me look."))
    background = ScriptedBackground(after=1.5, answer="It leaves at 10:14.")

    async def restart(session: object) -> None:
        await anyio.sleep(0.9)
        await host.__aexit__()
        await anyio.sleep(0.5)
        await host.__aenter__()

    played = await play(Runtime(model, background, store=store), beats=40, also=restart, conversation="station")
    assert "It leaves at 10:14." in played.said
    assert [turn.beat for turn in played] == list(range(played[0].beat, played[0].beat + 40))
    assert played.bodies(Degraded)
    assert played.bodies(Recovered)
    assert len(played.bodies(Asked)) == 1
