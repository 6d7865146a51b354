"""A deterministic engine for these tests: real tokens over bytes, a real growing sequence, scripted replies."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence

from counterpoint.engines.streaming import EngineCapabilities
from counterpoint.errors import ConfigurationError, ContextExhausted, EngineFull
from counterpoint.interaction.engines.instruct import InstructInteraction, InstructStream
from counterpoint.interaction.engines.settings import Settings
from counterpoint.interaction.model import DelegationNews, Offer, Perceived, Span, Start
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import Unheard
from counterpoint.shared_context.expressed import Action, Boundary, Expressed
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, SessionId
from counterpoint.shared_context.notes import Delivery, Note, NoteKind

SPECIALS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")

Reply = Callable[[str], str]


class ByteTokenizer:
    """Words (with the space before them) cut into pieces of at most five bytes, so that characters are cut as well."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = [name.encode() for name in SPECIALS]
        self._ids: dict[bytes, int] = {}

    @property
    def end_of_turn(self) -> frozenset[int]:
        return frozenset({1, 2})

    def encode(self, text: str) -> list[int]:
        words = re.findall(rb"\s?\S+|\s", text.encode())
        return [self._id(word[at : at + 5]) for word in words for at in range(0, len(word), 5)]

    def special(self, name: str) -> int:
        if name not in SPECIALS:
            raise ConfigurationError(f"no token {name}")
        return SPECIALS.index(name)

    def decode(self, tokens: Sequence[int]) -> str:
        return b"".join(self._pieces[token] for token in tokens).decode(errors="replace")

    def piece(self, token: int) -> bytes:
        return self._pieces[token]

    def _id(self, piece: bytes) -> int:
        if piece not in self._ids:
            self._ids[piece] = len(self._pieces)
            self._pieces.append(piece)
        return self._ids[piece]


class ScriptedSession:
    def __init__(self, engine: "ScriptedEngine") -> None:
        self.engine = engine
        self.tokens: list[int] = []
        self.closed = False
        self._rest: list[int] = []
        self._upto = -1

    @property
    def length(self) -> int:
        return len(self.tokens)

    @property
    def text(self) -> str:
        return self.engine.tokenizer.decode(self.tokens)

    async def append(self, tokens: Sequence[int]) -> None:
        self._check(len(tokens))
        self.tokens += tokens
        self.engine.computed += len(tokens)

    async def generate(
        self, limit: int, *, stop: frozenset[int] = frozenset(), banned: frozenset[int] = frozenset()
    ) -> AsyncGenerator[int, None]:
        if self._upto != self.length:
            self._rest = self.engine.tokenizer.encode(self.engine.reply(self.text))
            self._upto = self.length
        for _ in range(limit):
            if not self._rest or self._rest[0] in stop:
                return
            self._check(1)
            token = self._rest.pop(0)
            assert token not in banned
            self.tokens.append(token)
            self._upto = self.length
            self.engine.computed += 1
            yield token

    async def score(self, tokens: Sequence[int]) -> list[float]:
        return [0.0 for _ in tokens]

    async def truncate(self, length: int) -> None:
        if not self.engine.capabilities.truncatable:
            raise ConfigurationError("this engine cannot take anything back")
        del self.tokens[length:]

    async def aclose(self) -> None:
        if not self.closed:
            self.closed = True
            self.engine.open_sessions -= 1

    def _check(self, more: int) -> None:
        assert not self.closed
        if self.length + more > self.engine.capabilities.max_length:
            raise ContextExhausted("full")


class ScriptedEngine:
    """`replies`: one for each turn in which the model is asked, then silence; or a function of the context."""

    def __init__(self, *replies: str | Reply, max_length: int = 4096, truncatable: bool = True, room: int = 10) -> None:
        self.tokenizer = ByteTokenizer()
        self.capabilities = EngineCapabilities("scripted", max_length, truncatable)
        self.sessions: list[ScriptedSession] = []
        self.open_sessions = 0
        self.computed = 0
        self._room = room
        self._replies = list(replies)

    async def open(self) -> ScriptedSession:
        if self.open_sessions >= self._room:
            raise EngineFull("no room")
        self.open_sessions += 1
        self.sessions.append(ScriptedSession(self))
        return self.sessions[-1]

    async def aclose(self) -> None:
        return None

    def reply(self, context: str) -> str:
        if self._replies and callable(self._replies[0]):
            return self._replies[0](context)
        reply = self._replies.pop(0) if self._replies else ""
        assert isinstance(reply, str)
        return reply


class Talk:
    """Steps a stream beat by beat and keeps what it said and did."""

    def __init__(self, engine: ScriptedEngine, stream: InstructStream) -> None:
        self.engine = engine
        self.stream = stream
        self.beat = 0
        self.turns: list[Expressed] = []
        self.costs: list[int] = []
        self._part = 0

    @property
    def said(self) -> str:
        return joined(self.turns)

    @property
    def actions(self) -> list[Action]:
        return [action for turn in self.turns for action in turn.actions]

    @property
    def context(self) -> str:
        """What the newest streaming session holds."""
        return self.engine.sessions[-1].text

    def voiced(self, note: Note) -> str:
        """The characters of a note that were reported as voiced, in order."""
        return "".join(note.text[v.start : v.end] for turn in self.turns for v in turn.voiced if v.note == note.id)

    async def step(
        self,
        *texts: str | TextChunk,
        offers: Sequence[Offer] = (),
        unheard: Unheard | None = None,
        news: Sequence[DelegationNews] = (),
        beats: int = 1,
    ) -> Expressed:
        """`beats=0` is an early step within the coming beat. A string is a typed line."""
        chunks = tuple(TextChunk(text) if isinstance(text, str) else text for text in texts)
        self._part = self._part + 1 if beats == 0 else 0
        before = self.engine.computed
        span = Span(Beat(self.beat), beats, self._part)
        turn = await self.stream.step(Perceived(chunks, unheard=unheard, news=tuple(news)), tuple(offers), span)
        self.beat += beats
        self.turns.append(turn)
        self.costs.append(self.engine.computed - before)
        return turn

    async def beats(self, count: int) -> list[Expressed]:
        return [await self.step() for _ in range(count)]

    async def until_idle(self) -> None:
        """Beats until one of them costs nothing."""
        while not self.costs or self.costs[-1]:
            await self.step()

    async def until_quiet(self, limit: int = 1000) -> list[Expressed]:
        """Beats until the agent has not spoken for four of them and nothing is left to compute."""
        turns: list[Expressed] = []
        while len(turns) < limit:
            turns.append(await self.step())
            silent = all(turn.boundary is Boundary.END and not turn.text for turn in turns[-4:])
            if silent and len(turns) >= 4 and not self.costs[-1]:
                return turns
        raise AssertionError(f"still speaking after {limit} beats")


def joined(turns: Sequence[Expressed]) -> str:
    """What a listener hears: characters, joined as they are."""
    return "".join(turn.text for turn in turns)


async def talk(engine: ScriptedEngine, settings: Settings | None = None, *, warm: bool = True, **start: object) -> Talk:
    """`warm`: the instructions have been read before the conversation begins, unless there is something to say."""
    model = InstructInteraction(engine, settings or Settings())
    begin = Start(ConversationId("c"), SessionId("s"), **start)  # type: ignore[arg-type]
    agent = Talk(engine, await model.open(begin))
    if warm and "greeting" not in start and "history" not in start:
        await agent.until_idle()
    return agent


def keys(text: str) -> list[TextChunk]:
    """Typed key by key, not done."""
    return [TextChunk(key, done=False) for key in text]


def spoken(text: str) -> TextChunk:
    return TextChunk(text, typed=False)


def offer(
    text: str,
    *,
    id: str = "n1",
    kind: NoteKind = NoteKind.RESULT,
    how: Delivery = Delivery.WHEN_IDLE,
    heard: int = 0,
    **note: object,
) -> Offer:
    return Offer(Note(NoteId(id), kind, text, **note), how, heard)  # type: ignore[arg-type]
