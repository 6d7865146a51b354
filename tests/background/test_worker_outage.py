"""The store does not answer for a while, under the feet of a worker."""

import anyio
import pytest

from counterpoint.shared_context.delegations import DelegationState
from counterpoint.shared_context.entries import NoteLaid, Settled, Taken
from counterpoint.testing.scripted_background import Answer, Say, ScriptedBackground

pytestmark = pytest.mark.virtual


async def test_what_is_found_during_an_outage_is_told_after_it_in_order_and_once(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        script = [Say("One.", after=2), Say("Two.", after=1), Answer("Three.", after=1)]
        await host.work(ScriptedBackground(script), store=cable)
        await host.ask()
        await anyio.sleep(1)
        cable.pull()
        await anyio.sleep(5)
        cable.plug()
        await host.settled()
        assert anyio.current_time() < 6.5
        assert len(await host.bodies(Taken)) == 1
    assert [text for _, text in await host.told()] == ["One.", "Two.", "Three."]


@pytest.mark.parametrize("began", [1.05, 1.15, 1.25, 1.35, 1.45])
@pytest.mark.parametrize("seconds", [3.0, 3.1, 3.2, 3.3])
async def test_after_an_outage_a_worker_does_not_take_its_own_work_away_from_itself(scene, outage, began, seconds):
    async with scene() as host:
        cable = outage(host.memory)
        await host.work(ScriptedBackground(after=9, answer="10:14"), store=cable)
        await host.ask()
        await anyio.sleep(began)
        cable.pull()
        await anyio.sleep(seconds)
        cable.plug()
        await host.settled()
        assert len(await host.bodies(Taken)) == 1


async def test_a_worker_that_was_given_its_own_work_again_goes_on_with_the_newer_lease(scene):
    class Forgetful:
        """Its renewals never arrive."""

        def __init__(self, store):
            self._store = store

        def __getattr__(self, name):
            return getattr(self._store, name)

        async def renew(self, lease):
            pass

    async with scene() as host:
        model = ScriptedBackground(after=3, answer="10:14")
        worker = await host.work(model, store=Forgetful(host.memory))
        await host.ask()
        await host.until(Taken, 2)
        await anyio.sleep(0.1)
        assert (worker.busy, model.thinking) == (1, 1)


async def test_what_a_store_lost_when_it_was_set_back_is_sent_again(scene):
    class SetBack:
        """Takes what is appended, and has forgotten the first of it when the next comes."""

        def __init__(self, store):
            self._store = store
            self._forgets = True

        def __getattr__(self, name):
            return getattr(self._store, name)

        async def append(self, fence, entries):
            if self._forgets and fence.delegation and any(isinstance(entry.body, NoteLaid) for entry in entries):
                self._forgets = False
                return [0 for _ in entries]
            return await self._store.append(fence, entries)

    async with scene() as host:
        script = [Say("One.", after=1), Say("Two.", after=1), Answer("Three.", after=1)]
        await host.work(ScriptedBackground(script), store=SetBack(host.memory))
        await host.ask()
        await host.settled()
    assert [text for _, text in await host.told()] == ["One.", "Two.", "Three."]


async def test_a_long_outage_delays_the_result_and_does_not_lose_it(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        model = ScriptedBackground(after=2, answer="10:14")
        await host.work(model, store=cable)
        await host.ask(seconds=120)
        await anyio.sleep(1)
        cable.pull()
        await anyio.sleep(100)
        cable.plug()
        assert await host.state() is DelegationState.DONE
    assert await host.told() == [("result", "10:14")]
    assert len(model.rounds) == 1


async def test_the_work_goes_on_while_the_store_is_away(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        model = ScriptedBackground([Say("One.", after=3), Answer("Two.", after=1)])
        await host.work(model, store=cable)
        await host.ask()
        await anyio.sleep(1)
        cable.pull()
        await anyio.sleep(4)
        assert model.thinking == 0
        model.assert_done()
        cable.plug()
        await host.settled()


async def test_replies_that_are_lost_double_nothing(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        await host.work(ScriptedBackground([Say("One.", after=2), Answer("Two.", after=1)]), store=cable)
        await host.ask()
        await anyio.sleep(1)
        cable.lossy = True
        await anyio.sleep(4)
        cable.lossy = False
        await anyio.sleep(2)
        assert [text for _, text in await host.told()] == ["One.", "Two."]
        assert len(await host.bodies(Settled)) == 1


async def test_a_worker_that_starts_during_an_outage_begins_when_it_is_over(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        cable.pull()
        await host.work(ScriptedBackground(answer="10:14"), store=cable)
        await host.ask()
        await anyio.sleep(5)
        cable.plug()
        assert await host.state() is DelegationState.DONE


async def test_a_store_that_is_away_is_not_asked_in_a_busy_loop(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        await host.work(ScriptedBackground(after=200, answer="-"), store=cable)
        await host.ask()
        await anyio.sleep(1)
        cable.pull()
        cable.asked = 0
        await anyio.sleep(10)
        assert 10 < cable.asked < 300
        cable.plug()


async def test_a_correction_made_during_the_outage_is_heard_after_it(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        scripts = {"lyon": [Answer("Lyon.", after=20)], "nice": [Answer("Nice.")]}
        await host.work(ScriptedBackground(scripts), store=cable)
        delegation = await host.ask("to Lyon")
        await anyio.sleep(1)
        cable.pull()
        await host.amend(delegation, "to Nice")
        await anyio.sleep(3)
        cable.plug()
        await host.settled()
        assert anyio.current_time() < 5
    assert await host.told() == [("result", "Nice.")]


async def test_a_store_that_never_comes_back_does_not_keep_the_worker_from_ending(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        worker = host.worker(ScriptedBackground(after=2, answer="10:14"), store=cable)
        async with anyio.create_task_group() as tasks:
            await tasks.start(worker.run)
            await host.ask(seconds=20)
            await anyio.sleep(1)
            cable.pull()
            await anyio.sleep(60)
            assert worker.busy == 0
            await worker.drain(1)
        assert await host.bodies(NoteLaid) == []


async def test_a_stall_of_a_second_does_not_lose_the_lease(scene, outage):
    async with scene() as host:
        first = outage(host.memory)
        await host.work(ScriptedBackground(after=8, answer="first"), store=first)
        await host.ask()
        await host.until(Taken)
        await host.work(ScriptedBackground(answer="second"))
        for _ in range(4):
            await anyio.sleep(0.6)
            first.pull()
            await anyio.sleep(1.0)
            first.plug()
        await host.settled()
    assert await host.told() == [("result", "first")]


async def test_a_store_that_does_not_come_back_does_not_keep_a_worker_from_closing(scene, outage, caplog):
    async with scene() as host:
        cable = outage(host.memory)
        worker = host.worker(ScriptedBackground(after=2, answer="10:14"), store=cable)
        async with anyio.create_task_group() as tasks:
            await tasks.start(worker.run)
            await host.ask()
            await anyio.sleep(1)
            cable.pull()
            await anyio.sleep(2)
            began = anyio.current_time()
            await worker.drain(1)
            assert anyio.current_time() - began < 10
    assert "its end could not be written" in caplog.text


async def test_an_answer_that_could_not_be_written_is_found_anew(scene, outage):
    async with scene() as host:
        cable = outage(host.memory)
        worker = host.worker(ScriptedBackground(after=2, answer="first"), store=cable)
        async with anyio.create_task_group() as tasks:
            await tasks.start(worker.run)
            await host.ask()
            await anyio.sleep(1)
            cable.pull()
            await anyio.sleep(2)
            await worker.drain(1)
        await host.work(ScriptedBackground(answer="second"))
        await host.settled()
    assert await host.told() == [("result", "second")]
