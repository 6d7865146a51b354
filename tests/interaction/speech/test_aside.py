"""Work that nobody waits for: its futures come back, fail, are given up and are closed, and nothing is left running."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import Future
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from counterpoint.errors import ConfigurationError, EngineError
from counterpoint.interaction.speech.aside import Aside

pytestmark = pytest.mark.real


class Kept:
    """Something that is held open; `fails`: it cannot be."""

    def __init__(self, *, fails: bool = False) -> None:
        self.open = False
        self.fails = fails

    @asynccontextmanager
    async def entered(self) -> AsyncGenerator[None, None]:
        if self.fails:
            raise ConfigurationError("no proxy")
        self.open = True
        try:
            yield
        finally:
            self.open = False


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def aside(kept: Kept) -> Generator[Aside, None, None]:
    aside = Aside("the ears", kept.entered())
    yield aside
    aside.close()


async def come(future: Future[object]) -> object:
    with anyio.fail_after(10):
        return await asyncio.wrap_future(future)


async def ended() -> None:
    with anyio.fail_after(10):
        while any(thread.name == "the ears" for thread in threading.enumerate()):
            await anyio.sleep(0.005)


async def test_work_is_done_elsewhere_and_several_at_once(aside: Aside, kept: Kept) -> None:
    meeting = [0]

    async def work() -> str:
        meeting[0] += 1
        while meeting[0] < 3:
            await anyio.sleep(0.001)
        return threading.current_thread().name

    assert [await come(each) for each in [aside.start(work) for _ in range(3)]] == ["the ears"] * 3
    assert kept.open


async def test_an_error_is_its_futures_own(aside: Aside) -> None:
    async def fail() -> None:
        raise EngineError("no such model")

    async def work() -> int:
        return 7

    failed, done = aside.start(fail), aside.start(work)
    with pytest.raises(EngineError, match="no such model"):
        await come(failed)
    assert await come(done) == 7


async def test_what_is_given_up_is_stopped_wherever_it_is(aside: Aside) -> None:
    stopped: list[int] = []

    async def work(number: int) -> None:
        try:
            await anyio.sleep(60)
        finally:
            stopped.append(number)

    for number in range(20):
        given_up = aside.start(lambda number=number: work(number))
        await anyio.sleep(number * 0.0005)
        assert given_up.cancel()

    async def work_after() -> str:
        return "done"

    assert await come(aside.start(work_after)) == "done"
    assert set(stopped) <= set(range(20))


async def test_closing_stops_what_is_under_way_and_refuses_what_comes(aside: Aside, kept: Kept) -> None:
    under_way = aside.start(lambda: anyio.sleep(60))
    while not kept.open:
        await anyio.sleep(0.001)
    aside.close()
    aside.close()
    with pytest.raises(EngineError, match="the ears was closed"):
        await come(under_way)
    with pytest.raises(EngineError, match="the ears was closed"):
        await come(aside.start(anyio.lowlevel.checkpoint))
    await ended()
    assert not kept.open


async def test_what_cannot_be_kept_open_hinders_no_work() -> None:
    aside = Aside("the ears", Kept(fails=True).entered())

    async def work() -> str:
        return "done"

    assert await come(aside.start(work)) == "done"
    aside.close()
    await ended()


async def test_what_was_never_used_has_no_thread(aside: Aside) -> None:
    assert not any(thread.name == "the ears" for thread in threading.enumerate())
