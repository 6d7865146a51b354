"""An SDK for the tests: what leaves the library is kept in memory, while a test looks."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Seen:
    """What was exported since the test began."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()
        self._reader = InMemoryMetricReader()
        self._before: dict[Any, float] = {}
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self._spans))
        logs = LoggerProvider(shutdown_on_exit=False)
        logs.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        trace.set_tracer_provider(traces)
        set_logger_provider(logs)
        metrics.set_meter_provider(MeterProvider([self._reader], shutdown_on_exit=False))

    def look(self) -> None:
        self._spans.clear()
        self._logs.clear()
        self._before = {key: count for key, _, count in self._points()}

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._spans.get_finished_spans()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        (span,) = self.named(name)
        return span

    @property
    def events(self) -> list[Any]:
        return [each.log_record for each in self._logs.get_finished_logs()]

    def event_names(self) -> list[str]:
        return [each.event_name for each in self.events]

    def measured(self, name: str) -> list[tuple[Mapping[str, Any], Any, float]]:
        """Attributes, data point, and how much its count or sum grew, of every series that grew."""
        points = [(key, point, count - self._before.get(key, 0)) for key, point, count in self._points()]
        return [(dict(key[1]), point, grown) for key, point, grown in points if key[0] == name and grown]

    def names(self) -> set[str]:
        return {key[0] for key, _, _ in self._points()}

    def _points(self) -> Iterable[tuple[tuple[str, frozenset[tuple[str, Any]]], Any, float]]:
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points:
                        key = (metric.name, frozenset((point.attributes or {}).items()))
                        yield key, point, point.count if hasattr(point, "count") else point.value


@pytest.fixture(scope="session")
def _sdk() -> Seen:
    """The providers of a process can be set only once; tests beside these merely pay a little for it."""
    return Seen()


@pytest.fixture
def seen(_sdk: Seen) -> Generator[Seen, None, None]:
    _sdk.look()
    yield _sdk
    _sdk.look()
