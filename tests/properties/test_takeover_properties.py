"""Hosts die at random moments of a conversation, and lose what they had not written yet; others go on. Every note is
heard once with a resume token, and at least once, marked where it is told again, without one. A replay of the log
decides the same.
"""

import asyncio
import enum
import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterpoint import Session
from counterpoint.errors import SessionClosed
from counterpoint.interaction.replay import replay_decisions
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import NoteLaid
from counterpoint.shared_context.ids import ConversationId, DelegationId, NoteId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.shared_context.scribe import Scribe
from counterpoint.testing import ScriptedInteraction, say
from counterpoint.testing.virtual_time import VirtualTimeLoop

sys.path.append(str(Path(__file__).parent.parent / "conversations"))
from dying_hosts import NAME, Client, Host, date, log_of, shared_store, until

NOTES = 4
WORDS = 11
LONG_ENOUGH = 60.0


class Kind(enum.Enum):
    """Of model: a step each beat, early steps besides, or a step every other beat."""

    PLAIN = "plain"
    PARTIAL = "partial"
    SLOW = "slow"


class Loss(NamedTuple):
    """After `after` seconds the host is gone. What it wrote in the last `unwritten` seconds is lost. The client had
    played `words` words more than it could tell, and is back after `away` seconds. `lives`: only the connection broke.
    """

    after: float
    unwritten: float
    words: int
    away: float
    lives: bool


def seconds(least: float, most: float) -> st.SearchStrategy[float]:
    """Never on a beat's edge."""
    return st.integers(round(least * 10), round(most * 10)).map(lambda tenths: tenths / 10 + 0.03)


losses = st.lists(
    st.builds(Loss, seconds(0.2, 5), seconds(0, 2), st.integers(0, 3), seconds(0, 2), st.booleans()),
    min_size=1,
    max_size=4,
)
laid_at = st.lists(seconds(0.5, 10), min_size=NOTES, max_size=NOTES)
spoken_at = st.lists(seconds(1, 15), max_size=4)
kinds = st.sampled_from(Kind)


def text_of(note: int) -> str:
    return ", ".join(f"n{note}w{word}" for word in range(WORDS)) + "."


def words_of(note: int) -> list[str]:
    return text_of(note).split()


def model(words_per_beat: int, kind: Kind) -> ScriptedInteraction:
    line = say("Let me tell you something now", on="what")
    return ScriptedInteraction(
        line, words_per_beat=words_per_beat, partial=kind is Kind.PARTIAL, cadence=2 if kind is Kind.SLOW else 1
    )


async def lay_notes(store: MemoryStore, times: list[float]) -> None:
    """A worker on another machine, whose writes are never lost."""
    lease = await store.lease(["default"], "worker", seconds=10_000, wait=100)  # type: ignore[arg-type]
    assert lease is not None
    scribe = Scribe(lease.fence, date)
    for number, at in enumerate(sorted(times)):
        await until(at)
        note = Note(NoteId(f"d1.{number}"), NoteKind.RESULT, text_of(number), DelegationId("d1"))
        await store.append(lease.fence, [scribe.write(NoteLaid(note))])


async def speak(sessions: list[Session], times: list[float]) -> None:
    for at in sorted(times):
        await until(at)
        try:
            sessions[-1].push(TextChunk("what", typed=False))
        except SessionClosed:
            continue


async def converse(
    client: Client, kind: Kind, losses: list[Loss], laid: list[float], spoken: list[float], *, token: bool
) -> None:
    store = shared_store()
    host = Host(store, model(1, kind))
    async with anyio.create_task_group() as tasks:
        session: Session = await tasks.start(host.live, client)
        session.delegate("everything there is to know")
        sessions = [session]
        tasks.start_soon(lay_notes, store, laid)
        tasks.start_soon(speak, sessions, spoken)
        await until(0.55)
        for number, loss in enumerate(losses):
            await lose(host, client, loss)
            host = Host(store, model(1 + number % 3, kind))
            sessions.append(await tasks.start(host.live, client, client.token if token else None))
        await anyio.sleep(LONG_ENOUGH)
        assert sessions[-1].token_refused == ""
        assert sessions[-1].undelivered == ()
        host.leave()
    for replayed in await replay_decisions(ConversationId(NAME), await log_of(store)):
        assert replayed.difference is None


async def lose(host: Host, client: Client, loss: Loss) -> None:
    lives = loss.lives
    await anyio.sleep(max(0.0, loss.after - loss.unwritten))
    host.lifeline.writes = lives
    await anyio.sleep(min(loss.after, loss.unwritten))
    host.connected = False
    client.plays(loss.words)
    if not lives:
        host.die()
    await anyio.sleep(loss.away)


def heard_after(
    client: Client, kind: Kind, losses: list[Loss], laid: list[float], spoken: list[float], *, token: bool
) -> Counter[str]:
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(converse(client, kind, losses, laid, spoken, token=token))
    return Counter(client.heard)


quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(kinds, losses, laid_at, spoken_at)
def test_with_a_token_every_word_of_every_note_is_heard_once_and_in_order(
    kind: Kind, losses: list[Loss], laid: list[float], spoken: list[float]
) -> None:
    client = Client()
    heard = heard_after(client, kind, losses, laid, spoken, token=True)
    for note in range(NOTES):
        assert {word: heard[word] for word in words_of(note)} == dict.fromkeys(words_of(note), 1)
        assert [word for word in client.heard if word.startswith(f"n{note}w")] == words_of(note)


@quick
@given(kinds, losses, laid_at)
def test_a_client_that_tells_its_host_nothing_still_hears_everything_once_with_its_token(
    kind: Kind, losses: list[Loss], laid: list[float]
) -> None:
    client = Client(reports=False)
    heard = heard_after(client, kind, losses, laid, [], token=True)
    for note in range(NOTES):
        assert {word: heard[word] for word in words_of(note)} == dict.fromkeys(words_of(note), 1)


@quick
@given(kinds, losses, laid_at, spoken_at)
def test_without_a_token_everything_is_heard_and_what_is_told_again_is_marked(
    kind: Kind, losses: list[Loss], laid: list[float], spoken: list[float]
) -> None:
    client = Client()
    died = [loss._replace(lives=False) for loss in losses]
    heard = heard_after(client, kind, died, laid, spoken, token=False)
    woven = [note for turn in client.turns for note in turn.woven]
    for note in range(NOTES):
        counts = [heard[word] for word in words_of(note)]
        assert min(counts) >= 1
        marked = any(each.maybe_heard for each in woven if each.id == f"d1.{note}")
        assert max(counts) == 1 or marked
