"""Workers lose the store at random moments, come back, drain and are replaced; delegations are corrected and withdrawn.

Whatever happens: every delegation ends once, nothing is told twice, and nothing is changed twice.
"""

import random
from collections import Counter

import anyio
import pytest

from counterpoint.shared_context.entries import Settled, ToolCalled, Withdrawn
from counterpoint.shared_context.notes import NoteKind
from counterpoint.testing.scripted_background import Answer, Call, Progress, Say, ScriptedBackground
from counterpoint.tools.context import ToolContext
from counterpoint.tools.definition import tool

pytestmark = pytest.mark.virtual

SECONDS = 60
DELEGATIONS = 12


def script(word):
    return [
        Progress(f"looking for {word}", after=0.2),
        Call("look", {"word": word}),
        Say(f"{word} is known.", after=0.5),
        Call("book", {"word": word}),
        Answer(f"{word} is known. {word} is booked.", after=0.5),
    ]


async def disturb(cables, seed):
    chance = random.Random(seed)
    while True:
        await anyio.sleep(chance.uniform(0.1, 3))
        cable = chance.choice(cables)
        cable.lossy = chance.random() < 0.3
        cable.pull()
        await anyio.sleep(chance.choice([0.05, 0.5, 1.5, 4]))
        cable.plug()


async def change_minds(host, asked, seed):
    chance = random.Random(seed)
    while True:
        await anyio.sleep(chance.uniform(1, 4))
        ended = {body.delegation for body in (*await host.bodies(Settled), *await host.bodies(Withdrawn))}
        left = [delegation for delegation in asked if delegation not in ended]
        if left and chance.random() < 0.5:
            await host.amend(chance.choice(left), "soon")
        elif left:
            await host.withdraw(chance.choice(left))


@pytest.mark.parametrize("seed", range(10))
async def test_everything_ends_once_whatever_fails(scene, outage, seed):
    changed = Counter()

    @tool
    async def look(word: str) -> str:
        await anyio.sleep(0.7)
        return word

    @tool(effects="write")
    async def book(word: str, context: ToolContext) -> str:
        changed[context.idempotency_key, word] += 1
        await anyio.sleep(0.7)
        return f"booked {word}"

    async with scene() as host:
        cables = [outage(host.memory) for _ in range(3)]
        words = [f"train-{n:02}" for n in range(DELEGATIONS)]
        for number, cable in enumerate(cables):
            model = ScriptedBackground({word: script(word) for word in words})
            await host.work(model, look, book, store=cable, name=f"w{number}", concurrency=3)
        asked = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(disturb, cables, seed)
            tasks.start_soon(change_minds, host, asked, seed)
            for word in words:
                asked.append(await host.ask(word, seconds=SECONDS))
                await anyio.sleep(0.5)
            await anyio.sleep(2 * SECONDS)
            tasks.cancel_scope.cancel()
        for cable in cables:
            cable.plug()
        await anyio.sleep(30)

        settled = Counter(body.delegation for body in await host.bodies(Settled))
        withdrawn = {body.delegation for body in await host.bodies(Withdrawn)}
        assert set(asked) == set(settled) | withdrawn
        assert set(settled.values()) <= {1}
        assert set(changed.values()) <= {1}
        ends = Counter(
            note.delegation
            for note in await host.notes()
            if note.kind in (NoteKind.RESULT, NoteKind.CORRECTION, NoteKind.FAILURE)
        )
        not_withdrawn = [delegation for delegation in asked if delegation not in withdrawn]
        assert [ends[delegation] for delegation in not_withdrawn] == [1] * len(not_withdrawn)
        assert all(ends[delegation] == 0 for delegation in withdrawn)
        calls = Counter(
            (body.delegation, body.call) for body in await host.bodies(ToolCalled) if body.effects == "write"
        )
        assert set(calls.values()) <= {1}
