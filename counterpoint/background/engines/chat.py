"""A background model behind an OpenAI-compatible server: it reads the context package, calls tools, and answers by the
sentence. Thoughts are never told; that it is thinking for long is.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Final, Self

import anyio

from counterpoint.background.engines.calling import OPENING, Spoken, Written
from counterpoint.background.engines.chat_prompt import Calling, ChatSettings, request_about, request_of
from counterpoint.background.engines.looking_up import Found, look_up
from counterpoint.background.engines.passages import passages_of, sources_of
from counterpoint.background.engines.prompting import PASSAGES
from counterpoint.background.engines.searching import search_tools, wanted_of
from counterpoint.background.engines.transcript import Transcript
from counterpoint.background.model import Answer, Call, Observation, Progress, Say, Step, Usage
from counterpoint.engines.http.address import address_of
from counterpoint.engines.http.calls import CallAssembly, WholeCall
from counterpoint.engines.http.deltas import CallPart, Counted, Stopped, Text, Thought
from counterpoint.engines.http.key import key_of
from counterpoint.engines.http.quirks import Quirks
from counterpoint.engines.http.request import Request
from counterpoint.engines.http.server import ChatServer
from counterpoint.errors import ModelFailed
from counterpoint.shared_context.ids import CallId
from counterpoint.shared_context.notes import Source
from counterpoint.shared_context.package import ContextPackage
from counterpoint.shared_context.packing import estimate
from counterpoint.tools.schema import ToolSchema

THINKING_SECONDS: Final = 5.0
"""After so long without a word the person is told that it is still being thought about; once."""

STILL_THINKING: Final = "I'm still thinking about it."
FILTERED: Final = "The provider of my model does not let me say more about that."

SECONDS: Final = 120.0
"""For a package without a delegation."""

AS_MADE: Final = ChatSettings()


class ChatBackground:
    """`url`: "https://host/v1?key=NAME#model"; `model` and `api_key` may be given apart from it. Nothing is asked
    before the first round. Entered, it keeps its connections between requests; a runtime enters it.

    Raises `ConfigurationError` for an address that is none, and for a key that is not where it should be.
    """

    def __init__(
        self, url: str, model: str | None = None, *, api_key: str | None = None, settings: ChatSettings = AS_MADE
    ) -> None:
        address = address_of(url, model)
        self._server = ChatServer(address, key_of(address, api_key))
        self._settings = settings

    provider = "openai"
    """What it is called in traces: whoever answers, this is how they are asked."""

    @property
    def name(self) -> str:
        return self._server.name

    async def __aenter__(self) -> Self:
        await self._server.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.__aexit__(kind, error, trace)

    async def check(self) -> None:
        """Raises `EngineError` if no server answers, `ConfigurationError` for a wrong address, key or model."""
        await self._server.check()

    async def think(
        self, package: ContextPackage, tools: Sequence[ToolSchema], observations: Sequence[Observation]
    ) -> AsyncGenerator[Step, None]:
        """Raises `ServerFault` or `ConfigurationError` where no answer can be had, `ModelFailed` where none came."""
        found = None
        if self._settings.tools is Calling.SEARCH and search_tools(tools):
            found = look_up(wanted_of(package, observations), tools, observations)
            if not isinstance(found, Found):
                yield found
                return
        asked: list[Request] = []

        def render(quirks: Quirks) -> Request:
            if found is None:
                asked.append(request_of(package, tools, observations, self._settings, quirks))
            else:
                asked.append(request_about(found, self._settings, quirks))
            return asked[-1]

        work = package.current
        hearing = _Hearing(observations, found)
        seconds = SECONDS if work is None else work.delegation.seconds
        async with aclosing(self._server.ask(render, seconds=seconds)) as deltas:
            async for delta in deltas:
                if asked[-1].shape is not None:
                    hearing.expect_call()
                for step in hearing.hear(delta):
                    yield step
                if hearing.over:
                    break
        yield hearing.usage(asked[-1])
        for step in hearing.end(self.name):
            yield step


class _Hearing:
    """One answer as it comes in. `found`: what it has to stand on, if anything. `over`: no more of it is wanted."""

    def __init__(self, observations: Sequence[Observation], found: Found | None = None) -> None:
        self._observations = observations
        self._found = found
        self._transcript = Transcript() if found is None else Transcript(found.backs)
        self._calls = CallAssembly()
        self._began = anyio.current_time()
        self._quiet = True
        self._stopped = ""
        self._counted: Counted | None = None
        self._written = 0
        self._call_expected = False

    @property
    def over(self) -> bool:
        return self._transcript.over

    def expect_call(self) -> None:
        """All that comes is one: it is written as the model would write it into a text."""
        if not self._call_expected:
            self._call_expected = True
            self._transcript.hear(OPENING.encode())

    def hear(self, delta: Text | Thought | CallPart | Counted | Stopped) -> list[Step]:
        match delta:
            case Text(text=text):
                self._quiet = False
                self._written += estimate(text)
                return [self._step(piece) for piece in self._transcript.hear(text.encode("utf-8", "replace"))]
            case Thought(text=text):
                self._written += estimate(text)
                return self._thinking()
            case CallPart():
                self._calls.add(delta)
                self._written += estimate(delta.arguments)
            case Counted():
                self._counted = delta
            case Stopped(reason=reason):
                self._stopped = self._stopped or reason
        return []

    def usage(self, request: Request) -> Usage:
        """As the server counts, or else as we estimate."""
        if self._counted is not None:
            return Usage(self._counted.read, self._counted.written)
        return Usage(sum(estimate(message.text) for message in request.messages), self._written)

    def end(self, name: str) -> list[Step]:
        complete = self._stopped != "length"
        steps: list[Step] = [self._step(piece) for piece in self._transcript.end(complete=complete)]
        calls = self._calls.calls()
        steps += [Call(self._id(number, call), call.name, call.arguments) for number, call in enumerate(calls)]
        if calls or self._transcript.calls:
            return steps
        if self._found is not None:
            return [*steps, self._found.answer(self._transcript.said)]
        told = " ".join(self._transcript.said)
        if self._stopped == "content_filter":
            told = f"{told} {FILTERED}".strip()
        elif not told and not complete:
            raise ModelFailed(f"{name} wrote as much as it may without coming to an answer: raise answer_tokens")
        return [*steps, Answer(told, sources=_sources(self._observations))]

    def _thinking(self) -> list[Step]:
        if not self._quiet or anyio.current_time() - self._began < THINKING_SECONDS:
            return []
        self._quiet = False
        return [Progress(STILL_THINKING)]

    def _step(self, piece: Spoken | Written) -> Step:
        if isinstance(piece, Spoken):
            return Say(piece.text)
        number = len(self._observations) + self._transcript.calls
        return Call(CallId(f"{number}:{piece.tool}"), piece.tool, piece.arguments)

    def _id(self, number: int, call: WholeCall) -> CallId:
        """The server's own, if it tells this call from all that were made before."""
        used = {str(made.call.id) for made in self._observations if made.call is not None}
        others = {each.id for each in self._calls.calls()[:number]}
        if call.id and call.id not in used | others:
            return CallId(call.id)
        return CallId(f"call_{len(self._observations) + number}")


def _sources(observations: Sequence[Observation]) -> tuple[Source, ...]:
    made = (each for each in observations if each.call is not None and not each.failed)
    return sources_of([passage for each in made for passage in passages_of(each.text)][:PASSAGES])
