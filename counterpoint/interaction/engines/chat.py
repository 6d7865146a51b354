"""An interaction model behind an OpenAI-compatible server, for those who have no engine with streaming sessions: the
harness of instruct models, asked at decision points. docs/engines.md says what that costs.
"""

from types import TracebackType
from typing import Final, Self

from counterpoint.engines.http.address import address_of
from counterpoint.engines.http.key import key_of
from counterpoint.engines.http.server import ChatServer
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines import prompt
from counterpoint.interaction.engines.dialogue import Dialogue, dialogue_of
from counterpoint.interaction.engines.instruct import InstructStream
from counterpoint.interaction.engines.message_context import MessageContext, NoRenewal
from counterpoint.interaction.engines.settings import SERVED_MODEL, Settings
from counterpoint.interaction.model import Capabilities, Start
from counterpoint.shared_context.ids import SessionId

READ_SECONDS: Final = 30.0
"""How long the server may send nothing; longer than a person waits, short enough to be told in the same breath."""


class ChatInteraction:
    """`url`: "https://host/v1?key=NAME#model"; `model` and `api_key` may be given apart from it. Nothing is asked
    before the agent has something to say. `temperature`: None leaves it to the server. Entered, it keeps its
    connections between requests; a runtime enters it.

    Raises `ConfigurationError` for an address that is none, and for a key that is not where it should be.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        api_key: str | None = None,
        settings: Settings = SERVED_MODEL,
        temperature: float | None = None,
    ) -> None:
        if temperature is not None and not 0 <= temperature <= 2:
            raise ConfigurationError(f"temperature is {temperature}; it goes from 0 to 2")
        address = address_of(url, model)
        self._server = ChatServer(address, key_of(address, api_key), read_seconds=READ_SECONDS)
        self._settings = settings
        self._temperature = temperature
        self.capabilities = Capabilities(self._server.name, partial=True)

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

    def place(self, session: SessionId) -> float | None:  # noqa: ARG002 (the protocol names it)
        return None

    async def open(self, start: Start) -> InstructStream:
        instructions = prompt.system_prompt(start, self._settings.delegate)
        dialogue = dialogue_of(start.history) if start.history else Dialogue()
        context = MessageContext(self._server, self._settings, dialogue, instructions, temperature=self._temperature)
        renewal = NoRenewal(self._settings.context_tokens // 4)
        return InstructStream(start, self._settings, context, dialogue, renewal)
