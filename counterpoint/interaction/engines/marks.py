"""How a model's chat format opens and closes turns, as tokens. Control tokens come from here only, never from text."""

import re

import msgspec

from counterpoint.engines.chat import ChatFormat, Turn
from counterpoint.engines.streaming import Tokenizer
from counterpoint.interaction.engines.dialogue import Party

_MARKER = re.compile(rb"<.+>|\[.+\]")


class TurnMarks(msgspec.Struct, frozen=True):
    """`stop`: tokens that end the agent's turn. `banned`: turn markers that the model must not make up inside it.

    `one_line`: the format has no end of a turn but the end of a line.
    """

    chat: ChatFormat
    turns: dict[Party, Turn]
    stop: frozenset[int]
    banned: frozenset[int]
    one_line: bool


def marks_of(chat: ChatFormat, tokenizer: Tokenizer) -> TurnMarks:
    turns = {Party.PERSON: chat.user, Party.AGENT: chat.assistant, Party.REMARK: _remark(chat)}
    stop = tokenizer.end_of_turn | frozenset(chat.assistant.closing[:1])
    used = {token for turn in turns.values() for token in (*turn.opening, *turn.closing)}
    banned = frozenset(token for token in used if _MARKER.fullmatch(tokenizer.piece(token))) - stop
    return TurnMarks(chat, turns, stop, banned, one_line=chat.kind == "plain")


def chatml(tokenizer: Tokenizer) -> ChatFormat:
    """The format of SmolLM2, Qwen and many others. Raises `ConfigurationError` if the model has no such tokens."""
    start, end = tokenizer.special("<|im_start|>"), tokenizer.special("<|im_end|>")
    closing = (end, *tokenizer.encode("\n"))
    system, user, assistant = (
        Turn((start, *tokenizer.encode(f"{name}\n")), closing) for name in ("system", "user", "assistant")
    )
    return ChatFormat("template", (), system, user, assistant)


def _remark(chat: ChatFormat) -> Turn:
    """A system turn in the middle of a conversation: without what only begins a sequence. Some formats have none."""
    if chat.system is None:
        return chat.user
    opening, marker = chat.system.opening, chat.user.opening[:1]
    start = opening.index(marker[0]) if marker and marker[0] in opening else 0
    return Turn(opening[start:], chat.system.closing)
