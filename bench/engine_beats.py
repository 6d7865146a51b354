"""What a beat is for an engine: a chunk of the person's words is appended, a few tokens are made."""

import random
import time
from collections.abc import Sequence
from contextlib import aclosing

import anyio
from measuring import quantile

from counterpoint.engines.streaming import Engine, StreamingSession

CHUNK, MADE = 13, 2
"""Tokens that a beat appends, and makes: typing or talking at 160 words a minute takes less."""

BEAT_MS = 200

TALK = (
    "So this morning I walked along the river and thought about what we said, and I wonder whether you remember the "
    "old station with the clock that nobody ever wound up, where the train to the mountains used to leave at noon. "
)


class Talk:
    """Words without an end; two of them differ from the first word on."""

    def __init__(self, engine: Engine, seed: int) -> None:
        words = TALK.split()
        random.Random(seed).shuffle(words)
        self._tokens = engine.tokenizer.encode(" ".join(words))
        self._at = 0

    def next(self, count: int) -> list[int]:
        begin, self._at = self._at, self._at + count
        return [self._tokens[at % len(self._tokens)] for at in range(begin, self._at)]


async def beat(session: StreamingSession, chunk: Sequence[int], made: int = MADE) -> tuple[float, list[int]]:
    """Milliseconds, and the tokens that were made."""
    begun = time.perf_counter()
    await session.append(chunk)
    async with aclosing(session.generate(made)) as tokens:
        taken = [token async for token in tokens]
    return (time.perf_counter() - begun) * 1000, taken


async def at_once(engine: Engine, conversations: int, *, begin: int, beats: int) -> dict[str, float]:
    """Each conversation begins its next beat as soon as the last has ended: the shortest cadence that can be kept."""
    took: list[float] = []
    words = 0

    async def converse(session: StreamingSession, talk: Talk) -> None:
        nonlocal words
        for _ in range(beats):
            each, made = await beat(session, talk.next(CHUNK))
            took.append(each)
            words += engine.tokenizer.decode(made).count(" ")

    sessions = [await engine.open() for _ in range(conversations)]
    talks = [Talk(engine, seed) for seed in range(conversations)]
    for session, talk in zip(sessions, talks, strict=True):
        await session.append(talk.next(begin))
        await beat(session, talk.next(CHUNK))
    begun = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for session, talk in zip(sessions, talks, strict=True):
            tasks.start_soon(converse, session, talk)
    seconds = time.perf_counter() - begun
    for session in sessions:
        await session.aclose()
    return {
        "p50_ms": quantile(took, 0.5),
        "p95_ms": quantile(took, 0.95),
        "words_per_second": words / seconds,
        "tokens_per_second": len(took) * (CHUNK + MADE) / seconds,
    }
