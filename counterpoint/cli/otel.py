"""`--otel ENDPOINT`: spans, events and metrics of a command go to an OpenTelemetry back end.

Export happens beside the conversation, in threads: whoever does not answer delays nothing and is mentioned once.
"""

import logging
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from counterpoint.errors import ConfigurationError, MissingExtra

FLUSH_SECONDS: Final = 3.0
"""How long the end of a command waits until the last spans are delivered."""

_KINDS: Final = {"trace_exporter": "spans", "metric_exporter": "metrics", "_log_exporter": "events"}


@contextmanager
def exporting(endpoint: str | None, service: str) -> Generator[None, None, None]:
    """While the block lasts, spans, events and metrics go to this endpoint; None: nowhere.

    `service`: `service.name`, unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` say another;
    `OTEL_EXPORTER_OTLP_HEADERS` are sent along. Raises `ConfigurationError` for what is no URL, `MissingExtra`.
    """
    if endpoint is None:
        yield
        return
    url = _checked(endpoint)
    try:
        from counterpoint.cli.otel_sdk import wired
    except ImportError as error:
        raise MissingExtra("--otel", "otel") from error
    _hush(urlsplit(url).hostname or "")
    closings = wired(url, service)
    try:
        yield
    finally:
        _close(closings)


def _checked(endpoint: str) -> str:
    """It is not repeated in a message: it may hold a password."""
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError("--otel: an OTLP/HTTP endpoint looks like http://localhost:4318")
    return endpoint.rstrip("/").removesuffix("/v1/traces")


def _close(closings: Sequence[Callable[[], object]]) -> None:
    """All at once, and not for ever: threads that still wait for an answer end with the process."""
    threads = [Thread(target=closing, daemon=True) for closing in closings]
    for thread in threads:
        thread.start()

    def wait() -> None:
        for thread in threads:
            thread.join()

    waiting = Thread(target=wait, daemon=True)
    waiting.start()
    waiting.join(FLUSH_SECONDS)


class _Once(logging.Handler):
    """Says of each kind once that it is not delivered."""

    def __init__(self, host: str) -> None:
        super().__init__(logging.WARNING)
        self._host = host
        self._said: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        kind = next((kind for part, kind in _KINDS.items() if part in record.name), None)
        if kind is None or kind in self._said:
            return
        self._said.add(kind)
        arguments = record.args if isinstance(record.args, tuple) else ()
        status = next((each for each in arguments if isinstance(each, int)), None)
        why = f"it answers {status}" if status else "nobody answers"
        print(f"--otel: {kind} are not delivered to {self._host}: {why} (said once)", file=sys.stderr)


def _hush(host: str) -> None:
    logger = logging.getLogger("opentelemetry")
    logger.propagate = False
    logger.addHandler(_Once(host))
