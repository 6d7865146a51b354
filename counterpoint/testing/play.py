"""Play a conversation: a scripted person, a runtime, a listener who hears everything; then look at what happened."""

import math
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from typing import Any, TypeVar, overload

import anyio

from counterpoint.config import BEAT_SECONDS
from counterpoint.errors import SessionClosed
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Body, Stored
from counterpoint.testing.person import Cue

Kind = TypeVar("Kind", bound=Body)
Listener = Callable[[Session, MicroTurn], None]


def hears_everything(session: Session, turn: MicroTurn) -> None:
    """Acknowledges every micro-turn as played."""
    if turn.text or turn.audio:
        session.played(turn)


def acknowledges_nothing(session: Session, turn: MicroTurn) -> None:
    """What is said counts as heard only by assumption."""


class Performance(Sequence[MicroTurn]):
    """What was played: the micro-turns in order, and the log (`entries`) as it stood at the end."""

    def __init__(self, turns: list[MicroTurn], entries: Sequence[Stored]) -> None:
        self._turns = turns
        self.entries = entries

    @overload
    def __getitem__(self, index: int) -> MicroTurn: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[MicroTurn]: ...
    def __getitem__(self, index: int | slice) -> MicroTurn | Sequence[MicroTurn]:
        return self._turns[index]

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[MicroTurn]:
        return iter(self._turns)

    @property
    def said(self) -> str:
        """Everything that the agent expressed, in order."""
        return "".join(turn.text for turn in self._turns).strip()

    @property
    def woven(self) -> dict[str, int]:
        """The text of each woven note and the beat at which it entered (last, if more than once)."""
        return {note.text: turn.beat for turn in self._turns for note in turn.woven}

    def bodies(self, kind: type[Kind]) -> list[Kind]:
        """The log's entries of one kind, without their headers."""
        return [stored.entry.body for stored in self.entries if isinstance(stored.entry.body, kind)]

    def said_at(self, words: str) -> int:
        """The beat in which the first of these words was said. Raises `ValueError` if they never were."""
        said = "".join(turn.text for turn in self._turns)
        start = said.find(words)
        if start < 0:
            raise ValueError(f"never said: {words!r}; said: {said!r}")
        for turn in self._turns:
            if start < len(turn.text):
                return turn.beat
            start -= len(turn.text)
        raise AssertionError("unreachable: the words were found above")


async def play(
    runtime: Runtime,
    person: Sequence[Cue] = (),
    beats: int = 20,
    *,
    listener: Listener = hears_everything,
    also: Callable[[Session], Any] | None = None,
    conversation: str | None = None,
    **options: Any,
) -> Performance:
    """Open a session, let the person act, and live through `beats` beats (fewer if the conversation ends).

    `also`: an async function of the session that runs beside the person (the application's part). `options` go to
    `Runtime.session`. An error of the session is raised.
    """
    turns: list[MicroTurn] = []
    store = runtime.store
    async with store:
        name = conversation or f"played-{id(turns):x}"
        async with runtime.session(name, **options) as session, anyio.create_task_group() as tasks:
            tasks.start_soon(_act, session, sorted(person, key=lambda cue: cue.at))
            if also is not None:
                tasks.start_soon(also, session)
            async for turn in _until(session, beats):
                listener(session, turn)
                turns.append(turn)
            tasks.cancel_scope.cancel()
        entries = await store.read(session.conversation, limit=1_000_000)
    return Performance(turns, entries)


async def _until(session: Session, beats: int) -> AsyncGenerator[MicroTurn, None]:
    first = session.beat
    async for turn in session:
        yield turn
        if turn.part == 0 and turn.beat >= first + beats - 1:
            return


async def _act(session: Session, cues: Sequence[Cue]) -> None:
    """Cues count from the session's start, which the loop's clock may have rounded up to the grid."""
    start = anyio.current_time()
    start = math.ceil(start / BEAT_SECONDS - 1e-6) * BEAT_SECONDS
    for cue in cues:
        await anyio.sleep_until(start + cue.at)
        try:
            session.push(cue.chunk)
        except SessionClosed:
            return
