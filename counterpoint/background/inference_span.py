"""One round of a background model as whoever watches sees it: when it began to answer, its tokens, how it ended."""

from collections.abc import Callable

from counterpoint import telemetry
from counterpoint.background.model import Answer, Call, Say, Step, Usage
from counterpoint.telemetry import Is, Span, names


class Inference:
    """`labels`: of its metrics. `clock`: seconds since 1970."""

    def __init__(self, span: Span, labels: dict[str, str], clock: Callable[[], float]) -> None:
        self._span = span
        self._labels = labels
        self._clock = clock
        self._first: float | None = None
        self._read = 0
        self._written = 0
        self._reason = ""
        self._said: list[str] = []

    def stepped(self, step: Step) -> None:
        match step:
            case Usage(read=read, written=written):
                self._read += read
                self._written += written
                return
            case Call():
                self._reason = "tool_calls"
            case Answer(text=text):
                self._reason = "stop"
                self._said.append(text)
            case Say(text=text):
                self._said.append(text)
            case _:
                pass
        if self._first is None:
            self._first = max(self._clock() - self._span.began, 0.0)

    def failed(self, error: str) -> None:
        self._reason = "error"
        self._labels[Is.ERROR] = error
        self._span.fail(error)

    def stopped(self) -> None:
        """The reasoner stopped it; that it does so behind an answer is the usual end."""
        self._reason = self._reason or "cancelled"

    def end(self) -> None:
        at, span = self._clock(), self._span
        span.set({Is.FINISH_REASONS: [self._reason or "stop"]})
        if self._first is not None:
            span.set({Is.FIRST_CHUNK: self._first})
            telemetry.measure(names.OPERATION_FIRST_CHUNK, self._first, self._labels, span)
        if self._read or self._written:
            span.set({Is.TOKENS_READ: self._read, Is.TOKENS_WRITTEN: self._written})
            for kind, count in (("input", self._read), ("output", self._written)):
                telemetry.measure(names.TOKEN_USAGE, count, {**self._labels, Is.TOKEN_TYPE: kind}, span)
        if self._said and (said := telemetry.captured(" ".join(self._said))) is not None:
            span.set({Is.TOLD: said})
        telemetry.measure(names.OPERATION_DURATION, max(at - span.began, 0.0), self._labels, span)
        span.end(at)
