"""A host without beats: it asks, corrects, withdraws and reads the log, and a real worker works on a real store."""

import itertools
from contextlib import AsyncExitStack

import anyio
import anyio.lowlevel
import pytest
from cable import Cable

from counterpoint.background.limits import Limits
from counterpoint.background.worker import Worker
from counterpoint.shared_context.delegations import Delegation, Priority
from counterpoint.shared_context.entries import (
    Amended,
    ApprovalAnswered,
    Asked,
    Closed,
    NoteDropped,
    NoteLaid,
    Opened,
    Settled,
    Turn,
    Withdrawn,
)
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, SessionId, WriterId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.notes import Delivery
from counterpoint.shared_context.scribe import Scribe
from counterpoint.tools.toolbox import Toolbox

EPOCH = 1_700_000_000.0


def clock():
    """Dates that go with the loop's time."""
    return EPOCH + anyio.current_time()


class Scene:
    """A conversation "c", its host, and (once `work` is called) workers on the same store."""

    def __init__(self):
        self.memory = MemoryStore(clock=clock)
        self._numbers = itertools.count(1)
        self._beats = itertools.count(1)

    async def __aenter__(self):
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(self.memory)
        await self.open("c")
        return self

    async def __aexit__(self, *exc):
        return await self._stack.__aexit__(*exc)

    def now(self):
        return clock()

    async def open(self, conversation):
        self.conversation = ConversationId(conversation)
        opening = await self.memory.open(self.conversation, WriterId("host"))
        self.fence, self.scribe = opening.fence, Scribe(opening.fence, clock)
        await self.write(Opened(SessionId("s"), "You are the station's guide."))

    async def work(self, model, *tools, store=None, limits=None, **options):
        """A worker that is drained at the end of the test."""
        worker = self.worker(model, *tools, store=store, limits=limits, **options)
        return await self._stack.enter_async_context(worker)

    def worker(self, model, *tools, store=None, limits=None, **options):
        return Worker(store or self.memory, model, Toolbox(tools), limits=limits or Limits(), clock=clock, **options)

    # what a host does

    async def write(self, *bodies):
        await self.memory.append(self.fence, [self.scribe.write(body, beat=self._beat()) for body in bodies])

    async def ask(
        self, request="trains to Lyon", *, priority=Priority.NORMAL, seconds=120.0, version=1, queue="default"
    ):
        delegation = Delegation(
            DelegationId(f"d{next(self._numbers)}"),
            self.conversation,
            request,
            priority=priority,
            seconds=seconds,
            version=version,
            queue=queue,
        )
        await self.memory.offer(
            self.fence, self.scribe.write(Asked(delegation), beat=self._beat(), trace="00-ab-cd-01")
        )
        return delegation.id

    async def amend(self, delegation, text):
        await self.memory.amend(self.fence, self.scribe.write(Amended(delegation, text), beat=self._beat()))

    async def withdraw(self, delegation):
        await self.memory.withdraw(self.fence, self.scribe.write(Withdrawn(delegation), beat=self._beat()))

    async def close(self):
        await self.memory.close(self.fence, self.scribe.write(Closed("the person left")))

    async def approve(self, call, *, approved=True, reason=""):
        await self.write(ApprovalAnswered(call, approved, reason))

    async def voice(self, note):
        """The agent says a whole note."""
        await self.write(Turn(text=note.text, woven=(note.id,), voiced=(Voiced(note.id, 0, len(note.text)),)))

    async def drop(self, note, reason="expired"):
        await self.write(NoteDropped(note.id, reason))

    # what can be read

    async def entries(self):
        return [stored.entry for stored in await self.memory.read(self.conversation, limit=100_000)]

    async def bodies(self, kind):
        return [entry.body for entry in await self.entries() if isinstance(entry.body, kind)]

    async def notes(self):
        return [body.note for body in await self.bodies(NoteLaid)]

    async def told(self):
        """Kind and text of every note that is meant to be spoken, in order."""
        return [(note.kind.value, note.text) for note in await self.notes() if note.delivery is not Delivery.SILENT]

    async def until(self, kind, count=1):
        """Wait for the log to hold so many entries of a kind, and return the last one."""
        found = []
        async for stored in self.memory.follow(self.conversation):
            if isinstance(stored.entry.body, kind):
                found.append(stored.entry.body)
                if len(found) == count:
                    return found[-1]
        raise AssertionError(f"the conversation ended with {len(found)} {kind.__name__}")

    async def settled(self, count=1):
        """Wait for the end of the work; there is exactly one."""
        await self.until(Settled, count)
        await anyio.lowlevel.checkpoint()
        ends = await self.bodies(Settled)
        assert len(ends) == count
        return ends[-1]

    async def state(self):
        return (await self.settled()).state

    def _beat(self):
        return Beat(next(self._beats))


@pytest.fixture
def scene():
    """Enter it: `async with scene() as host`."""
    return Scene


@pytest.fixture
def outage():
    """`cable = outage(store)` is that store behind a cable that can be pulled."""
    return Cable
