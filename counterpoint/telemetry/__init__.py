"""The one room that sees OpenTelemetry: its API only, never a global provider. It knows no conversation and no log.

Without an SDK every call is a no-op. Beats are metrics, never spans; `interaction/traces.py` and
`background/traces.py` say what a log's entries mean in spans, events and metrics.
"""

from counterpoint.telemetry.content import captured
from counterpoint.telemetry.events import TokenBucket, emit
from counterpoint.telemetry.instruments import backend_of, measure, outbox, storing
from counterpoint.telemetry.names import Event, Is, Label
from counterpoint.telemetry.outgoing import outgoing
from counterpoint.telemetry.silence import silenced, silent, unobserved
from counterpoint.telemetry.spans import SPAN_SECONDS, Attributes, Span, SpanKind, Value, begin

__all__ = [
    "SPAN_SECONDS",
    "Attributes",
    "Event",
    "Is",
    "Label",
    "Span",
    "SpanKind",
    "TokenBucket",
    "Value",
    "backend_of",
    "begin",
    "captured",
    "emit",
    "measure",
    "outbox",
    "outgoing",
    "silenced",
    "silent",
    "storing",
    "unobserved",
]
