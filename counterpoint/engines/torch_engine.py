"""The local engine: one causal language model, one thread that computes, and streaming sessions that share it.

Live sessions go before background ones, pass by pass; no computing happens on the event loop. It knows nothing of
conversations: prompts, turns and speech are the adapters' business.
"""

import asyncio
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from counterpoint.engines.causal_model import CausalModel
from counterpoint.engines.chat import ChatFormat
from counterpoint.engines.choice import Choice
from counterpoint.engines.streaming import Engine, EngineCapabilities, StreamingSession
from counterpoint.engines.torch_session import LocalSession
from counterpoint.engines.turnstile import Lane, Turnstile
from counterpoint.engines.vocabulary import Vocabulary
from counterpoint.errors import EngineError, EngineFull

T = TypeVar("T")


class LocalEngine:
    """`max_length` and `max_sessions` bound what may be held; `temperature` 0 is greedy, above it each session samples
    with `seed`. `threads`: how many torch may use for one operation (a setting of the whole process). `fingerprint`:
    tells it from every other engine that may compute something else.
    """

    def __init__(
        self,
        model: CausalModel,
        vocabulary: Vocabulary,
        chat: ChatFormat,
        *,
        name: str,
        max_length: int,
        max_sessions: int = 16,
        temperature: float = 0.0,
        seed: int = 0,
        threads: int = 1,
        fingerprint: str = "",
    ) -> None:
        self.fingerprint = fingerprint or name
        self.chat = chat
        self.tokenizer = vocabulary
        self.capabilities = EngineCapabilities(name, max_length, model.truncatable, model.parameters)
        self._model = model
        self._max_sessions = max_sessions
        self._temperature, self._seed = temperature, seed
        self._turnstile = Turnstile()
        self._sessions: weakref.WeakSet[LocalSession] = weakref.WeakSet()
        self._closed = False
        self._thread = ThreadPoolExecutor(1, "counterpoint-engine", torch.set_num_threads, (threads,))

    @property
    def closed(self) -> bool:
        return self._closed

    async def open(self, lane: Lane = Lane.LIVE) -> LocalSession:
        if self._closed:
            raise EngineError("the engine is closed")
        if sum(not session.closed for session in self._sessions) >= self._max_sessions:
            raise EngineFull(f"the engine holds {self._max_sessions} streaming sessions already: close one first")
        choice = Choice(self._temperature, self._seed)
        session = LocalSession(self._model, self._run, lane, self.capabilities.max_length, choice)
        self._sessions.add(session)
        return session

    def background(self) -> Engine:
        """The same engine for work that gives way: its sessions compute only while no live one wants to."""
        return _Background(self)

    async def aclose(self) -> None:
        """Close every session and let the thread go once its pass has ended. Idempotent."""
        self._closed = True
        for session in list(self._sessions):
            session.close_nowait()
        self._thread.shutdown(wait=False)

    async def _run(self, lane: Lane, work: Callable[[], T]) -> T:
        """A cancelled caller leaves at once; its pass ends on the thread by itself, before anyone else's begins."""
        async with self._turnstile.turn(lane):
            if self._closed:
                raise EngineError("the engine is closed")
            return await asyncio.wrap_future(self._thread.submit(work))


class _Background:
    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self.capabilities = engine.capabilities
        self.tokenizer = engine.tokenizer

    async def open(self) -> StreamingSession:
        return await self._engine.open(Lane.BACKGROUND)

    async def aclose(self) -> None:
        """Leaves the engine to its owner."""
