"""How a model's chat format opens and closes turns, as tokens. Control tokens come from here only, never from text."""

from collections.abc import Sequence

import msgspec

from counterpoint.engines.streaming import Tokenizer
from counterpoint.interaction.engines.dialogue import Party


class TurnMarks(msgspec.Struct, frozen=True):
    """`openings`: by party. `banned`: control tokens that the model must not make up inside its turn."""

    openings: dict[Party, tuple[int, ...]]
    closing: tuple[int, ...]
    banned: frozenset[int]
    first: tuple[int, ...] = ()

    def opening(self, party: Party) -> Sequence[int]:
        return self.openings[party]


def chatml(tokenizer: Tokenizer) -> TurnMarks:
    """The format of SmolLM2, Qwen and many others. Raises `ConfigurationError` if the model has no such tokens."""
    start, end = tokenizer.special("<|im_start|>"), tokenizer.special("<|im_end|>")
    openings = {party: (start, *tokenizer.encode(f"{party.value}\n")) for party in Party}
    banned = frozenset((start, end)) - tokenizer.end_of_turn
    return TurnMarks(openings, (end, *tokenizer.encode("\n")), banned)
