"""Who shares a step of vLLM's core: a double of the core that computes whatever it has when it is free."""

import anyio
import pytest

from counterpoint.engines.vllm_gathering import Gathering
from counterpoint.errors import EngineError

pytestmark = pytest.mark.virtual

STEP = 0.05


class Core:
    """`steps`: who shared each."""

    def __init__(self) -> None:
        self.steps: list[set[str]] = []
        self.held = False
        self.dead = False
        self.gathering = Gathering(self.hold, self.release)
        self._given: list[Session] = []
        self._changed = anyio.Event()

    async def hold(self) -> None:
        if self.dead:
            raise EngineError("dead")
        self.held = True

    async def release(self) -> None:
        self.held = False
        self.stir()

    def stir(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    def take(self, session: "Session") -> None:
        self._given.append(session)
        self.stir()

    async def run(self) -> None:
        while True:
            while self.held or not self._given:
                await self._changed.wait()
            step, self._given = self._given, []
            self.steps.append({session.name for session in step})
            await anyio.sleep(STEP)
            for session in step:
                session.done.set()


class Session:
    """`deaf`: what it sends never reaches the core."""

    def __init__(self, core: Core, name: str, *, deaf: bool = False) -> None:
        self.name = name
        self.done = anyio.Event()
        self._core = core
        self._deaf = deaf
        self._given = anyio.Event()

    def send(self) -> None:
        if not self._deaf:
            self._core.take(self)
            self._given.set()

    async def sent(self) -> None:
        await self._given.wait()

    async def chunks(self, count: int, *, after: float = 0.0, pause: float = 0.001) -> None:
        await anyio.sleep(after)
        for _ in range(count):
            self.done, self._given = anyio.Event(), anyio.Event()
            try:
                await self._core.gathering.send(self)
                await self.done.wait()
            finally:
                self._core.gathering.land(self)
            await anyio.sleep(pause)


async def test_sessions_out_of_phase_come_to_share_every_step() -> None:
    core = Core()
    async with anyio.create_task_group() as running:
        running.start_soon(core.run)
        async with anyio.create_task_group() as talking:
            talking.start_soon(Session(core, "a").chunks, 4)
            talking.start_soon(lambda: Session(core, "b").chunks(3, after=STEP / 2))
            talking.start_soon(lambda: Session(core, "c").chunks(3, after=STEP / 3))
        running.cancel_scope.cancel()
    assert core.steps == [{"a"}, *[{"a", "b", "c"}] * 3]


async def test_a_session_alone_never_waits() -> None:
    core = Core()
    async with anyio.create_task_group() as running:
        running.start_soon(core.run)
        begun = anyio.current_time()
        await Session(core, "a").chunks(3, pause=0.0)
        assert anyio.current_time() - begun == pytest.approx(3 * STEP)
        running.cancel_scope.cancel()


async def test_whoever_does_not_come_back_is_not_waited_for_long() -> None:
    core = Core()
    async with anyio.create_task_group() as running:
        running.start_soon(core.run)
        async with anyio.create_task_group() as talking:
            talking.start_soon(Session(core, "a").chunks, 1)
            talking.start_soon(lambda: Session(core, "b").chunks(2, after=STEP / 2, pause=0.0))
        assert anyio.current_time() < 3 * STEP + 0.01
        running.cancel_scope.cancel()
    assert core.steps == [{"a"}, {"b"}, {"b"}]


async def test_whoever_is_cancelled_while_waiting_takes_no_step_and_the_others_go_on() -> None:
    core = Core()
    async with anyio.create_task_group() as running:
        running.start_soon(core.run)
        async with anyio.create_task_group() as talking, anyio.create_task_group() as leaving:
            talking.start_soon(Session(core, "a").chunks, 2)
            leaving.start_soon(lambda: Session(core, "b").chunks(1, after=STEP / 3))
            talking.start_soon(lambda: Session(core, "c").chunks(1, after=STEP / 2))
            await anyio.sleep(STEP * 0.75)
            leaving.cancel_scope.cancel()
        running.cancel_scope.cancel()
    assert core.steps == [{"a"}, {"a", "c"}]


async def test_a_step_that_nobody_waits_for_any_more_holds_nobody_up() -> None:
    core = Core()
    async with anyio.create_task_group() as leaving:
        leaving.start_soon(Session(core, "a").chunks, 1)
        await anyio.sleep(STEP)
        leaving.cancel_scope.cancel()
    async with anyio.create_task_group() as running:
        running.start_soon(core.run)
        await Session(core, "b").chunks(1)
        running.cancel_scope.cancel()
    assert core.steps[-1] >= {"b"}


@pytest.mark.parametrize("dead", [False, True])
async def test_the_core_is_released_even_if_something_on_its_way_never_arrives(dead: bool) -> None:
    """Nor does a core that cannot be held keep anybody from sending."""
    core = Core()
    core.dead = dead
    async with anyio.create_task_group() as running:
        running.start_soon(core.run)
        async with anyio.create_task_group() as talking, anyio.create_task_group() as lost:
            talking.start_soon(Session(core, "a").chunks, 2)
            talking.start_soon(lambda: Session(core, "b").chunks(1, after=STEP / 3))
            lost.start_soon(lambda: Session(core, "c", deaf=True).chunks(1, after=STEP / 2))
            await anyio.sleep(STEP * 5)
            lost.cancel_scope.cancel()
        running.cancel_scope.cancel()
    assert not core.held
    assert {"a", "b"} in core.steps
