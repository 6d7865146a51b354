"""A background model on the local engine: it reads the context package, may call tools, and answers by the sentence.

A model too small to be trusted searches first, with the request as it is; then only those of its sentences are passed
on that say what was found, and where none does, what was found is quoted.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import assert_never

from counterpoint.background.engines import prompting
from counterpoint.background.engines.calling import Spoken, Written
from counterpoint.background.engines.looking_up import SHORT_TOKENS, Found, look_up
from counterpoint.background.engines.passages import passages_of, sources_of
from counterpoint.background.engines.searching import Wanted, search_tools, wanted_of
from counterpoint.background.engines.transcript import Transcript
from counterpoint.background.model import Answer, Call, Observation, Say, Step, Usage
from counterpoint.engines.chat import ChatEngine
from counterpoint.errors import ModelFailed
from counterpoint.shared_context.ids import CallId
from counterpoint.shared_context.package import ContextPackage
from counterpoint.tools.schema import ToolSchema

SMALL = 1_500_000_000
"""Weights below which a model searches first by default."""


class LocalBackground:
    """`retrieve_first`: search before the model is asked; None leaves it to the model's size.

    `prompt_tokens`, `answer_tokens`: read and written in one round, at most; on a CPU, even a small model takes some
    seconds to read a thousand. The engine stays the caller's to close.
    """

    def __init__(
        self,
        engine: ChatEngine,
        *,
        retrieve_first: bool | None = None,
        prompt_tokens: int = 1024,
        answer_tokens: int = 160,
    ) -> None:
        capabilities = engine.capabilities
        small = capabilities.parameters is not None and capabilities.parameters < SMALL
        self._engine = engine
        self._lane = engine.background()
        self._retrieve_first = small if retrieve_first is None else retrieve_first
        self._answer_tokens = min(answer_tokens, capabilities.max_length // 2)
        self._prompt_tokens = min(prompt_tokens, capabilities.max_length - self._answer_tokens)

    @property
    def name(self) -> str:
        return self._engine.capabilities.name

    async def think(
        self, package: ContextPackage, tools: Sequence[ToolSchema], observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        wanted = wanted_of(package, observations)
        first = self._retrieve_first and search_tools(tools)
        round_ = self._told(wanted, tools, observations) if first else self._asked(package, tools, observations)
        async with aclosing(round_) as steps:
            async for step in steps:
                yield step

    async def _told(
        self, wanted: Wanted, tools: Sequence[ToolSchema], observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        """Search; then answer from what was found."""
        found = look_up(wanted, tools, observations)
        if not isinstance(found, Found):
            yield found
            return
        prompt = self._prompt("", found.prompt)
        transcript = Transcript(found.backs, single_line=self._single_line)
        async with aclosing(self._written(prompt, transcript, min(SHORT_TOKENS, self._answer_tokens))) as steps:
            async for step in steps:
                yield step
        yield found.answer(transcript.said)

    async def _asked(
        self, package: ContextPackage, tools: Sequence[ToolSchema], observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        """Ask the model, which may call tools."""
        system = prompting.system_prompt(tools)
        budget = self._prompt_tokens - len(self._prompt(system, ""))
        wanted = wanted_of(package, observations).text
        prompt = self._prompt(system, prompting.user_prompt(package, wanted, observations, self._size, budget))
        transcript = Transcript(single_line=self._single_line)
        async with aclosing(self._written(prompt, transcript, self._answer_tokens)) as steps:
            async for step in steps:
                yield step
        if not transcript.calls:
            passages = [
                each for made in observations if made.call and not made.failed for each in passages_of(made.text)
            ]
            yield Answer(" ".join(transcript.said), sources=sources_of(passages[: prompting.PASSAGES]))

    async def _written(self, prompt: Sequence[int], transcript: Transcript, limit: int) -> AsyncGenerator[Step, None]:
        """What the model writes, as it is written, in a streaming session of its own."""
        tokenizer, chat = self._engine.tokenizer, self._engine.chat
        session = await self._lane.open()
        try:
            await session.append(prompt)
            yield Usage(read=len(prompt))
            async with aclosing(session.generate(limit, stop=tokenizer.end_of_turn, banned=chat.control)) as tokens:
                async for token in tokens:
                    for piece in transcript.hear(tokenizer.piece(token)):
                        yield _step(piece, transcript.calls)
                    if transcript.over:
                        break
            for piece in transcript.end(complete=session.length - len(prompt) < limit):
                yield _step(piece, transcript.calls)
            yield Usage(written=session.length - len(prompt))
        finally:
            await session.aclose()

    def _prompt(self, system: str, user: str) -> list[int]:
        """Raises `ModelFailed` if it is too long for the model: the request alone must be."""
        tokenizer, chat = self._engine.tokenizer, self._engine.chat
        tokens = [*chat.start(system, tokenizer), *chat.user.of(user, tokenizer), *chat.assistant.opening]
        if len(tokens) + self._answer_tokens > self._engine.capabilities.max_length:
            raise ModelFailed(f"a request of {len(tokens)} tokens is too long for {self.name}")
        return tokens

    def _size(self, text: str) -> int:
        return len(self._engine.tokenizer.encode(text))

    @property
    def _single_line(self) -> bool:
        return self._engine.chat.kind == "plain"


def _step(piece: Spoken | Written, number: int) -> Say | Call:
    match piece:
        case Spoken(text=text):
            return Say(text)
        case Written(tool=tool, arguments=arguments):
            return Call(CallId(f"{number}:{tool}"), tool, arguments)
        case _ as never:
            assert_never(never)
