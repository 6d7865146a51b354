"""Spans with dates of their own (seconds since 1970, from whoever has a clock), and the W3C context that joins them
over processes. It knows no conversation; without an SDK a span is a shadow that carries its parent's context.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from enum import Enum
from typing import Final

from opentelemetry import context, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from counterpoint.telemetry.names import SCHEMA_URL, SCOPE, Is
from counterpoint.telemetry.silence import silent

Value = str | bool | int | float | Sequence[str]
Attributes = Mapping[str, Value]

SPAN_SECONDS: Final = 600.0
"""No span is longer: back ends cut and misfile long traces. What goes on ends as `error.type=deadline`."""

ABOUT: Final = context.create_key("counterpoint-about")
"""In a span's context: the attributes that every span below it should have as well."""

_tracer: Final = trace.get_tracer(SCOPE, schema_url=SCHEMA_URL)
_propagator: Final = TraceContextTextMapPropagator()


class SpanKind(Enum):
    INTERNAL = trace.SpanKind.INTERNAL
    CLIENT = trace.SpanKind.CLIENT
    CONSUMER = trace.SpanKind.CONSUMER


class Span:
    """Begun by `begin`. `about`: whose conversation it is; on this span and all that are begun below it."""

    __slots__ = ("_ended", "_span", "_within", "about", "began")

    def __init__(self, span: trace.Span, about: Attributes, began: float) -> None:
        self.about = about
        self.began = began
        self._span = span
        self._within = trace.set_span_in_context(span, context.set_value(ABOUT, about, context.Context()))
        self._ended = False

    @property
    def traceparent(self) -> str | None:
        """What a log entry carries; None if nobody traces."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier, self._within)
        return carrier.get("traceparent")

    @property
    def id(self) -> str:
        """In hexadecimal, as back ends show it."""
        return f"{self._span.get_span_context().span_id:016x}"

    @property
    def within(self) -> context.Context:
        """For what is recorded or logged about this span."""
        return self._within

    @property
    def ended(self) -> bool:
        return self._ended

    def set(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def fail(self, error: str) -> None:
        """`error`: a class of errors in a word, never a message: messages may repeat what was said."""
        self._span.set_attribute(Is.ERROR, error)
        self._span.set_status(trace.Status(trace.StatusCode.ERROR))

    def end(self, at: float) -> None:
        """Once; a clock that went backwards makes it a span of no length."""
        if not self._ended:
            self._ended = True
            self._span.end(_nanoseconds(max(at, self.began)))

    @contextmanager
    def current(self) -> Generator[None, None, None]:
        """What instrumented libraries do in this block stands below this span."""
        token = context.attach(self._within)
        try:
            yield
        finally:
            context.detach(token)


def begin(
    name: str,
    kind: SpanKind,
    at: float,
    attributes: Attributes,
    *,
    about: Attributes,
    parent: Span | str | None = None,
    links: Sequence[str | None] = (),
) -> Span:
    """`parent`: a span, or the traceparent of one elsewhere; without one a new trace begins, linked to whatever span
    the caller is in. `links`: traceparents.
    """
    if silent():
        return Span(trace.INVALID_SPAN, about, at)
    found = [trace.Link(each) for text in links if (each := _context_of(text)).is_valid]
    if parent is None and (here := trace.get_current_span().get_span_context()).is_valid:
        found.append(trace.Link(here))
    span = _tracer.start_span(
        name,
        parent.within if isinstance(parent, Span) else _extracted(parent),
        kind.value,
        attributes={**about, **attributes},
        links=found,
        start_time=_nanoseconds(at),
        record_exception=False,
    )
    return Span(span, about, at)


def _extracted(traceparent: str | None) -> context.Context:
    nothing = context.Context()
    return _propagator.extract({"traceparent": traceparent}, nothing) if traceparent else nothing


def _context_of(traceparent: str | None) -> trace.SpanContext:
    return trace.get_current_span(_extracted(traceparent)).get_span_context()


def _nanoseconds(at: float) -> int:
    return round(at * 1e9)
