"""The SDK of `--otel`: providers that export over OTLP/HTTP. Imported only where asked for: the SDK is an extra."""

import os
import socket
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final, cast
from uuid import uuid4

from opentelemetry import context, metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from counterpoint.telemetry.spans import ABOUT, Attributes

EXPORT_SECONDS: Final = 2.0
"""How long one export may take, with its retries."""

SPANS_EVERY_MS: Final = 500
"""A process that is killed loses the ended spans of so long at most."""

METRICS_EVERY_MS: Final = 5_000


class Conversations(SpanProcessor):
    """Spans that other libraries make below ours say as well whose conversation they belong to."""

    def on_start(self, span: Span, parent_context: context.Context | None = None) -> None:
        about = cast("Attributes | None", context.get_value(ABOUT, parent_context))
        known: Any = span.attributes or {}
        for name, value in (about or {}).items():
            if name not in known:
                span.set_attribute(name, value)


def wired(url: str, service: str) -> list[Callable[[], object]]:
    """Sets this process's providers. Returns what flushes and closes them."""
    resource = _resource(service)
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(Conversations())
    spans = OTLPSpanExporter(f"{url}/v1/traces", timeout=EXPORT_SECONDS)
    traces.add_span_processor(BatchSpanProcessor(spans, schedule_delay_millis=SPANS_EVERY_MS))
    logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
    events = OTLPLogExporter(f"{url}/v1/logs", timeout=EXPORT_SECONDS)
    logs.add_log_record_processor(BatchLogRecordProcessor(events, schedule_delay_millis=SPANS_EVERY_MS))
    figures = OTLPMetricExporter(f"{url}/v1/metrics", timeout=EXPORT_SECONDS)
    reader = PeriodicExportingMetricReader(figures, export_interval_millis=METRICS_EVERY_MS)
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    trace.set_tracer_provider(traces)
    set_logger_provider(logs)
    metrics.set_meter_provider(meters)
    return [traces.shutdown, logs.shutdown, meters.shutdown]


def _resource(service: str) -> Resource:
    """What the environment says of this process outranks what we know of it."""
    ours = Resource.create(
        {
            "service.name": service,
            "service.version": version("counterpoint"),
            "service.instance.id": str(uuid4()),
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
        }
    )
    return ours.merge(OTELResourceDetector().detect())
