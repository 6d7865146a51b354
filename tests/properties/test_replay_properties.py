"""Whatever happened in a conversation: its decisions, made again from its log, come out as they were."""

import random

import anyio
import pytest

from counterpoint import Runtime, Session
from counterpoint.errors import CounterpointError, StoreUnavailable
from counterpoint.interaction.listener import Listener
from counterpoint.interaction.model import Start, Weaving
from counterpoint.interaction.replay import replay_decisions
from counterpoint.interaction.replay.hosted import sessions_of
from counterpoint.shared_context.ids import ConversationId, WriterId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.notes import Delivery
from counterpoint.testing import (
    Answer,
    Progress,
    ScriptedBackground,
    ScriptedInteraction,
    acknowledges_nothing,
    amend,
    delegate,
    end,
    hears_everything,
    play,
    say,
    says,
    talks,
    types,
    withdraw,
)

pytestmark = pytest.mark.virtual

SEEDS = 60
BEATS = 70
CONVERSATION = ConversationId("replayed")


class OutOfOrder(MemoryStore):
    """A store that goes away and comes back; `killed`: hosts that do not reach it any more."""

    gone = False

    def __init__(self) -> None:
        super().__init__()
        self.killed: set[WriterId] = set()
        self.newest: WriterId | None = None

    async def open(self, conversation, writer):
        self.newest = writer
        return await super().open(conversation, writer)

    async def append(self, fence, entries):
        if self.gone or fence.writer in self.killed:
            raise StoreUnavailable("gone")
        return await super().append(fence, entries)

    async def close(self, fence, entry):
        if fence.writer in self.killed:
            raise StoreUnavailable("gone")
        return await super().close(fence, entry)


class Slow(ScriptedInteraction):
    """Takes its time now and then; `naps`: seconds by step."""

    naps: dict[int, float]

    async def open(self, start: Start):
        return _SlowStream(await super().open(start), self)


class _SlowStream:
    def __init__(self, stream, model: Slow) -> None:
        self._stream = stream
        self._model = model

    async def step(self, perceived, woven, span):
        if (nap := self._model.naps.pop(span.last, None)) is not None:
            await anyio.sleep(nap)
        return await self._stream.step(perceived, woven, span)

    async def aclose(self) -> None:
        await self._stream.aclose()


def a_model(chance: random.Random, beats: range) -> Slow:
    lines = [
        chance.choice(
            [
                lambda at: say("one two, three four five six seven, eight nine ten.", at=at),
                lambda at: delegate(f"look up {chance.randrange(4)}", at=at, saying="Let me check that, one moment."),
                lambda at: amend(f"rather {chance.randrange(9)}", at=at, saying="Of course."),
                lambda at: withdraw(at=at),
                lambda at: delegate("", at=at),
            ]
        )(chance.choice(beats))
        for _ in range(chance.randrange(8))
    ]
    if chance.random() < 0.1:
        lines.append(end(at=chance.choice(beats)))
    model = Slow(
        *lines,
        words_per_beat=chance.choice([1, 2]),
        clauses=chance.random() < 0.8,
        barge_in=chance.random() < 0.8,
        voices_notes=chance.random() < 0.9,
        partial=chance.random() < 0.6,
        cadence=chance.choice([1, 1, 1, 2]),
        weaving=chance.choice([Weaving.RUNTIME, Weaving.RUNTIME, Weaving.MODEL]),
        raises={chance.choice(beats): RuntimeError("broken") for _ in range(chance.choice([0, 0, 1, 2]))},
        phase=0.0,
    )
    model.naps = {chance.choice(beats): chance.choice([0.3, 0.7, 8.0]) for _ in range(chance.choice([0, 0, 1, 3]))}
    return model


def a_person(chance: random.Random, beats: range) -> list:
    cues = []
    for _ in range(chance.randrange(6)):
        at = chance.randrange(len(beats))
        cues += chance.choice(
            [
                lambda at: types("when does it leave?", at=at + 4, keys_per_beat=chance.choice([0, 3, 6])),
                lambda at: says("well I would say so", at=at),
                lambda at: talks(range(at, at + chance.randrange(20)), "no no"),
            ]
        )(at)
    return cues


def a_colleague(chance: random.Random) -> ScriptedBackground:
    script = [
        Progress(f"still at it {chance.randrange(99)}", after=chance.random() * 3) for _ in range(chance.randrange(3))
    ]
    script.append(
        Answer(
            chance.choice(["Platform three.", "It leaves at ten past four, from platform nine."]),
            after=chance.random() * 6,
        )
    )
    return ScriptedBackground(
        {str(number): tuple(script) for number in range(10)} | {"look": tuple(script), "rather": tuple(script)}
    )


def the_application(chance: random.Random, store: OutOfOrder):
    deeds = sorted((chance.random() * BEATS * 0.2, chance.random()) for _ in range(chance.randrange(12)))

    async def also(session: Session) -> None:
        begun = anyio.current_time()
        for at, which in deeds:
            await anyio.sleep_until(begun + at)
            try:
                await deed(session, which)
            except CounterpointError:
                return

    async def deed(session: Session, which: float) -> None:
        if which < 0.35:
            session.lay(
                chance.choice(["A word from the house.", "The bar closes, at nine."]),
                delivery=chance.choice([*Delivery, Delivery.WHEN_IDLE]),
                key=chance.choice(["", "bar"]),
            )
            if chance.random() < 0.3:
                session.lay("And another one.", key="bar")
        elif which < 0.5:
            session.delegate(f"look up {chance.randrange(4)}")
        elif which < 0.6:
            session.amend("rather 3")
        elif which < 0.7:
            session.withdraw()
        elif which < 0.8:
            session.pause("lunch")
            await anyio.sleep(chance.random() * 9)
            session.resume()
        elif which < 0.9:
            store.gone = True
            await anyio.sleep(chance.random() * 4)
            store.gone = False
        else:
            session.push("a line")

    return also


def a_listener(chance: random.Random, clients: list[Listener]):
    def partly(session: Session, turn) -> None:
        words = len(turn.text.split())
        if not words or chance.random() < 0.2:
            return
        for _ in range(chance.choice([1, 1, 2])):
            heard = chance.randrange(words + 1)
            session.played(turn, words=heard)
            client_of(session).played(turn, words=heard)
        if chance.random() < 0.7:
            session.played(turn)
            client_of(session).played(turn)

    def client_of(session: Session) -> Listener:
        if not clients or clients[-1].session != session.id:
            clients.append(Listener(session.conversation, session.id))
            clients[-1].session = session.id
        return clients[-1]

    played = chance.choice([hears_everything, acknowledges_nothing, partly, partly])

    def listener(session: Session, turn) -> None:
        client_of(session).given(turn)
        played(session, turn)

    return listener


async def one_session(chance: random.Random, store: OutOfOrder, clients: list[Listener], conversation: str) -> None:
    beats = range(BEATS)
    background = a_colleague(chance) if chance.random() < 0.8 else None
    runtime = Runtime(a_model(chance, beats), background, store=store)
    try:
        with anyio.move_on_after(60):  # it may have gone to sleep
            await play(
                runtime,
                sorted(a_person(chance, beats), key=lambda cue: cue.at),
                chance.randrange(10, BEATS),
                listener=a_listener(chance, clients),
                also=the_application(chance, store),
                conversation=conversation,
                buffer=chance.choice([0.0, 0.4]),
                greeting=chance.choice(["", "Hello there, you two."]),
                idle_after=chance.choice([None, 2.0]),
                resume=clients[-1].token if clients and chance.random() < 0.6 else None,
            )
    except CounterpointError:
        pass
    store.gone = False


async def lived(chance: random.Random, store: OutOfOrder, *, conversation: str) -> None:
    """One session or several of the same conversation, one after the other or one over the other."""
    clients: list[Listener] = []
    async with anyio.create_task_group() as tasks:
        for _ in range(chance.choice([1, 1, 2, 3])):
            if chance.random() < 0.2:
                tasks.start_soon(one_session, chance, store, clients, conversation)
                await anyio.sleep(chance.random() * 8)
            elif chance.random() < 0.1:
                tasks.start_soon(set_back, chance, store)
                await one_session(chance, store, clients, conversation)
            elif chance.random() < 0.2:
                tasks.start_soon(killed, chance, store)
                await one_session(chance, store, clients, conversation)
            else:
                await one_session(chance, store, clients, conversation)


async def set_back(chance: random.Random, store: OutOfOrder) -> None:
    """The store comes back without its last writes, which its host gives back."""
    await anyio.sleep(chance.random() * 8)
    forget_what_came_since = store.remembered()
    await anyio.sleep(chance.random())
    forget_what_came_since()


async def killed(chance: random.Random, store: OutOfOrder) -> None:
    await anyio.sleep(chance.random() * 12)
    if store.newest is not None:
        store.killed.add(store.newest)


STOPPED = {"", "the log ends in the midst of its last step", "it was left in the midst of a step"}


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_decisions_made_again_come_out_the_same(seed: int) -> None:
    chance = random.Random(seed)
    store = OutOfOrder()
    await lived(chance, store, conversation=CONVERSATION)
    log = await store.read(CONVERSATION, limit=100_000)
    replayed = await replay_decisions(CONVERSATION, log)
    assert len(replayed) == len(sessions_of(log))
    for session in replayed:
        assert session.difference is None
        assert session.stopped in STOPPED
