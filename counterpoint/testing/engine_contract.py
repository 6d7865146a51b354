"""The contract of an engine's streaming sessions, for whoever writes one: subclass it in your tests.

    class TestMyEngine(EngineContract):
        @pytest.fixture
        async def engine(self) -> MyEngine:       # greedy, float32; every session that a test opens is closed again
            ...

It needs pytest with asyncio_mode=auto, and knows no engine. What it compares are greedy choices: where two tokens are
equally likely to the last bit of float32, an engine may take either. `WORDS` is written so that small models do not.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager

import anyio
import pytest

from counterpoint.engines.streaming import Engine, StreamingSession
from counterpoint.errors import ConfigurationError, ContextExhausted, EngineError, EngineFull

WORDS = "It was the best of times, it was the worst of times, it was the age of wisdom"


class EngineContract:
    chunk = 7
    """Tokens that a test appends at once."""

    @pytest.fixture
    def words(self, engine: Engine) -> list[int]:
        return engine.tokenizer.encode(WORDS)

    async def test_a_sequence_grown_in_chunks_goes_on_like_one_read_at_once(
        self, engine: Engine, words: list[int]
    ) -> None:
        """What was generated between two chunks is part of the sequence like any other."""
        committed: list[int] = []
        async with opened(engine) as session:
            for start in range(0, len(words), self.chunk):
                chunk = words[start : start + self.chunk]
                await session.append(chunk)
                committed += chunk
                made = await taken(session, 3)
                assert made == await after(engine, committed, 3)
                committed += made
                assert session.length == len(committed)

    async def test_whoever_stops_listening_leaves_what_was_yielded_and_no_more(
        self, engine: Engine, words: list[int]
    ) -> None:
        for heard in range(4):
            async with opened(engine) as session:
                await session.append(words)
                made: list[int] = []
                async with aclosing(session.generate(8)) as tokens:
                    while len(made) < heard:
                        made.append(await anext(tokens))
                assert session.length == len(words) + heard
                await session.append(words[:3])
                assert await taken(session, 4) == await after(engine, [*words, *made, *words[:3]], 4)

    async def test_generating_goes_on_where_it_was_stopped(self, engine: Engine, words: list[int]) -> None:
        whole = await after(engine, words, 6)
        async with opened(engine) as session:
            await session.append(words)
            assert [*await taken(session, 2), *await taken(session, 4)] == whole

    async def test_a_stop_token_ends_it_and_is_not_in_the_sequence(self, engine: Engine, words: list[int]) -> None:
        free = await after(engine, words, 8)
        stop = free[3]
        expected = free[: free.index(stop)]
        async with opened(engine) as session:
            await session.append(words)
            assert await taken(session, 8, stop=frozenset({stop})) == expected
            assert session.length == len(words) + len(expected)
            assert await taken(session, 8, stop=frozenset({stop})) == []
            assert await taken(session, 8 - len(expected)) == free[len(expected) :]

    async def test_after_a_stop_the_caller_may_write_something_else(self, engine: Engine, words: list[int]) -> None:
        stop = (await after(engine, words, 1))[0]
        async with opened(engine) as session:
            await session.append(words)
            assert await taken(session, 4, stop=frozenset({stop})) == []
            await session.append(words[:2])
            assert await taken(session, 4) == await after(engine, [*words, *words[:2]], 4)

    async def test_banned_tokens_are_never_chosen_not_even_after_they_were_the_next(
        self, engine: Engine, words: list[int]
    ) -> None:
        free = frozenset(await after(engine, words, 4))
        banned = await after(engine, words, 4, banned=free)
        assert not free & set(banned)
        async with opened(engine) as session:
            await session.append(words)
            assert await taken(session, 1, stop=free) == []
            assert await taken(session, 4, banned=free) == banned

    async def test_an_empty_chunk_changes_nothing(self, engine: Engine, words: list[int]) -> None:
        async with opened(engine) as session:
            await session.append(words)
            await session.append([])
            assert session.length == len(words)
            assert await taken(session, 3) == await after(engine, words, 3)

    async def test_two_sessions_in_turns_do_not_see_each_other(self, engine: Engine, words: list[int]) -> None:
        backwards = words[::-1]
        async with opened(engine) as one, opened(engine) as other:
            for start in range(0, len(words), self.chunk):
                await one.append(words[start : start + self.chunk])
                await other.append(backwards[start : start + self.chunk])
            first, second = await taken(one, 4), await taken(other, 4)
        assert first == await after(engine, words, 4)
        assert second == await after(engine, backwards, 4)

    async def test_two_sessions_at_once_do_not_see_each_other(self, engine: Engine, words: list[int]) -> None:
        made: dict[str, list[int]] = {}

        async def live(name: str, tokens: Sequence[int]) -> None:
            async with opened(engine) as session:
                for start in range(0, len(tokens), self.chunk):
                    await session.append(tokens[start : start + self.chunk])
                made[name] = await taken(session, 4)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(live, "one", words)
            tasks.start_soon(live, "other", words[::-1])
        assert made == {"one": await after(engine, words, 4), "other": await after(engine, words[::-1], 4)}

    async def test_whoever_is_cancelled_leaves_a_whole_sequence(self, engine: Engine, words: list[int]) -> None:
        """It holds all that was appended, and of what was generated all that was yielded."""
        async with opened(engine) as session:
            await session.append(words)
            made: list[int] = []

            async def speak() -> None:
                async with aclosing(session.generate(50)) as tokens:
                    async for token in tokens:
                        made.append(token)  # noqa: PERF401 (cancelled in the middle, it keeps what was yielded)

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(speak)
                while len(made) < 2:  # noqa: ASYNC110 (there is nothing to wait for but the engine)
                    await anyio.sleep(0.001)
                tasks.cancel_scope.cancel()
            assert session.length == len(words) + len(made)
            await session.append(words[:3])
            assert await taken(session, 4) == await after(engine, [*words, *made, *words[:3]], 4)

    async def test_the_end_of_a_sequence_can_be_taken_back_where_the_engine_says_so(
        self, engine: Engine, words: list[int]
    ) -> None:
        async with opened(engine) as session:
            await session.append(words)
            await taken(session, 3)
            if not engine.capabilities.truncatable:
                with pytest.raises(ConfigurationError):
                    await session.truncate(2)
                return
            with pytest.raises(ConfigurationError, match=str(len(words) + 3)):
                await session.truncate(len(words) + 4)
            await session.truncate(len(words) - 2)
            assert session.length == len(words) - 2
            assert await taken(session, 4) == await after(engine, words[:-2], 4)

    async def test_what_does_not_fit_is_refused_before_anything_happens(self, engine: Engine, words: list[int]) -> None:
        longest = engine.capabilities.max_length
        async with opened(engine) as session:
            await session.append((words * (longest // len(words) + 1))[: longest - 2])
            with pytest.raises(ContextExhausted, match=f"{longest - 2} of {longest}"):
                await session.append(words[:3])
            assert session.length == longest - 2
            with pytest.raises(ContextExhausted):
                await taken(session, 9)
            assert session.length == longest

    async def test_a_number_that_is_no_token_is_refused_before_anything_happens(
        self, engine: Engine, words: list[int]
    ) -> None:
        async with opened(engine) as session:
            for wrong in (-1, 1 << 30):
                with pytest.raises(EngineError, match=str(wrong)):
                    await session.append([words[0], wrong])
            assert session.length == 0

    async def test_an_empty_sequence_has_nothing_to_go_on_from(self, engine: Engine) -> None:
        async with opened(engine) as session:
            with pytest.raises(ConfigurationError, match="append"):
                await taken(session, 1)

    async def test_an_engine_that_is_full_says_so_and_closing_makes_room(
        self, engine: Engine, words: list[int]
    ) -> None:
        """However many it holds, there is an end to it, and it comes before anything is computed."""
        held: list[StreamingSession] = []
        try:
            with pytest.raises(EngineFull):  # noqa: PT012 (which of them is refused is the engine's business)
                while len(held) < 10_000:
                    held.append(await engine.open())
            last = held.pop()
            await last.aclose()
            await last.aclose()
            with pytest.raises(EngineError, match="closed"):
                await last.append(words)
            held.append(await engine.open())
            await held[-1].append(words)
            assert len(await taken(held[-1], 2)) == 2
        finally:
            for session in held:
                await session.aclose()


@asynccontextmanager
async def opened(engine: Engine) -> AsyncGenerator[StreamingSession, None]:
    session = await engine.open()
    try:
        yield session
    finally:
        await session.aclose()


async def taken(
    session: StreamingSession, count: int, *, stop: frozenset[int] = frozenset(), banned: frozenset[int] = frozenset()
) -> list[int]:
    async with aclosing(session.generate(count, stop=stop, banned=banned)) as tokens:
        return [token async for token in tokens]


async def after(
    engine: Engine, tokens: Sequence[int], count: int, *, banned: frozenset[int] = frozenset()
) -> list[int]:
    """What follows these tokens where they are read at once, in a session of their own."""
    async with opened(engine) as session:
        await session.append(tokens)
        return await taken(session, count, banned=banned)
