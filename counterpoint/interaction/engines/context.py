"""What the model has in front of it: a streaming session as turns of a chat, only ever appended to (or taken back).

Everything is queued in the order in which it happened and computed in slices, so that a long text never makes a long
beat. Only when the queue is empty does the model speak: it always knows all that came before.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing

from counterpoint.engines.streaming import Engine, StreamingSession
from counterpoint.interaction.engines.dialogue import Dialogue, Party
from counterpoint.interaction.engines.marks import TurnMarks
from counterpoint.shared_context.escaping import escape_control


class Context:
    """`party`: whose turn is open, if one is; `text`: what stands in it. `bound`: the session never grows beyond."""

    def __init__(self, engine: Engine, session: StreamingSession, marks: TurnMarks, bound: int) -> None:
        self.session = session
        self.queue: deque[int] = deque()
        self.mirror: deque[int] | None = None
        self.party: Party | None = None
        self.text: str = ""
        self._bound = bound
        self._tokenizer = engine.tokenizer
        self._truncatable = engine.capabilities.truncatable
        self._marks = marks
        self._places: list[tuple[int, int]] = []

    @property
    def length(self) -> int:
        """Tokens of the session, those that are still queued included."""
        return self.session.length + len(self.queue)

    @property
    def ready(self) -> bool:
        """All that happened has been computed."""
        return not self.queue

    def begin(self, party: Party) -> None:
        self.party = party
        self.text: str = ""
        self._push(self._marks.turns[party].opening)
        self._places = [(0, self.length)] if party is Party.AGENT else []

    def write(self, text: str) -> int:
        """Add to the open turn. Returns how many tokens it takes."""
        self.text += text
        tokens = self._tokenizer.encode(escape_control(text))
        self._push(tokens)
        if self.party is Party.AGENT:
            self._places.append((len(self.text), self.length))
        return len(tokens)

    def end(self) -> None:
        if self.party is not None:
            self._push(self._marks.turns[self.party].closing)
            self.party = None

    def render(self, dialogue: Dialogue, instructions: str) -> list[int]:
        """A dialogue from its first token on, with the turn that is open now as far as it got."""
        tokens = self._marks.chat.start(instructions, self._tokenizer)
        if dialogue.earlier:
            tokens += self._turn(Party.REMARK, f"Earlier in this conversation:\n{dialogue.earlier}")
        for turn in dialogue.turns:
            tokens += self._turn(turn.party, turn.text)
        if self.party is not None:
            tokens += [*self._marks.turns[self.party].opening, *self._tokenizer.encode(escape_control(self.text))]
        return tokens

    def size(self, text: str) -> int:
        """Tokens of a text as a turn of its own."""
        return len(self._turn(Party.REMARK, text))

    def trouble(self) -> str:
        return ""

    async def aclose(self) -> None:
        await self.session.aclose()

    def replace(self, session: StreamingSession, queue: Iterable[int]) -> StreamingSession:
        """Go on in another session; returns the one that served until now."""
        served, self.session = self.session, session
        self.queue = deque(queue)
        self.mirror = None
        self._places = []
        return served

    async def compute(self, limit: int) -> int:
        """Compute at most `limit` queued tokens; returns how many it were."""
        count = min(limit, len(self.queue), self._bound - self.session.length)
        if count <= 0:
            return 0
        tokens = [self.queue.popleft() for _ in range(count)]
        await self.session.append(tokens)
        return count

    async def sample(self, limit: int, take: Callable[[bytes], bool]) -> tuple[int, bool]:
        """The model goes on with the open turn. Only when `ready`. `take` gets each token's bytes and says whether
        another one is wanted. Returns how many were made, and whether the model ended the turn.
        """
        limit = min(limit, self._bound - self.session.length)
        made = 0
        if limit <= 0:
            return 0, False
        marks = self._marks
        async with aclosing(self.session.generate(limit, stop=marks.stop, banned=marks.banned)) as tokens:
            async for token in tokens:
                made += 1
                if self.mirror is not None:
                    self.mirror.append(token)
                piece, line_end, _ = self._tokenizer.piece(token).partition(b"\n")
                if marks.one_line and line_end:
                    take(piece)
                    return made, True
                if not take(piece + line_end):
                    return made, False
        return made, made < limit

    def spoken(self, text: str) -> None:
        """Some of what was sampled was speech; it stands in the session up to here."""
        self.text += text
        self._places.append((len(self.text), self.length))

    async def take_back(self, keep: int) -> bool:
        """Take back the open or just closed turn of the agent's but for its first `keep` characters of speech.

        False if the engine cannot, or if something else has been added since.
        """
        if not self._truncatable or self.mirror is not None or not self._places:
            return False
        while keep < len(self.text) and self.text[keep].isspace():
            keep += 1
        at = max(place for characters, place in self._places if characters <= keep)
        await self._cut(at)
        self.text = self.text[:keep]
        self._places = [each for each in self._places if each[1] <= at]
        if self.party is None:
            self._push(self._marks.turns[Party.AGENT].closing)
        return True

    async def _cut(self, at: int) -> None:
        if at >= self.session.length:
            for _ in range(self.length - at):
                self.queue.pop()
        else:
            self.queue.clear()
            await self.session.truncate(at)

    def _push(self, tokens: Sequence[int]) -> None:
        self.queue.extend(tokens)
        if self.mirror is not None:
            self.mirror.extend(tokens)

    def _turn(self, party: Party, text: str) -> list[int]:
        return self._marks.turns[party].of(text, self._tokenizer)
