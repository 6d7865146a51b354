"""What a running call tells: partial results and progress as they come, then exactly one outcome."""

import msgspec

from counterpoint.shared_context.notes import Source
from counterpoint.tools.context import ToolProgress


class PartialResult(msgspec.Struct, frozen=True, tag="partial"):
    """One yield of an async generator tool."""

    text: str
    sources: tuple[Source, ...] = ()


class Returned(msgspec.Struct, frozen=True, tag="returned"):
    """The whole result, all partial results included. `cut`: it was longer than the tool's `max_result`."""

    text: str
    sources: tuple[Source, ...] = ()
    cut: bool = False


class FailedCall(msgspec.Struct, frozen=True, tag="failed"):
    """`reason`: for the model, which can act on it. `retryable`: the same call may succeed later and may be repeated.

    `unsure`: the call was cut short, and what it was to change may have been changed or not.
    """

    reason: str
    retryable: bool = False
    unsure: bool = False


Outcome = Returned | FailedCall
Event = PartialResult | ToolProgress | Outcome
