"""Who computes next."""

import anyio
import pytest

from counterpoint.engines.turnstile import Lane, Turnstile

pytestmark = pytest.mark.virtual


class Queue:
    """Callers of a turnstile, and the order in which they passed."""

    def __init__(self):
        self.turnstile = Turnstile(linger=0.01)
        self.passed = []

    async def call(self, name, lane, seconds=1.0):
        async with self.turnstile.turn(lane):
            self.passed.append((name, anyio.current_time()))
            await anyio.sleep(seconds)

    @property
    def order(self):
        return [name for name, _ in self.passed]


async def test_a_live_caller_goes_before_background_ones_that_came_earlier():
    queue = Queue()
    async with anyio.create_task_group() as tasks:
        for name, lane in [("first", Lane.BACKGROUND), ("second", Lane.BACKGROUND), ("live", Lane.LIVE)]:
            tasks.start_soon(queue.call, name, lane)
            await anyio.sleep(0.1)
    assert queue.order == ["first", "live", "second"]


async def test_callers_of_a_lane_go_in_the_order_in_which_they_came():
    queue = Queue()
    async with anyio.create_task_group() as tasks:
        for name in "abcd":
            tasks.start_soon(queue.call, name, Lane.LIVE)
            await anyio.sleep(0.1)
    assert queue.order == ["a", "b", "c", "d"]
    assert [at for _, at in queue.passed] == pytest.approx([0, 1, 2, 3])


async def test_a_beat_waits_for_one_turn_of_the_background_and_not_for_one_in_each_of_its_gaps():
    queue = Queue()

    async def think():
        while True:
            await queue.call("background", Lane.BACKGROUND, 0.05)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(think)
        await anyio.sleep(0.22)
        queue.passed.clear()
        for part in ("append", "first token", "second token"):
            await queue.call(part, Lane.LIVE, 0.03)
            await anyio.sleep(0.001)
        assert queue.order == ["append", "first token", "second token"]
        await anyio.sleep(0.1)
        assert queue.order[3:] == ["background", "background"]
        tasks.cancel_scope.cancel()


async def test_the_background_goes_on_as_soon_as_nobody_is_live():
    queue = Queue()
    await queue.call("live", Lane.LIVE)
    await queue.call("background", Lane.BACKGROUND)
    assert queue.passed[1] == ("background", pytest.approx(1.01))


async def test_who_is_cancelled_while_waiting_is_not_waited_for():
    queue = Queue()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(queue.call, "first", Lane.LIVE)
        await anyio.sleep(0.1)
        with anyio.move_on_after(0.1):
            await queue.call("impatient", Lane.LIVE)
        tasks.start_soon(queue.call, "second", Lane.BACKGROUND)
    assert queue.order == ["first", "second"]


async def test_who_is_cancelled_during_a_turn_hands_it_on():
    queue = Queue()
    async with anyio.create_task_group() as tasks:
        with anyio.move_on_after(0.5):
            tasks.start_soon(queue.call, "waiting", Lane.LIVE)
            await queue.call("cancelled", Lane.LIVE, 10)
    assert queue.order[-1] == "waiting"


async def test_an_error_in_a_turn_is_nobody_elses():
    queue = Queue()
    with pytest.raises(ZeroDivisionError):
        async with queue.turnstile.turn(Lane.LIVE):
            1 / 0  # noqa: B018
    await queue.call("next", Lane.BACKGROUND)
    assert queue.order == ["next"]
