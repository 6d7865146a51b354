"""The composition root: the one module that knows both agents. It puts parts together and decides nothing."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast
from uuid import uuid4

import anyio

from counterpoint.background.limits import Limits
from counterpoint.background.model import BackgroundModel
from counterpoint.background.worker import Worker
from counterpoint.config import BEAT_SECONDS
from counterpoint.errors import ConfigurationError, lone_errors
from counterpoint.interaction.hosting import host
from counterpoint.interaction.metronome import spread
from counterpoint.interaction.model import InteractionModel
from counterpoint.interaction.opening import Hosting
from counterpoint.interaction.policy import Policy, weave_when_it_suits
from counterpoint.interaction.recordings import recorded
from counterpoint.interaction.session import Session
from counterpoint.shared_context import dates
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.ids import ConversationId, SessionId, WriterId
from counterpoint.shared_context.resume_token import ResumeToken
from counterpoint.shared_context.store import ContextStore
from counterpoint.tools.definition import Tool
from counterpoint.tools.toolbox import Toolbox

DRAIN_SECONDS = 5.0
"""How long leaving the runtime lets its worker finish what it has begun."""


class Runtime:
    """An interaction model, a background model with its tools, and the store in which they meet.

    `interaction`, `background`: finished objects, or names such as "local:smollm2", "retrieval" and
    "http://localhost:8000/v1#model"; those that are async context managers are entered while they are used.
    `background=None`: no work is done in this process; set `served=True` if workers elsewhere take it. `queue`: of the
    workers that are asked. `state`: given to tools; a session may bring its own. `policy`: decides when a note is
    offered. Nothing happens before it, or a session of it, is entered.

    Entered (`async with runtime:`), one worker serves all its sessions; otherwise each session brings its own.
    """

    def __init__(
        self,
        interaction: InteractionModel | str,
        background: BackgroundModel | str | None = None,
        *,
        tools: Toolbox | Iterable[Tool[..., Any]] = (),
        store: ContextStore | str = "memory://",
        policy: Policy = weave_when_it_suits,
        limits: Limits | None = None,
        concurrency: int = 4,
        state: Any = None,
        served: bool | None = None,
        queue: str = "default",
        clock: Callable[[], float] = dates.now,
    ) -> None:
        self.interaction = _interaction(interaction) if isinstance(interaction, str) else interaction
        self.background = _background(background) if isinstance(background, str) else background
        self.toolbox = tools if isinstance(tools, Toolbox) else Toolbox(tools)
        self.store = connect(store)
        self._policy = policy
        self._limits = limits or Limits()
        self._concurrency = concurrency
        self._state = state
        self._states: dict[ConversationId, Any] = {}
        self._hosting: dict[ConversationId, SessionId] = {}
        self._served = self.background is not None if served is None else served
        self._queue = queue
        self._clock = clock
        self._name = uuid4().hex[:8]
        self._sessions = 0
        self._users = 0
        self._kept = AsyncExitStack()
        self._working = False
        self._stack: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        stack = AsyncExitStack()
        await stack.enter_async_context(self._serving())
        self._stack, self._working = stack, True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        stack, self._stack, self._working = self._stack, None, False
        return None if stack is None else await stack.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def session(
        self,
        conversation: str | None = None,
        *,
        instructions: str = "",
        greeting: str = "",
        state: Any = None,
        buffer: float = 0.0,
        idle_after: float | None = None,
        resume: ResumeToken | str | None = None,
        record: str | Path | None = None,
    ) -> AsyncGenerator[Session, None]:
        """Host a conversation while the block lasts.

        `conversation`: its id; it stays open when the block is left, and can be taken up again. Without one it is a
        conversation of its own that ends with the block. `buffer`: seconds of output that the listener holds beyond
        what it plays. `idle_after`: seconds of nothing at all after which the session sleeps until something comes in.
        `resume`: the token with which its listener comes back, as the client sent it. A token that is of no use costs
        nothing: the conversation goes on as without one, and `Session.token_refused` and the log say why. `record`: a
        folder for a file with everything that the model perceives and expresses; what people say and show is in it.

        Raises `ConversationClosed` if it was ended, `ConfigurationError` if that file cannot be made.
        """
        if resume is not None and conversation is None:
            raise ConfigurationError("a resume token belongs to a conversation: give its id as well")
        id = ConversationId(conversation or f"c-{uuid4().hex}")
        index, self._sessions = self._sessions, self._sessions + 1
        session = SessionId(f"{self._name}-{index}")
        phase = self.interaction.place(session)
        hosting = Hosting(
            conversation=id,
            session=session,
            writer=WriterId(f"host-{session}"),
            phase=spread(index) if phase is None else phase,
            keep=conversation is not None,
            instructions=instructions,
            greeting=greeting,
            toolbox=tuple(self.toolbox.summaries()),
            buffer_beats=round(buffer / BEAT_SECONDS),
            idle_beats=None if idle_after is None else round(idle_after / BEAT_SECONDS),
            served=self._served,
            queue=self._queue,
            resume=resume,
        )
        self._hosting[id], self._states[id] = session, self._state if state is None else state
        try:
            async with (
                self._serving(),
                self._recorded(record, id, session) as model,
                host(hosting, store=self.store, model=model, policy=self._policy, clock=self._clock) as live,
            ):
                yield live
        finally:
            if self._hosting.get(id) == session:
                del self._hosting[id], self._states[id]

    def _recorded(
        self, folder: str | Path | None, conversation: ConversationId, session: SessionId
    ) -> AbstractAsyncContextManager[InteractionModel]:
        if folder is None:
            return nullcontext(self.interaction)
        return recorded(self.interaction, Path(folder), conversation, session)

    def state_of(self, conversation: ConversationId) -> Any:
        """What the application gave to the tools of a conversation."""
        return self._states.get(conversation, self._state)

    @asynccontextmanager
    async def _serving(self) -> AsyncGenerator[None, None]:
        """The store is open and, if there is a background model here, somebody is working for these sessions."""
        async with self._store_open():
            if self.background is None or self._working:
                yield
                return
            worker = Worker(
                self.store,
                self.background,
                self.toolbox,
                concurrency=self._concurrency,
                queues=(self._queue,),
                limits=self._limits,
                state=self.state_of,
                clock=self._clock,
            )
            with lone_errors():
                async with anyio.create_task_group() as tasks:
                    await tasks.start(worker.run)
                    try:
                        yield
                    finally:
                        with anyio.CancelScope(shield=True):
                            await worker.drain(DRAIN_SECONDS)
                        tasks.cancel_scope.cancel()

    @asynccontextmanager
    async def _store_open(self) -> AsyncGenerator[None, None]:
        """Opened with the first user, closed after the last; likewise the models, which may keep connections."""
        if self._users == 0:
            await self.store.__aenter__()
            try:
                self._kept = await _entered(self.interaction, self.background)
            except BaseException:
                await self.store.__aexit__(None, None, None)
                raise
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if self._users == 0:
                with anyio.CancelScope(shield=True):
                    await self._kept.aclose()
                    await self.store.__aexit__(None, None, None)


async def _entered(*models: object) -> AsyncExitStack:
    async with AsyncExitStack() as stack:
        for model in models:
            if isinstance(model, AbstractAsyncContextManager):
                await stack.enter_async_context(cast("AbstractAsyncContextManager[object]", model))
        return stack.pop_all()


def _interaction(name: str) -> InteractionModel:
    from counterpoint.interaction.engines.load import load_interaction

    return load_interaction(name)


def _background(name: str) -> BackgroundModel:
    from counterpoint.background.engines.load import load_background

    return load_background(name)
