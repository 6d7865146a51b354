"""What the model has in front of it where there is no streaming session: the messages of the next request.

A request is made when the agent is to speak, from the dialogue as it stands then, and given up when its turn is closed.
Nothing that is not in the dialogue is in the next request; so what was never heard is in none.
"""

from collections.abc import AsyncGenerator, Callable
from typing import Final, Protocol

from counterpoint.engines.http.deltas import Delta
from counterpoint.engines.http.quirks import Quirks
from counterpoint.engines.http.request import Message, Request, Role
from counterpoint.interaction.engines.dialogue import Dialogue, Party, compacted
from counterpoint.interaction.engines.reply import Reply
from counterpoint.interaction.engines.settings import Settings
from counterpoint.shared_context.escaping import escape_control
from counterpoint.shared_context.packing import estimate

SECONDS: Final = 10.0
"""For how long tries to get an answer go on being begun. A person is waiting."""

TOKENS_PER_WORD: Final = 2
"""An utterance is bounded in words by us, and in tokens by the server."""

GO_ON: Final = "Go on from exactly there, without repeating anything."

_ROLES: Final[dict[Party, Role]] = {Party.PERSON: "user", Party.AGENT: "assistant", Party.REMARK: "system"}


class Server(Protocol):
    """`ChatServer`, as far as it is needed."""

    def ask(self, render: Callable[[Quirks], Request], *, seconds: float) -> AsyncGenerator[Delta, None]: ...


class MessageContext:
    """`instructions`: the first message of every request. `temperature`: None leaves it to the server."""

    def __init__(
        self,
        server: Server,
        settings: Settings,
        dialogue: Dialogue,
        instructions: str,
        *,
        temperature: float | None = None,
    ) -> None:
        self.party: Party | None = None
        self._server = server
        self._settings = settings
        self._dialogue = dialogue
        self._instructions = instructions
        self._temperature = temperature
        self._text = ""
        self._reply: Reply | None = None
        self._asked: tuple[Message, ...] = ()
        self._given_up: list[Reply] = []
        self._trouble = ""

    @property
    def ready(self) -> bool:
        return True

    def begin(self, party: Party) -> None:
        self.party = party
        self._text = ""

    def write(self, text: str) -> int:
        """What the model was making up does not follow on these words."""
        self._give_up()
        self._text += text
        return estimate(text)

    def end(self) -> None:
        self._give_up()
        self.party = None

    async def compute(self, limit: int) -> int:  # noqa: ARG002 (there is nothing to compute before a request)
        return 0

    async def sample(self, limit: int, take: Callable[[bytes], bool]) -> tuple[int, bool]:
        reply, made = self._reply_now(), 0
        while made < limit and (piece := reply.take()) is not None:
            made += 1
            if not take(piece.encode("utf-8", "replace")):
                return made, False
        if reply.over and reply.failure:
            self._trouble = reply.failure
        return made, reply.over

    def spoken(self, text: str) -> None:
        self._text += text

    async def take_back(self, keep: int) -> bool:
        """The dialogue, from which all requests are made, has been told already; the open turn is cut here."""
        self._text = self._text[:keep]
        return True

    def trouble(self) -> str:
        trouble, self._trouble = self._trouble, ""
        return trouble

    async def aclose(self) -> None:
        self._give_up()
        for reply in self._given_up:
            await reply.aclose()
        self._given_up.clear()

    def _reply_now(self) -> Reply:
        """A request of whose answer nothing was used is made anew if it no longer tells what happened."""
        fresh = self._reply is None or self._reply.taken == 0
        messages = self._messages() if fresh else self._asked
        if self._reply is not None and messages == self._asked:
            return self._reply
        self._give_up()
        self._asked = messages
        self._reply = Reply(self._server.ask(self._render, seconds=SECONDS))
        return self._reply

    def _render(self, quirks: Quirks) -> Request:
        """For a context that turns out to be small: the newest of what was to be asked."""
        answer = self._settings.utterance_tokens * TOKENS_PER_WORD
        if quirks.max_length is None:
            return Request(self._asked, answer, temperature=self._temperature)
        answer = max(1, min(answer, quirks.max_length // 4))
        room = int((quirks.max_length - answer - quirks.spare) * quirks.fill)
        return Request(_newest(self._asked, room), answer, temperature=self._temperature)

    def _messages(self) -> tuple[Message, ...]:
        self._compact()
        said = [Message("system", self._instructions)]
        if self._dialogue.earlier:
            said.append(Message("system", f"Earlier in this conversation:\n{self._dialogue.earlier}"))
        said += [Message(_ROLES[turn.party], turn.text) for turn in self._dialogue.turns]
        if self.party is Party.AGENT and self._text.strip():
            said += [Message("assistant", escape_control(self._text.strip())), Message("system", GO_ON)]
        return tuple(said)

    def _compact(self) -> None:
        """Half of it at once, so that requests begin alike for a while and servers can keep what they computed."""
        room = self._settings.context_tokens
        texts = (self._dialogue.earlier, *(turn.text for turn in self._dialogue.turns))
        if sum(map(estimate, texts)) > room:
            short = compacted(self._dialogue, room // 2, estimate)
            self._dialogue.earlier, self._dialogue.turns = short.earlier, short.turns

    def _give_up(self) -> None:
        reply, self._reply = self._reply, None
        self._given_up = [each for each in self._given_up if not each.done]
        if reply is not None:
            reply.cancel()
            self._given_up.append(reply)


class NoRenewal:
    """Requests are made anew each time: there is nothing that could become too long by itself."""

    def __init__(self, longest_line: int) -> None:
        self.longest_line = longest_line
        self.wants_gap = False
        self.urgent = False

    def begin(self) -> None:
        pass

    async def advance(self, slack: int) -> int:  # noqa: ARG002 (nothing is made ahead)
        return 0

    async def aclose(self) -> None:
        pass


def _newest(messages: tuple[Message, ...], room: int) -> tuple[Message, ...]:
    """The instructions, and as many of the last messages as there is room for; the last one always."""
    first, *others = messages
    left = room - estimate(first.text)
    kept: list[Message] = []
    for message in reversed(others):
        left -= estimate(message.text)
        if left < 0 and kept:
            break
        kept.append(message)
    return (first, *reversed(kept))
