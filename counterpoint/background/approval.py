"""What a call waits for before it may change something: that the person had time to object, and that they approve.

It reads no log: the watch tells it of the words that asked for the work, and of answers.
"""

import anyio

from counterpoint.background.attempt import Attempt
from counterpoint.config import OBJECTION_WINDOW_SECONDS
from counterpoint.shared_context.entries import ApprovalAnswered, ApprovalAsked, Body, NoteLaid
from counterpoint.shared_context.ids import CallId
from counterpoint.shared_context.notes import Note


class ObjectionWindow:
    """Open for 1.5 s after the words that asked for the work, or corrected it. Times are the loop's."""

    def __init__(self) -> None:
        self._closes = 0.0

    def words(self, at: float) -> None:
        self._closes = max(self._closes, at + OBJECTION_WINDOW_SECONDS)

    async def closed(self) -> None:
        """Wait until the person has had the time to say something else. If they do, what waits here is revoked."""
        await anyio.sleep_until(self._closes)


class Approvals:
    """Asks the person, in the log and in a note, and waits for the answer. The first answer counts."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._answers: dict[CallId, ApprovalAnswered] = {}
        self._waiting: dict[CallId, anyio.Event] = {}
        self._asking: dict[CallId, Note] = {}

    def answered(self, answer: ApprovalAnswered) -> None:
        self._answers.setdefault(answer.call, answer)
        if answer.call in self._waiting:
            self._waiting[answer.call].set()

    async def refusal(self, call: CallId, question: str, *, voiced: bool) -> str:
        """Why the call may not be made, for the model; empty if it may. `voiced`: the person was asked aloud before."""
        if call not in self._answers:
            self._ask(call, question, voiced=voiced)
            try:
                await self._wait(call)
            finally:
                if (note := self._asking.pop(call, None)) and call not in self._answers:
                    self._attempt.lay(self._taken_back(note))
        answer = self._answers.get(call)
        if answer is None:
            return "not run: it was not approved in time"
        if answer.approved:
            return ""
        return "not run: it was not approved" + (f" ({answer.reason})" if answer.reason else "")

    def last_words(self) -> list[Body]:
        """Takes back the questions that are still open, because the work is over."""
        return [NoteLaid(self._taken_back(note)) for note in self._asking.values()]

    def _ask(self, call: CallId, question: str, *, voiced: bool) -> None:
        attempt = self._attempt
        attempt.writer.write(ApprovalAsked(attempt.delegation.id, call, question))
        if not voiced:
            note = self._asking[call] = attempt.notepad.question(
                question, attempt.upto, attempt.limits.approval_seconds
            )
            attempt.lay(note)

    async def _wait(self, call: CallId) -> None:
        came = self._waiting[call] = anyio.Event()
        with anyio.move_on_after(self._attempt.limits.approval_seconds):
            await came.wait()
        del self._waiting[call]

    def _taken_back(self, question: Note) -> Note:
        text = f"This is no longer asked: {question.text}"
        return self._attempt.notepad.retraction(question.id, text, self._attempt.upto)
