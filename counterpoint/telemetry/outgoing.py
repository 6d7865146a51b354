"""The trace context for requests to other services."""

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()


def outgoing() -> dict[str, str]:
    """Headers (`traceparent`, `tracestate`) of the span that the caller is in; empty if nobody traces."""
    headers: dict[str, str] = {}
    _propagator.inject(headers)
    return headers
