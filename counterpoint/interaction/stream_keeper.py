"""Keeps an interaction model's stream going: opens it, steps it, and opens another when it fails."""

from collections.abc import Awaitable, Callable

from counterpoint.errors import ModelFailed
from counterpoint.interaction.model import Offer, Perceived, Span, Stream
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import SILENCE, Expressed
from counterpoint.shared_context.ids import Beat

MAX_FAILURES = 3
"""A model that failed this often in a row ends the session."""


class StreamKeeper:
    """`open`: a stream from the shared context as it stands. `failed` is told of each failure, and why."""

    def __init__(self, open: Callable[[Beat], Awaitable[Stream]], failed: Callable[[str, Beat], None]) -> None:  # noqa: A002 (it opens)
        self._open = open
        self._failed = failed
        self._stream: Stream | None = None
        self._failures = 0
        self._owed: tuple[TextChunk, ...] = ()

    async def step(self, perceived: Perceived, offers: tuple[Offer, ...], span: Span) -> Expressed:
        """Silence if the stream fails; what the person said meanwhile goes to the next one.

        Raises `ModelFailed` after several failures in a row.
        """
        if self._owed:
            perceived = Perceived(
                (*self._owed, *perceived.texts), perceived.audio, perceived.frames, perceived.unheard, perceived.news
            )
        try:
            if self._stream is None:
                self._stream = await self._open(span.first)
            expressed = await self._stream.step(perceived, offers, span)
        except Exception as error:  # noqa: BLE001 (whatever a model raises, the conversation survives it)
            self._owed = perceived.texts
            await self._give_up(error, span.last)
            return SILENCE
        self._failures = 0
        self._owed = ()
        return expressed

    async def aclose(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()

    async def _give_up(self, error: Exception, beat: Beat) -> None:
        self._failures += 1
        self._failed(f"{type(error).__name__}: {error}", beat)
        try:
            await self.aclose()
        except Exception as closing:  # noqa: BLE001 (it failed already; this is only for the log)
            self._failed(f"while closing: {type(closing).__name__}: {closing}", beat)
        if self._failures >= MAX_FAILURES:
            times = f"the interaction model failed {self._failures} times in a row"
            raise ModelFailed(f"{times}, last with {type(error).__name__}: {error}") from error
