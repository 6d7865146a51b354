"""Makes the conversations beside it anew: `python tests/golden/make_golden.py`, when decisions are meant to change.

Each is a conversation in virtual time, exported. They are replayed by `test_golden_conversations.py`.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import anyio

from counterpoint import Runtime, Session
from counterpoint.errors import StoreUnavailable
from counterpoint.interaction.listener import Listener
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.ids import ConversationId, NoteId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.notes import Delivery, Note, NoteKind
from counterpoint.shared_context.store import ContextStore
from counterpoint.shared_context.transfer import export
from counterpoint.testing import (
    Answer,
    Cue,
    Progress,
    ScriptedBackground,
    ScriptedInteraction,
    VirtualTimeLoop,
    amend,
    delegate,
    play,
    say,
    says,
    talks,
    types,
    withdraw,
)
from counterpoint.testing.person import middle_of

HERE = Path(__file__).parent
STORY = say("Once upon a time, by the grey sea, there lived a man who counted the waves, one by one.", at=2)
ASKS = delegate("When does the train to Bath leave?", on="train", saying="Let me check that.")
FINDS = (Progress("still looking", after=1.0), Answer("At ten past four, from platform three.", after=2.0))


class Unsteady(MemoryStore):
    away = False

    async def append(self, fence, entries):
        if self.away:
            raise StoreUnavailable("away")
        return await super().append(fence, entries)


async def results_and_interruptions(store: Unsteady, name: str) -> None:
    """A result waits for the person, is interrupted, is told again; a correction and a withdrawal."""
    weather = delegate("look up the weather", at=60, saying="I will have a look.")
    model = ScriptedInteraction(STORY, ASKS, amend("to Bristol", at=34, saying="Of course."), weather, withdraw(at=66))
    background = ScriptedBackground({"train": FINDS, "weather": (Answer("It rains.", after=30.0),)})
    person = (*types("and the train?", at=10, keys_per_beat=4), *says("hm so what was it", at=27), *says("wait", at=46))
    await play(Runtime(model, background, store=store), person, 90, conversation=name)


async def early_parts_and_late_steps(store: Unsteady, name: str) -> None:
    """A model that takes partial beats, notes of the application's, a pause, a step that takes a second."""

    class Slow(ScriptedInteraction):
        async def open(self, start):
            stream = await super().open(start)
            step = stream.step

            async def slow(perceived, woven, span):
                if span.first == 30:
                    await anyio.sleep(1.0)
                return await step(perceived, woven, span)

            stream.step = slow
            return stream

    async def application(session: Session) -> None:
        await anyio.sleep(1.1)
        session.lay("The bar closes at nine.", key="bar")
        await anyio.sleep(0.05)
        session.lay("The bar closes at ten.", key="bar")
        session.lay("Platform change!", delivery=Delivery.INTERRUPT)
        await anyio.sleep(2.0)
        session.pause("lunch")
        await anyio.sleep(3.0)
        session.resume()

    model = Slow(STORY, ASKS, partial=True, words_per_beat=2)
    person = (*types("is there a train?", at=8, keys_per_beat=3), *talks(range(40, 46)))
    runtime = Runtime(model, ScriptedBackground(FINDS), store=store)
    await play(runtime, person, 80, conversation=name, also=application)


async def into_running_speech(store: Unsteady, name: str) -> None:
    """Results break into a long utterance, at a clause and at a word; one waits for unfinished typing; one expires."""

    async def application(session: Session) -> None:
        await anyio.sleep(1.7)
        session.lay("The bar is open.")
        await anyio.sleep(6.8)
        session.lay("The train is late.")
        await anyio.sleep(6.5)
        session.lay("There is no hurry.")
        session.lay(Note(NoteId("soon"), NoteKind.RESULT, "Now or never.", ttl=1.0))

    words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    model = ScriptedInteraction(
        say("Once upon a time there lived a man who had a boat, and he sailed it every day of his life.", at=2),
        say(f"{words} and {words}", at=32),
    )
    half_typed = tuple(
        Cue(middle_of(beat), TextChunk(key, done=False)) for beat, key in zip(range(72, 79), "waiting", strict=True)
    )
    await play(Runtime(model, store=store), half_typed, 100, conversation=name, also=application)


async def outage_and_taking_over(store: Unsteady, name: str) -> None:
    """The store goes away and comes back; the listener comes back to another host, with its token."""
    clients: list[Listener] = []

    def listener(session: Session, turn) -> None:
        if not clients:
            clients.append(Listener(session.conversation, session.id))
        clients[0].given(turn)
        if turn.text and turn.beat % 3:
            session.played(turn, words=1)
            clients[0].played(turn, words=1)

    async def trouble(session: Session) -> None:
        await anyio.sleep(3.3)
        store.away = True
        session.delegate("look up the weather")
        await anyio.sleep(2.0)
        store.away = False

    background = ScriptedBackground({"train": FINDS, "weather": (Answer("It rains.", after=30.0),)})
    first = Runtime(ScriptedInteraction(STORY, ASKS), background, store=store)
    await play(first, types("a train?", at=9), 30, conversation=name, also=trouble, listener=listener)
    second = Runtime(ScriptedInteraction(say("Where were we?", at=31)), background, store=store)
    await play(second, (), 60, conversation=name, listener=listener, resume=clients[0].token)


TOLD: Sequence[Callable[[Unsteady, str], Awaitable[None]]] = (
    results_and_interruptions,
    early_parts_and_late_steps,
    into_running_speech,
    outage_and_taking_over,
)
CONVERSATIONS = {each.__name__: each for each in TOLD}


async def lines_of(name: str) -> bytes:
    store, lines = Unsteady(), list[bytes]()

    async def write(some: bytes) -> None:
        lines.append(some)

    await CONVERSATIONS[name](store, name)
    kept: ContextStore = store
    await export(kept, ConversationId(name), write)
    return b"".join(lines)


def main() -> None:
    for name in CONVERSATIONS:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            whole = runner.run(lines_of(name))
        (HERE / f"{name}.jsonl").write_bytes(whole)
        sys.stdout.write(f"{name}: {whole.count(b'position')} entries\n")


if __name__ == "__main__":
    main()
