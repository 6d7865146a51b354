import asyncio

import anyio
import anyio.to_thread
import pytest

from counterpoint.testing.virtual_time import Hang, VirtualTimeLoop


@pytest.mark.virtual
async def test_an_hour_passes_at_once() -> None:
    begun = anyio.current_time()
    await anyio.sleep(3600)
    assert anyio.current_time() - begun == 3600


@pytest.mark.virtual
async def test_deadlines_fire_in_their_order() -> None:
    order: list[str] = []

    async def after(seconds: float, name: str) -> None:
        await anyio.sleep(seconds)
        order.append(name)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(after, 2, "second")
        tasks.start_soon(after, 1, "first")
    with anyio.move_on_after(5) as scope:
        await anyio.sleep(10)
    assert order == ["first", "second"]
    assert scope.cancelled_caught


def test_a_hang_is_a_named_failure() -> None:
    async def hang() -> None:
        await asyncio.get_running_loop().create_future()

    loop = VirtualTimeLoop()
    with pytest.raises(Hang, match="every task waits"):
        loop.run_until_complete(hang())
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop), return_exceptions=True))
    loop.close()


@pytest.mark.virtual
async def test_worker_threads_are_refused() -> None:
    with pytest.raises(Hang, match="worker threads"):
        await asyncio.get_running_loop().run_in_executor(None, print)
