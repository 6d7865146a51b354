"""A model behind an OpenAI-compatible server: asked in whole messages, answered in pieces as they are made.

What the server refuses is asked again in another way if a quirk explains it, and after a pause if it may pass; both
only while nothing of the answer has come.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

import anyio
from msgspec.structs import replace

from counterpoint.engines.http.address import Address
from counterpoint.engines.http.catalogue import Card, listed
from counterpoint.engines.http.deltas import CallPart, Counted, Delta, Stopped, Text, Thought
from counterpoint.engines.http.endpoint import Asker, Endpoint, same
from counterpoint.engines.http.faults import ServerFault, pause_before
from counterpoint.engines.http.key import Key
from counterpoint.engines.http.quirks import LLAMA_CPP, Quirks, adjusted, known_quirks, of_llama_cpp
from counterpoint.engines.http.reading import answer_in
from counterpoint.engines.http.request import Request, body_of, longest_answer
from counterpoint.errors import ConfigurationError
from counterpoint.shared_context import dates

READ_SECONDS: Final = 120.0
"""How long a server may send nothing: some load a model first."""

ADJUSTMENTS: Final = 8
"""How often one request is asked in another way."""

Render = Callable[[Quirks], Request]
"""The request, written for a server with these quirks; called again when more of them are known."""

logger = logging.getLogger(__name__)


class ChatServer(Asker):
    """Enter it to keep connections between requests; it works without. One event loop at a time.

    `read_seconds`: how long the server may send nothing. `clock`: for a server that names a date to come back at.
    """

    def __init__(
        self,
        address: Address,
        key: Key | None = None,
        *,
        read_seconds: float = READ_SECONDS,
        clock: Callable[[], float] = dates.now,
    ) -> None:
        super().__init__(Endpoint(address, key, read_seconds=read_seconds, clock=clock))
        self._model = address.model
        self._quirks = known_quirks(address.host, address.model)
        self._looked_up = False
        self._looking = anyio.Lock()

    async def check(self) -> None:
        """Raises `ServerFault` if the server does not answer, `ConfigurationError` for a wrong address, key or model.
        A server that does not say which models it has passes.
        """
        cards = await self._endpoint.cards()
        names = [card.name for card in cards or ()]
        if cards is not None and self._model and not any(same(self._model, name) for name in names):
            raise ConfigurationError(self._endpoint.unknown(self._model, cards))
        if not self._model:
            self._choose(cards)

    async def ask(self, render: Render, *, seconds: float) -> AsyncGenerator[Delta, None]:
        """The answer; it ends with `Stopped`. Consume it under `aclosing`: closing it stops the server as well.

        `seconds`: how long tries may go on being begun. Raises `ServerFault` when they failed, or when an answer broke
        off; `ConfigurationError` where trying again cannot help.
        """
        until, tries, adjustments = anyio.current_time() + seconds, 0, 0
        while True:
            begun = False
            try:
                await self._look_up()
                async with aclosing(self._answer(render(self._quirks))) as deltas:
                    async for delta in deltas:
                        begun = begun or isinstance(delta, Text | CallPart | Stopped)
                        yield delta
            except ServerFault as fault:
                if begun:
                    raise
                quirks = adjusted(self._quirks, fault.said) if fault.said and adjustments < ADJUSTMENTS else None
                if quirks is not None:
                    logger.info("%s: asked in another way, because it said: %s", self.name, fault.said)
                    self._quirks, adjustments = quirks, adjustments + 1
                    continue
                tries += 1
                pause = pause_before(tries, fault, self._chance.random())
                if pause is None or anyio.current_time() + pause > until:
                    raise await self._endpoint.explained(fault, self._model) from fault
            else:
                return
            await anyio.sleep(pause)

    async def _answer(self, request: Request) -> AsyncGenerator[Delta, None]:
        """One try."""
        body = body_of(request, self._model, self._quirks)
        left = longest_answer(request, self._quirks)
        async with (
            self._endpoint.post("/chat/completions", content=body) as response,
            aclosing(answer_in(response, self.name, self._endpoint.hidden)) as deltas,
        ):
            async for delta in deltas:
                yield delta
                left -= _size(delta)
                if left < 0:
                    yield Stopped("length")
                    return

    async def _look_up(self) -> None:
        """Once: how long a context may be, and which model is meant where none was named."""
        async with self._looking:
            if self._looked_up:
                return
            try:
                cards = await self._endpoint.cards()
            except (ServerFault, ConfigurationError) as error:
                if not self._model:
                    raise
                self._looked_up = not (isinstance(error, ServerFault) and error.temporary)
                return
            if not self._model:
                self._choose(cards)
            known = next((card for card in cards or () if same(self._model, card.name)), None)
            if known is not None and self._quirks.max_length is None:
                self._quirks = replace(self._quirks, max_length=known.max_length)
            if known is not None and known.owner == LLAMA_CPP:
                self._quirks = of_llama_cpp(self._quirks, tools=await self._endpoint.template_knows_tools())
            self._looked_up = True

    def _choose(self, cards: list[Card] | None) -> None:
        if cards is None or len(cards) != 1:
            has = f"; it has: {listed(cards)}" if cards else ""
            raise ConfigurationError(
                f"which model of {self.address.host} is meant? Write its address as URL#MODEL{has}"
            )
        self._model = cards[0].name
        self._quirks = known_quirks(self.address.host, self._model)


def _size(delta: Delta) -> int:
    match delta:
        case Text(text=text) | Thought(text=text):
            return len(text)
        case CallPart():
            return len(delta.arguments) + len(delta.name)
        case Counted() | Stopped():
            return 0
