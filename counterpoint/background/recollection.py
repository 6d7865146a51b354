"""What earlier attempts at a delegation left behind: calls that returned, calls cut off, questions, notes. Pure.

A worker that takes over does not repeat what is in here: it reuses results, keeps the numbers of calls that were cut
off (their idempotency keys depend on them), and never repeats a write that may have acted.
"""

from collections.abc import Iterator

import msgspec

from counterpoint.background import model
from counterpoint.background.model import Observation
from counterpoint.shared_context.entries import ApprovalAnswered
from counterpoint.shared_context.ids import CallId, DelegationId
from counterpoint.shared_context.notes import NoteKind
from counterpoint.shared_context.package import Call, NoteView, Work

_ASKED_AGAIN = frozenset({NoteKind.PROGRESS.value, NoteKind.PARTIAL.value})


def number_of(call: CallId) -> int:
    number = call.rpartition(":")[2]
    return int(number) if number.isdecimal() else 0


class Recollection:
    """`work`: the delegation as the log had it when this attempt began; None if the log did not tell of it."""

    def __init__(self, delegation: DelegationId, work: Work | None) -> None:
        self._delegation = delegation
        self._calls = list(work.calls) if work else []
        self.notes = work.notes if work else ()
        self._numbers = max((number_of(call.id) for call in self._calls), default=0)

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What the model is told at the beginning, because it would have been told before."""
        returned = [call for call in self._calls if call.result is not None]
        return tuple(
            Observation(call.result or "", model.Call(call.id, call.tool, call.arguments), call.failed)
            for call in returned
        )

    @property
    def interrupted(self) -> tuple[str, ...]:
        """Tools whose write was cut off and must not be repeated: nobody knows whether it has acted."""
        return tuple(call.tool for call in self._begun() if call.effects == "write" and not call.idempotent)

    @property
    def done(self) -> tuple[str, ...]:
        """Tools that have changed something."""
        return tuple(call.tool for call in self._calls if call.effects == "write" and _succeeded(call))

    @property
    def answers(self) -> tuple[ApprovalAnswered, ...]:
        """What the person has decided about calls."""
        approvals = ((call.id, call.approval) for call in self._calls if call.approval)
        return tuple(
            ApprovalAnswered(call, approval.approved, approval.reason)
            for call, approval in approvals
            if approval.approved is not None
        )

    @property
    def unvoiced(self) -> tuple[NoteView, ...]:
        """Notes that nobody has heard anything of, and that this attempt will make anew."""
        return tuple(note for note in self.notes if note.kind in _ASKED_AGAIN and not note.voiced and not note.dropped)

    def reuse(self, tool: str, arguments: str) -> Call | None:
        """The same call, made before and answered. Each is reused once: a model may well mean to look again."""
        return self._take(tool, arguments, [call for call in self._calls if _succeeded(call)])

    def identify(self, tool: str, arguments: str, question: str) -> CallId:
        """The id of a call that is to be run: that of the same call cut off before (also one that was only asked
        about), or else a new one.
        """
        cut_off = self._take(tool, arguments, list(self._begun())) or self._take_question(question)
        if cut_off is not None:
            return cut_off.id
        self._numbers += 1
        return CallId(f"{self._delegation}:{self._numbers}")

    def was_voiced(self, text: str) -> bool:
        """An earlier attempt has said this to the person."""
        return any(note.voiced and note.text == text for note in self.notes)

    def _begun(self) -> Iterator[Call]:
        return (call for call in self._calls if call.result is None and call.arguments)

    def _take(self, tool: str, arguments: str, among: list[Call]) -> Call | None:
        wanted = canonical(arguments)
        found = next((call for call in among if call.tool == tool and canonical(call.arguments) == wanted), None)
        if found is not None:
            self._calls.remove(found)
        return found

    def _take_question(self, question: str) -> Call | None:
        """A call that had not begun, because its approval was waited for."""
        among = [call for call in self._calls if call.result is None and not call.arguments and call.approval]
        found = next((call for call in among if call.approval and call.approval.question == question), None)
        if found is not None:
            self._calls.remove(found)
        return found


def canonical(arguments: str) -> str:
    """Equal for arguments that mean the same."""
    try:
        return msgspec.json.encode(msgspec.json.decode(arguments.strip() or "{}"), order="sorted").decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return arguments.strip()


def _succeeded(call: Call) -> bool:
    return call.result is not None and not call.failed
