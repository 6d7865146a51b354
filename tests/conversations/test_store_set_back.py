"""The store comes back without its last writes, at any moment, in the middle of a conversation with its workers.

What counts is what the listener was given to play: every answer once, whatever the log says.
"""

import random
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, cast

import anyio
import pytest
from cable import Cable

from counterpoint.background.model import Answer, BackgroundModel, Call, Observation, Say, Step
from counterpoint.background.worker import Worker
from counterpoint.interaction import keeping, known_log
from counterpoint.interaction.replay import replay_decisions
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import Asked, Degraded, Failed, NoteDropped, NoteLaid, Settled, Stored
from counterpoint.shared_context.ids import CallId, ConversationId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.store import ContextStore
from counterpoint.testing.play import Performance, play
from counterpoint.testing.scripted_interaction import ScriptedInteraction, delegate
from counterpoint.tools.definition import Tool, tool
from counterpoint.tools.toolbox import Toolbox

pytestmark = pytest.mark.virtual

QUESTIONS = ("alpha", "bravo", "charlie", "delta", "echo")
ANSWERS = {name: (f"{name.title()}-begun.", f"{name.title()}-done.") for name in QUESTIONS}


class Colleague:
    """Answers in two parts, within two seconds, and every attempt anew."""

    name = "colleague"

    async def think(self, package: ContextPackage, *_: object) -> AsyncGenerator[Step, None]:
        assert package.current is not None
        begun, done = ANSWERS[package.current.delegation.request]
        await anyio.sleep(1.1)
        yield Say(begun)
        await anyio.sleep(1.2)
        yield Answer(f"{begun} {done}")


@tool
async def look(word: str) -> str:
    await anyio.sleep(0.6)
    return word


class Looking:
    """Looks something up before each part, so that it is given the conversation three times."""

    name = "looking"

    async def think(
        self, package: ContextPackage, _: object, observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        assert package.current is not None
        begun, done = ANSWERS[package.current.delegation.request]
        looked = sum(1 for each in observations if each.call)
        if looked == 1:
            yield Say(begun)
        if looked < 2:
            yield Call(CallId(f"call-{looked}"), "look", f'{{"word": "{looked}"}}')
        else:
            yield Answer(f"{begun} {done}")


def asking() -> ScriptedInteraction:
    questions = [delegate(name, at=3 + 7 * index) for index, name in enumerate(QUESTIONS)]
    return ScriptedInteraction(*questions, words_per_beat=2)


async def conversation(upset: Callable[[MemoryStore], Callable[[Session], object]], beats: int = 140) -> Performance:
    store = MemoryStore()
    return await play(Runtime(asking(), Colleague(), store=store), beats=beats, also=upset(store), conversation="c")


async def far_from_its_store(seed: int, model: BackgroundModel, *tools: Tool[..., Any]) -> Performance:
    """The host loses sight of the store, which is set back; its workers, which are nearer, write into it meanwhile."""
    chance = random.Random(seed)
    memory = MemoryStore()
    cable = Cable(memory)

    async def act(_: Session) -> None:
        await anyio.sleep(chance.uniform(0.5, 9.0))
        back = memory.remembered()
        await anyio.sleep(chance.choice([0.1, 0.4, 1.0, 2.5]))
        cable.pull()
        back()
        await anyio.sleep(chance.choice([0.05, 0.3, 1.0, 4.0]))
        cable.plug()

    runtime = Runtime(asking(), served=True, store=cast("ContextStore", cable))
    async with Worker(memory, model, Toolbox(tools)):
        return await play(runtime, beats=180, also=act, conversation="c")


def heard(played: Performance) -> dict[str, int]:
    """How often the listener was given each part of an answer."""
    given = "".join(turn.text for turn in played)
    return {part: given.count(part) for parts in ANSWERS.values() for part in parts}


def set_back(remembered_at: float, lost_at: float) -> Callable[[MemoryStore], Callable[[Session], object]]:
    def upset(store: MemoryStore) -> Callable[[Session], object]:
        async def act(_: Session) -> None:
            await anyio.sleep(remembered_at)
            back = store.remembered()
            await anyio.sleep(lost_at - remembered_at)
            back()

        return act

    return upset


def lost_whole(at: float) -> Callable[[MemoryStore], Callable[[Session], object]]:
    """It comes back empty."""

    def upset(store: MemoryStore) -> Callable[[Session], object]:
        empty = store.remembered()

        async def act(_: Session) -> None:
            await anyio.sleep(at)
            empty()

        return act

    return upset


def as_it_was_written(played: Performance) -> list[Stored]:
    """The log has every number of the host's once, in order, and every note and every end once."""
    hosts = [stored for stored in played.entries if stored.entry.header.role.value == "host"]
    numbers = [stored.entry.header.seq for stored in hosts]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [stored.position for stored in played.entries] == list(range(1, len(played.entries) + 1))
    notes = [body.note.id for body in played.bodies(NoteLaid)]
    assert len(notes) == len(set(notes))
    return list(played.entries)


async def decides_the_same(played: Performance) -> None:
    """The log tells what was decided as if nothing had happened to it."""
    for session in await replay_decisions(ConversationId("c"), played.entries):
        assert (session.difference, session.stopped) == (None, "")


async def test_nothing_is_heard_twice_or_never_when_the_store_loses_two_seconds() -> None:
    played = await conversation(set_back(4.05, 6.05))
    assert set(heard(played).values()) == {1}
    as_it_was_written(played)
    assert [body for body in played.bodies(Failed) if body.what == "store"]


@pytest.mark.parametrize("seed", range(40))
async def test_nothing_is_heard_twice_or_never_wherever_the_store_was_cut(seed: int) -> None:
    chance = random.Random(seed)
    lost_at = chance.uniform(0.3, 12.0)
    played = await conversation(set_back(max(0.0, lost_at - chance.choice([0.05, 0.3, 1.0, 3.0, 8.0])), lost_at))
    assert set(heard(played).values()) == {1}, heard(played)
    as_it_was_written(played)
    assert max(turn.late for turn in played) == 0
    await decides_the_same(played)


@pytest.mark.parametrize("at", [0.5, 1.85, 2.9, 4.45, 6.0, 9.1])
async def test_a_store_that_comes_back_empty_is_given_everything(at: float) -> None:
    played = await conversation(lost_whole(at))
    assert set(heard(played).values()) == {1}, heard(played)
    as_it_was_written(played)
    assert len(played.bodies(Asked)) == len(QUESTIONS)


@pytest.mark.parametrize("seed", range(10))
async def test_a_store_may_be_set_back_again_and_again(seed: int) -> None:
    chance = random.Random(seed)

    def upset(store: MemoryStore) -> Callable[[Session], object]:
        async def act(_: Session) -> None:
            for _ in range(6):
                await anyio.sleep(chance.uniform(0.1, 1.0))
                back = store.remembered()
                await anyio.sleep(chance.uniform(0.1, 1.5))
                back()

        return act

    played = await conversation(upset)
    assert set(heard(played).values()) == {1}, heard(played)
    as_it_was_written(played)


@pytest.mark.parametrize("seed", range(40))
async def test_what_workers_write_before_the_host_is_back_is_told_too(seed: int) -> None:
    played = await far_from_its_store(seed, Colleague())
    assert set(heard(played).values()) == {1}, heard(played)
    as_it_was_written(played)
    assert max(turn.late for turn in played) == 0


@pytest.mark.parametrize("seed", range(40))
async def test_a_worker_goes_on_with_what_the_store_does_not_know_any_more(seed: int) -> None:
    played = await far_from_its_store(seed, Looking(), look)
    assert set(heard(played).values()) == {1}, heard(played)
    assert not [body for body in played.bodies(Settled) if body.state is not DelegationState.DONE]


@pytest.mark.parametrize("seed", range(20))
async def test_snapshots_may_be_lost_as_well(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_log, "SNAPSHOT_EVERY", 12)
    chance = random.Random(seed)
    lost_at = chance.uniform(1.0, 12.0)
    played = await conversation(set_back(max(0.0, lost_at - chance.choice([0.3, 1.0, 3.0, 8.0])), lost_at))
    assert set(heard(played).values()) == {1}, heard(played)
    positions = [stored.position for stored in played.entries]
    assert positions == list(range(positions[0], positions[-1] + 1))
    assert positions[0] > 1


@pytest.mark.parametrize("seed", range(20))
async def test_a_store_that_lost_more_than_is_kept_gets_an_account_and_the_session_goes_on(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "KEPT_ENTRIES", 6)
    chance = random.Random(seed)
    lost_at = chance.uniform(4.0, 8.0)
    played = await conversation(set_back(lost_at - 3.5, lost_at))
    assert set(heard(played).values()) == {1}, heard(played)
    assert any("an account" in body.reason for body in played.bodies(Failed))


async def test_what_was_settled_is_not_done_again() -> None:
    played = await conversation(set_back(2.5, 6.1))
    assert len(played.bodies(Settled)) == len(QUESTIONS)
    assert not played.bodies(NoteDropped)
    assert not played.bodies(Degraded)
