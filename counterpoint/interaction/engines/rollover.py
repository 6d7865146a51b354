"""Roll-over: before a streaming session is full, another is made beside it from the compacted dialogue, in slices that
cost what a beat has left, and takes its place between two utterances. What happens meanwhile goes into both.
"""

from collections import deque

import msgspec

from counterpoint.engines.streaming import Engine, StreamingSession
from counterpoint.errors import ConfigurationError, EngineFull
from counterpoint.interaction.engines.context import Context
from counterpoint.interaction.engines.dialogue import Dialogue, Party, compacted


class Reserve(msgspec.Struct, frozen=True):
    """In tokens. `soft`: from here on a successor is made. `hard`: the session never holds more; the agent's own
    utterance is ended for it. `target`: what a successor begins with. `near`: it has caught up when it
    lacks no more than that.
    """

    soft: int
    hard: int
    target: int
    near: int


def reserve_of(max_length: int, beat_tokens: int, instructions: int) -> Reserve:
    """Raises `ConfigurationError` where a conversation cannot be held in so few tokens."""
    reserve = Reserve(max_length * 5 // 8, max_length - 1, max_length // 4, beat_tokens)
    if reserve.hard - reserve.soft < 2 * beat_tokens:
        raise ConfigurationError(f"a context of {max_length} tokens is too short for {beat_tokens} tokens a beat")
    if 2 * instructions > reserve.target:
        raise ConfigurationError(
            f"the instructions take {instructions} tokens; a context of {max_length} has room for {reserve.target // 2}"
        )
    return reserve


class Rollover:
    """Steps are given by the stream, once a beat, with the tokens that the beat has left."""

    def __init__(
        self, engine: Engine, context: Context, dialogue: Dialogue, instructions: str, reserve: Reserve
    ) -> None:
        self._engine = engine
        self._context = context
        self._dialogue = dialogue
        self._instructions = instructions
        self.reserve = reserve
        self._successor: StreamingSession | None = None

    @property
    def longest_line(self) -> int:
        return self.reserve.target // 2

    @property
    def due(self) -> bool:
        return self._context.length >= self.reserve.soft

    @property
    def wants_gap(self) -> bool:
        """The agent's given words should pause between two turns of the context, to make or to change the session."""
        mirror = self._context.mirror
        return self.due and (mirror is None or len(mirror) <= self.reserve.near or self.urgent)

    @property
    def urgent(self) -> bool:
        """The session holds no more: whatever the agent makes up has to end now."""
        return self._context.length >= self.reserve.hard

    def begin(self) -> None:
        self._context.queue.extend(self.beginning())

    def beginning(self) -> list[int]:
        """The tokens of a new session: instructions, account, the last turns, and the turn that is open now."""
        size = self._context.size
        room = self.reserve.target - size(self._instructions)
        return self._context.render(compacted(self._dialogue, room, size), self._instructions)

    async def advance(self, slack: int) -> int:
        """Make at most `slack` tokens of progress; change over where nothing is being said. Returns tokens computed."""
        speaking = self._context.party is Party.AGENT
        if self._successor is None:
            if not self.due or speaking:
                return 0
            await self._begin()
        mirror = self._context.mirror
        if self._successor is None or mirror is None:
            return 0
        if slice_ := [mirror.popleft() for _ in range(min(slack, len(mirror)))]:
            await self._successor.append(slice_)
        if not speaking and (self.urgent or len(mirror) <= self.reserve.near):
            await self._change_over(self._successor, mirror)
        return len(slice_)

    async def aclose(self) -> None:
        successor, self._successor = self._successor, None
        if successor is not None:
            await successor.aclose()

    async def _begin(self) -> None:
        try:
            self._successor = await self._engine.open()
        except EngineFull:
            if self.urgent:
                await self._begin_in_place()
            return
        self._context.mirror = deque(self.beginning())

    async def _begin_in_place(self) -> None:
        """There is no room for two: the full session is given up first. Until the new one has read up, nothing new is
        made up; what is heard waits, what is told goes on.
        """
        await self._context.session.aclose()
        self._context.replace(await self._engine.open(), self.beginning())

    async def _change_over(self, successor: StreamingSession, mirror: deque[int]) -> None:
        self._successor = None
        served = self._context.replace(successor, mirror)
        await served.aclose()
