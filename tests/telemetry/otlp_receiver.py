"""Whoever receives OTLP over HTTP: a real server that decodes what it is sent, and may pass it on."""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Received:
    def __init__(self, refuses: tuple[str, ...] = ()) -> None:
        self.refuses = refuses
        self.spans: list = []
        self.events: list = []
        self.metrics: list = []
        self.resources: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.raw = b""

    def take(self, path: str, body: bytes) -> None:
        self.raw += body
        if path.endswith("/v1/traces"):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self._resource(resource.resource)
                self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        elif path.endswith("/v1/logs"):
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                self.events += [record for scope in resource.scope_logs for record in scope.log_records]
        elif path.endswith("/v1/metrics"):
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                self.metrics += [metric for scope in resource.scope_metrics for metric in scope.metrics]

    def as_a_back_end_shows_them(self) -> list[dict]:
        """Spans in the words of Phoenix's API."""
        return [
            {
                "name": span.name,
                "context": {"trace_id": span.trace_id.hex(), "span_id": span.span_id.hex()},
                "parent_id": span.parent_span_id.hex() or None,
                "attributes": {each.key: _plain(each.value) for each in span.attributes},
                "status_code": ("UNSET", "OK", "ERROR")[span.status.code],
                "start_time": span.start_time_unix_nano,
                "end_time": span.end_time_unix_nano,
            }
            for span in self.spans
        ]

    def _resource(self, resource) -> None:
        self.resources.append({each.key: each.value.string_value for each in resource.attributes})


def _plain(value) -> object:
    return getattr(value, value.WhichOneof("value"))


@contextmanager
def receiving(refuses: tuple[str, ...] = (), then: str = "") -> Generator[tuple[str, Received], None, None]:
    """The URL, and what has come in. `refuses`: ends of paths that are answered with 404. `then`: the URL of a back end
    that gets the same, as it came; its answer is the answer.
    """
    received = Received(refuses)

    def passed_on(path: str, body: bytes) -> int:
        headers = {"Content-Type": "application/x-protobuf"}
        return httpx.post(f"{then}{path}", content=body, headers=headers).status_code

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            refused = self.path.endswith(received.refuses) if received.refuses else False
            if not refused:
                received.headers.append(dict(self.headers))
                received.take(self.path, body)
            self.send_response(404 if refused else passed_on(self.path, body) if then else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", received
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
