"""How a model wants its turns written, learned from its own chat template. It knows nothing of conversations.

The template is rendered a few times with markers for contents and cut at them, so that turns can be opened and closed
piece by piece in a growing sequence, which templates, made for whole conversations, do not offer.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from counterpoint.engines.streaming import Engine, Tokenizer
from counterpoint.errors import ConfigurationError

if TYPE_CHECKING:
    from counterpoint.engines.vocabulary import Vocabulary

Render = Callable[[Sequence[dict[str, str]], bool], str]
"""(messages, whether to open the assistant's turn at the end) -> text. Raises whatever it likes if it refuses them."""

_SYSTEM, _FIRST, _REPLY, _SECOND = "\u27e6S0\u27e7", "\u27e6U1\u27e7", "\u27e6A2\u27e7", "\u27e6U3\u27e7"


class Turn(msgspec.Struct, frozen=True):
    """The tokens before and after what is said in a turn."""

    opening: tuple[int, ...]
    closing: tuple[int, ...]

    def of(self, text: str, tokenizer: Tokenizer) -> list[int]:
        """A whole turn. `text` is data: control tokens in it stay text."""
        return [*self.opening, *tokenizer.encode(text), *self.closing]


class ChatEngine(Engine, Protocol):
    """An engine whose model was taught turns, and that has a lane for work that gives way to live sessions."""

    @property
    def chat(self) -> "ChatFormat": ...

    def background(self) -> Engine: ...


class ChatFormat(msgspec.Struct, frozen=True):
    """A sequence starts with the `system` turn, or with `begin` where there are no instructions.

    `system=None`: the model has no such role; instructions go into the first user turn. `kind`: where it comes from.
    `control`: tokens that a model must not make up inside its turn.
    """

    kind: Literal["template", "plain"]
    begin: tuple[int, ...]
    system: Turn | None
    user: Turn
    assistant: Turn
    control: frozenset[int] = frozenset()

    def start(self, instructions: str, tokenizer: Tokenizer) -> list[int]:
        if not instructions:
            return list(self.begin)
        if self.system is None:
            return [*self.begin, *self.user.of(instructions, tokenizer)]
        return self.system.of(instructions, tokenizer)


def plain_format(vocabulary: "Vocabulary", begin: tuple[int, ...] = ()) -> ChatFormat:
    """For models that were never taught turns: each on its line, after a name."""
    line = tuple(vocabulary.encode("\n"))
    person, agent = (Turn(tuple(vocabulary.encode(f"{name}:")), line) for name in ("Person", "Agent"))
    return ChatFormat("plain", begin, Turn(begin, line), person, agent, vocabulary.control - vocabulary.end_of_turn)


def template_format(vocabulary: "Vocabulary", render: Render) -> ChatFormat:
    """Raises `ConfigurationError` for a template that cannot be continued turn by turn."""
    try:
        begin, system, user, assistant = _cut(render)
    except Exception as error:
        raise ConfigurationError(
            "the model's chat template cannot be continued turn by turn: use a model with a plainer one, or remove the "
            "template from the folder to get the plain format"
        ) from error

    def turn(parts: tuple[str, str]) -> Turn:
        return Turn(*(tuple(vocabulary.encode_markup(part)) for part in parts))

    begin_tokens, reply = tuple(vocabulary.encode_markup(begin)), turn(assistant)
    ends = vocabulary.end_of_turn | {*reply.closing[:1]}
    return ChatFormat("template", begin_tokens, system and turn(system), turn(user), reply, vocabulary.control - ends)


_Parts = tuple[str, str]


def _cut(render: Render) -> tuple[str, _Parts | None, _Parts, _Parts]:
    """The beginning, and what stands before and after the contents of system, user and assistant turns."""
    user, reply, second = _message("user", _FIRST), _message("assistant", _REPLY), _message("user", _SECOND)
    asked = render([user], False)
    user_close = _after(asked, _FIRST)
    reply_open = _after(render([user], True), _FIRST).removeprefix(user_close)
    reply_close = _after(render([user, reply], False), _REPLY)
    user_open = _between(render([user, reply, second], False), _REPLY, _SECOND).removeprefix(reply_close)
    before = _before(asked, _FIRST)
    if not reply_close or not before.endswith(user_open):
        raise ValueError("turns overlap")
    system = _system(render, user, user_open)
    return before.removesuffix(user_open), system, (user_open, user_close), (reply_open, reply_close)


def _system(render: Render, user: dict[str, str], user_open: str) -> _Parts | None:
    try:
        text = render([_message("system", _SYSTEM), user], False)
        between = _between(text, _SYSTEM, _FIRST)
    except Exception:  # noqa: BLE001 (a template refuses a role in any way it likes)
        return None
    return (_before(text, _SYSTEM), between.removesuffix(user_open)) if between.endswith(user_open) else None


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _before(text: str, mark: str) -> str:
    return text[: text.index(mark)]


def _after(text: str, mark: str) -> str:
    return text[text.index(mark) + len(mark) :]


def _between(text: str, start: str, end: str) -> str:
    return _before(_after(text, start), end)
