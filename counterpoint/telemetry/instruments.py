"""The instruments of the table in `names`. Without an SDK each is a no-op."""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from time import perf_counter
from typing import Final, assert_never

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Observation, UpDownCounter

from counterpoint.telemetry.names import METRICS, SCHEMA_URL, SCOPE, STORE_APPEND, STORE_ERRORS, Kind, Label, Metric
from counterpoint.telemetry.silence import silent
from counterpoint.telemetry.spans import Attributes, Span

_meter: Final = metrics.get_meter(SCOPE, schema_url=SCHEMA_URL)
_outboxes: Final[dict[int, Callable[[], int]]] = {}


def _outbox_sizes(_: CallbackOptions) -> Iterable[Observation]:
    """Called by an exporter's thread."""
    return [Observation(sum(waiting() for waiting in list(_outboxes.values())))]


def _made(metric: Metric) -> Histogram | Counter | UpDownCounter | None:
    name, unit, description = metric.name, metric.unit, metric.description
    match metric.kind:
        case Kind.HISTOGRAM:
            return _meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=metric.buckets)
        case Kind.COUNTER:
            return _meter.create_counter(name, unit, description)
        case Kind.UP_DOWN:
            return _meter.create_up_down_counter(name, unit, description)
        case Kind.GAUGE:
            _meter.create_observable_gauge(name, [_outbox_sizes], unit, description)
            return None
        case _ as never:
            assert_never(never)


_instruments: Final = {metric.name: _made(metric) for metric in METRICS}


def measure(metric: Metric, value: float, labels: Attributes, span: Span | None = None) -> None:
    """Record or add. `span`: an exemplar leads from the bucket to it."""
    if silent():
        return
    instrument, within = _instruments[metric.name], span.within if span else None
    if isinstance(instrument, Histogram):
        instrument.record(value, labels, within)
    elif instrument is not None:
        instrument.add(value, labels, within)


@contextmanager
def outbox(waiting: Callable[[], int]) -> Generator[None, None, None]:
    """While the block lasts, these entries count as waiting. The number is asked for by an exporter, not told."""
    key = id(waiting)
    _outboxes[key] = waiting
    try:
        yield
    finally:
        del _outboxes[key]


@contextmanager
def storing(backend: str, operation: str) -> Generator[None, None, None]:
    """One write to a store: how long it took, or that it was not taken."""
    labels: Attributes = {Label.BACKEND: backend, Label.OPERATION: operation}
    began = perf_counter()
    try:
        yield
    except Exception:
        measure(STORE_ERRORS, 1, labels)
        raise
    measure(STORE_APPEND, perf_counter() - began, labels)


def backend_of(store: object) -> str:
    """A store's kind in a word: "memory", "redis", or the name of a class of the application's own."""
    return type(store).__name__.removesuffix("Store").lower() or "store"
