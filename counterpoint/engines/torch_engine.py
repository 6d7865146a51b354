"""The local engine: one causal language model, one thread that computes, and streaming sessions that share it.

Live sessions go before background ones, pass by pass, and those that wait together share a pass; no computing happens
on the event loop. It knows nothing of conversations: prompts, turns and speech are the adapters' business.
"""

import asyncio
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from counterpoint.engines.causal_model import CausalModel
from counterpoint.engines.chat import ChatFormat
from counterpoint.engines.choice import Choice
from counterpoint.engines.streaming import Engine, EngineCapabilities, StreamingSession
from counterpoint.engines.torch_session import LocalSession
from counterpoint.engines.turnstile import Lane, Turnstile
from counterpoint.engines.vocabulary import Vocabulary
from counterpoint.engines.wish import Wish, grant
from counterpoint.errors import EngineError, EngineFull

ROWS = {Lane.LIVE: 64, Lane.BACKGROUND: 16}
"""Tokens per pass. A beat waits for at most one pass of the background's."""


class LocalEngine:
    """`max_length` and `max_sessions` bound what may be held; `temperature` 0 is greedy, above it each session samples
    with `seed`. `threads`: how many torch may use for one operation (a setting of the whole process). `together`:
    sessions that wait share a pass, if the model can. `fingerprint`: tells it from every other engine that may compute
    something else.
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
        together: bool = True,
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
        self._together = together and model.packs
        self._waiting: dict[Lane, list[Wish[Any]]] = {lane: [] for lane in Lane}
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
        session = LocalSession(self._model, self._ask, lane, self.capabilities.max_length, choice)
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

    async def _ask(self, lane: Lane, wish: Wish[Any]) -> None:
        """Whoever's turn it is computes for all who wait in the same lane; they find it done when theirs comes.

        A cancelled caller leaves at once; its pass ends on the thread by itself, before anyone else's begins.
        """
        waiting = self._waiting[lane]
        waiting.append(wish)
        try:
            async with self._turnstile.turn(lane):
                if self._closed:
                    raise EngineError("the engine is closed")
                if not wish.granted:
                    together = tuple(waiting) if self._together else (wish,)
                    await asyncio.wrap_future(self._thread.submit(grant, self._model, together, ROWS[lane]))
        finally:
            waiting.remove(wish)


class _Background:
    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self.capabilities = engine.capabilities
        self.tokenizer = engine.tokenizer

    async def open(self) -> StreamingSession:
        return await self._engine.open(Lane.BACKGROUND)

    async def aclose(self) -> None:
        """Leaves the engine to its owner."""
