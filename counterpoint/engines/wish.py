"""What a streaming session wants of the thread that computes: its sequence computed, and something read off its end.

Passes bring it nearer, a slice each; the session asks until it is granted.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import torch

from counterpoint.engines.causal_model import CausalModel, Computed
from counterpoint.errors import EngineError

T = TypeVar("T")


class Wish(Generic[T]):
    """`use`: what to do with the logits after the last token of `sequence`, on the engine's thread."""

    def __init__(self, computed: Computed, sequence: list[int], use: Callable[[torch.Tensor], T]) -> None:
        self.computed = computed
        self.sequence = sequence
        self._use = use
        self._outcome: tuple[T] | Exception | None = None

    @property
    def granted(self) -> bool:
        return self._outcome is not None

    def result(self) -> T:
        """Once it is granted. Raises what went wrong."""
        match self._outcome:
            case (result,):
                return result
            case None:
                raise EngineError("nothing has been computed yet")
            case error:
                raise error

    def settle(self, arrived: bool | EngineError) -> None:
        """A pass has ended: it has brought the sequence to its end, or not yet, or has failed."""
        if isinstance(arrived, EngineError):
            self._outcome = arrived
        elif arrived and self.computed.logits is not None:
            try:
                self._outcome = (self._use(self.computed.logits),)
            except Exception as error:  # noqa: BLE001 (on the engine's thread; it is raised where the session asked)
                self._outcome = error


def grant(model: CausalModel, wishes: Sequence[Wish[Any]], rows: int) -> None:
    """One pass of at most about `rows` tokens. On the engine's thread."""
    waiting = [wish for wish in wishes if not wish.granted]
    arrived = model.advance_together([(wish.computed, wish.sequence) for wish in waiting], rows)
    for wish, each in zip(waiting, arrived, strict=True):
        wish.settle(each)
