"""Streaming sessions: an engine's token sequence that only ever grows, kept where the engine computes.

Invariant: everything that `generate` yielded is in the sequence, and so is everything appended; `length` counts both.
"""

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

import msgspec


class EngineCapabilities(msgspec.Struct, frozen=True):
    """`max_length`: tokens that a streaming session may hold; appending beyond raises `ContextExhausted`.

    `truncatable`: the end of the sequence can be taken back (what was generated and never heard).
    `parameters`: number of the model's weights, where it is known.
    """

    name: str
    max_length: int
    truncatable: bool = False
    parameters: int | None = None


class Tokenizer(Protocol):
    """Token ids to text and back. `encode` adds no special tokens and reads none out of its text."""

    @property
    def end_of_turn(self) -> frozenset[int]: ...

    def encode(self, text: str) -> list[int]: ...

    def special(self, name: str) -> int:
        """The id of a control token such as "<|im_start|>". Raises `ConfigurationError` if the model has none."""
        ...

    def decode(self, tokens: Sequence[int]) -> str: ...

    def piece(self, token: int) -> bytes:
        """The exact bytes of one token, so that text can be cut anywhere."""
        ...


class StreamingSession(Protocol):
    """One caller at a time. Never blocks the event loop; engines own their batching and their threads."""

    @property
    def length(self) -> int: ...

    async def append(self, tokens: Sequence[int]) -> None:
        """Add tokens and compute them. Raises `ContextExhausted` beforehand if they do not fit: nothing is added."""
        ...

    def generate(
        self, limit: int, *, stop: frozenset[int] = frozenset(), banned: frozenset[int] = frozenset()
    ) -> AsyncGenerator[int, None]:
        """At most `limit` tokens, each yielded as it is made and in the sequence by then. A stop token ends it; it is
        not yielded and not in the sequence. `banned` tokens are never chosen. Closing the generator stops it.
        """
        ...

    async def truncate(self, length: int) -> None:
        """Take back the end of the sequence. Raises `ConfigurationError` if the engine cannot."""
        ...

    async def aclose(self) -> None: ...


class Engine(Protocol):
    @property
    def capabilities(self) -> EngineCapabilities: ...

    @property
    def tokenizer(self) -> Tokenizer: ...

    async def open(self) -> StreamingSession:
        """An empty streaming session. Raises `EngineFull` if there is no room for another."""
        ...

    async def aclose(self) -> None: ...
