"""vLLM as an engine: streaming sessions that stay in its memory, batched with each other, in a child process.

Admission is ours: a session is opened only if its longest sequence fits beside those of the others, because vLLM never
takes memory back from a session that is paused. A core that died is started again for the next session.
"""

import weakref
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from counterpoint.engines.chat import ChatFormat
from counterpoint.engines.streaming import Engine, EngineCapabilities, StreamingSession
from counterpoint.engines.vllm_core import Core, CoreOptions
from counterpoint.engines.vllm_session import VllmSession
from counterpoint.engines.vocabulary import Vocabulary
from counterpoint.engines.words import words_of
from counterpoint.errors import ConfigurationError, EngineError, EngineFull

RESERVE = 2
"""Tokens of vLLM's longest request that a session never uses: the one that is sampled and not kept."""

LIVE, BACKGROUND = 0, 1


class VllmEngine:
    """`load_vllm` makes one. Its sessions belong to one event loop."""

    def __init__(
        self, core: Core, vocabulary: Vocabulary, chat: ChatFormat, *, name: str, size: int, parameters: int
    ) -> None:
        longest = core.longest - RESERVE
        self.chat = chat
        self.tokenizer = vocabulary
        self.capabilities = EngineCapabilities(name, longest, truncatable=True, parameters=parameters)
        self._core = core
        self._size = size
        self._most = min(core.options.max_sessions, core.room // core.longest)
        if self._most < 1:
            raise ConfigurationError(
                f"vLLM has memory for {core.room} tokens, a conversation may come to {core.longest}: "
                "give it more memory, or lower max_length"
            )
        self._sessions: weakref.WeakSet[VllmSession] = weakref.WeakSet()
        self._starting = anyio.Lock()
        self._closed = False

    @property
    def options(self) -> CoreOptions:
        return self._core.options

    @property
    def max_sessions(self) -> int:
        return self._most

    @property
    def closed(self) -> bool:
        return self._closed

    async def open(self) -> VllmSession:
        return await self._open(LIVE)

    def background(self) -> Engine:
        """The same engine for work that gives way: vLLM schedules its sessions after the live ones. They outlive the
        core: what they were about is done again by the next one.
        """
        return _Background(self)

    async def open_in_background(self) -> VllmSession:
        return await self._open(BACKGROUND)

    async def aclose(self) -> None:
        """End the core. Idempotent."""
        self._closed = True
        for session in list(self._sessions):
            session.closed = True
        self._core.leave()
        await anyio.to_thread.run_sync(self._core.stop)
        self._core.tidy()

    async def _open(self, priority: int) -> VllmSession:
        await self._start()
        if sum(not session.closed for session in self._sessions) >= self._most:
            raise EngineFull(f"vLLM holds {self._most} streaming sessions already: close one first, or give it memory")
        start_again = self._start if priority == BACKGROUND else None
        session = VllmSession(self._core, priority, self.capabilities.max_length, self._size, start_again)
        self._sessions.add(session)
        return session

    async def _start(self) -> None:
        """Unless the core is alive."""
        async with self._starting:
            if self._closed:
                raise EngineError("the engine is closed")
            if not self._core.alive:
                await anyio.to_thread.run_sync(self._core.start)
                self._core.tidy()


class _Background:
    def __init__(self, engine: VllmEngine) -> None:
        self._engine = engine
        self.capabilities = engine.capabilities
        self.tokenizer = engine.tokenizer

    async def open(self) -> StreamingSession:
        return await self._engine.open_in_background()

    async def aclose(self) -> None:
        """Leaves the engine to its owner."""


def start_vllm(folder: Path, name: str, options: CoreOptions) -> VllmEngine:
    """Blocks for half a minute. Raises `ConfigurationError`, and `EngineError` where vLLM does not start."""
    core = Core(folder, options)
    vocabulary, chat = words_of(folder)
    core.start()
    try:
        return VllmEngine(core, vocabulary, chat, name=name, size=_size(folder), parameters=_parameters(folder))
    except BaseException:
        core.stop()
        raise


def _size(folder: Path) -> int:
    return int(msgspec.json.decode((folder / "config.json").read_bytes())["vocab_size"])


def _parameters(folder: Path) -> int:
    """The number of weights, by the headers of their files."""
    total = 0
    for file in folder.glob("*.safetensors"):
        with file.open("rb") as source:
            header = msgspec.json.decode(source.read(int.from_bytes(source.read(8), "little")))
        shapes = [tensor["shape"] for name, tensor in header.items() if name != "__metadata__"]
        total += sum(_product(shape) for shape in shapes)
    return total


def _product(shape: list[int]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count
