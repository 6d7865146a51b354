"""The tokens that a streaming session holds, and what every engine refuses about them in the same words.

It computes nothing and knows no engine.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from counterpoint.errors import ConfigurationError, ContextExhausted, EngineError


class TokenSequence:
    """At most `max_length` tokens out of `vocabulary`. `busy`: somebody computes; `alone` lets in one at a time."""

    def __init__(self, max_length: int, vocabulary: int) -> None:
        self._max_length = max_length
        self._vocabulary = vocabulary
        self._tokens: list[int] = []
        self.busy = False

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def tokens(self) -> tuple[int, ...]:
        return tuple(self._tokens)

    def slice(self, start: int, end: int) -> list[int]:
        return self._tokens[start:end]

    def extend(self, tokens: Sequence[int]) -> None:
        """Raises `EngineError` for what is no token, `ContextExhausted` for too many; nothing is added then."""
        self.check_known(tokens)
        self.require_room(len(tokens))
        self._tokens += tokens

    def add(self, token: int) -> None:
        """One that the engine itself has chosen."""
        self._tokens.append(token)

    def check_length(self, length: int) -> None:
        """Raises `ConfigurationError` if the sequence cannot be truncated to this length."""
        if not 0 <= length <= len(self._tokens):
            raise ConfigurationError(f"cannot truncate a sequence of {len(self._tokens)} tokens to {length}")

    def truncate(self, length: int) -> None:
        self.check_length(length)
        del self._tokens[length:]

    def check_begun(self) -> None:
        if not self._tokens:
            raise ConfigurationError("an empty streaming session has nothing to go on from: append something first")

    def check_known(self, tokens: Sequence[int]) -> None:
        known = self._vocabulary
        if (wrong := next((token for token in tokens if not 0 <= token < known), None)) is not None:
            raise EngineError(f"{wrong} is not a token of this model, which has {known}")

    def require_room(self, tokens: int) -> None:
        if len(self._tokens) + tokens > self._max_length:
            raise ContextExhausted(
                f"{tokens} more tokens do not fit: {len(self._tokens)} of {self._max_length} are taken; roll over"
            )

    @contextmanager
    def alone(self) -> Generator[None, None, None]:
        if self.busy:
            raise EngineError("a streaming session takes one caller at a time")
        self.busy = True
        try:
            yield
        finally:
            self.busy = False
