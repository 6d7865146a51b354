"""A pass that fails on the engine's thread: what the caller is told, and what of the sequence remains."""

import anyio
import anyio.to_thread
import pytest
from test_local_engine import after, loaded, taken

from counterpoint.errors import EngineError

pytestmark = pytest.mark.real


class Fault:
    """Makes the model's last layer raise, `times` times; the layers before it have then written their caches."""

    def __init__(self, engine, error, times=1):
        self.left = times
        self._error = error
        layer = engine._model._model.model.layers[-1]
        self._hook = layer.register_forward_pre_hook(self._strike)

    def _strike(self, *_):
        if self.left:
            self.left -= 1
            raise self._error

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._hook.remove()


@pytest.fixture
async def engine(tiny_folder):
    engine = await loaded(tiny_folder, seed=7)
    yield engine
    await engine.aclose()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 byte"), "out of memory"),
        (MemoryError(), "out of memory"),
        (RuntimeError("shapes differ"), "could not compute: shapes differ"),
        (IndexError("17"), "could not compute: 17"),
    ],
)
async def test_a_failing_pass_is_told_as_an_engine_error_and_can_be_repeated(engine, error, told):
    session = await engine.open()
    await session.append([1, 2, 3])
    with Fault(engine, error), pytest.raises(EngineError, match=told):
        await session.append([4, 5])
    assert session.tokens == (1, 2, 3, 4, 5)
    assert await taken(session, 6) == await after(engine, [1, 2, 3, 4, 5], 6)


async def test_a_failure_in_the_middle_of_generating_ends_it_with_what_was_yielded(engine):
    expected = await after(engine, [1, 2, 3], 6)
    session = await engine.open()
    await session.append([1, 2, 3])
    made = []
    with Fault(engine, RuntimeError("no"), times=0) as fault, pytest.raises(EngineError):
        async for token in session.generate(6):
            made.append(token)
            fault.left = int(len(made) == 3)
    assert made == expected[:3]
    assert session.tokens == (1, 2, 3, *expected[:3])
    assert await taken(session, 3) == expected[3:]


async def test_one_sessions_failure_is_not_anothers(engine):
    one, other = await engine.open(), await engine.open()
    await one.append([1, 2])
    await other.append([3, 4])
    with Fault(engine, RuntimeError("no")), pytest.raises(EngineError):
        await one.append([5])
    assert await taken(other, 4) == await after(engine, [3, 4], 4)


async def test_a_background_that_fails_keeps_nobody_out(engine):
    background, live = await engine.background().open(), await engine.open()
    with Fault(engine, RuntimeError("no")), pytest.raises(EngineError):
        await background.append([1] * 100)
    with anyio.fail_after(10):
        await live.append([2])
        await background.append([3])
    assert background.length == 101
