"""Events as log records that belong to a span, and a bucket that keeps a bad minute from becoming a flood."""

from collections.abc import Callable
from typing import Final

from opentelemetry import _logs  # the API keeps logs here while their stability is "development"

from counterpoint.telemetry.names import SCHEMA_URL, SCOPE, Event
from counterpoint.telemetry.silence import silent
from counterpoint.telemetry.spans import Attributes, Span

_logger: Final = _logs.get_logger(SCOPE, schema_url=SCHEMA_URL)
_WARNINGS: Final = frozenset({Event.FAILED, Event.TAKEN_OVER, Event.DROPPED, Event.OVERRUN, Event.DEGRADED})


def emit(event: Event, at: float, span: Span | None, attributes: Attributes) -> None:
    """`at`: seconds since 1970. `span`: the one that it belongs to."""
    if silent():
        return
    severity = _logs.SeverityNumber.WARN if event in _WARNINGS else _logs.SeverityNumber.INFO
    _logger.emit(
        timestamp=round(at * 1e9),
        context=span.within if span else None,
        severity_number=severity,
        severity_text=severity.name,
        body=event.value,
        attributes=dict(attributes),
        event_name=event.value,
    )


class TokenBucket:
    """At most one a second, and how many there were meanwhile. `now`: seconds, of whatever clock is passed."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._next: float | None = None
        self._suppressed = 0

    def spend(self, now: float, emit: Callable[[int], None]) -> None:
        """Calls `emit` with the number of those that were passed over since the last, or counts one more. A clock that
        was set back (another loop) begins anew.
        """
        if self._next is not None and self._next - self._seconds <= now < self._next:
            self._suppressed += 1
            return
        suppressed, self._suppressed = self._suppressed, 0
        self._next = now + self._seconds
        emit(suppressed)
