"""Passwords of stores and keys of services stand in no log line, error, `repr`, trace, metric or entry."""

import logging
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Generator, Sequence
from pathlib import Path

import anyio
import pytest
import redis
import redis_server

from counterpoint.errors import ConfigurationError, CounterpointError
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.codec import to_json
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import Degraded, Recovered
from counterpoint.testing import ScriptedInteraction, play
from counterpoint.tools.tavily import Tavily

ROOT = Path(__file__).parents[2]
SECRET = "Tr0ub4dor&3-nobody-may-read-this"
QUOTED = "Tr0ub4dor%263-nobody-may-read-this"
KEY = "tvly-nobody-may-read-this-either"

pytestmark = pytest.mark.real


def leaked(*texts: str) -> list[str]:
    return [secret for secret in (SECRET, QUOTED, KEY) for text in texts if secret in text]


@pytest.fixture(scope="module")
def socket() -> Generator[Path, None, None]:
    """A server with one user, who has a password."""
    with redis_server.running() as path:
        with redis.Redis(unix_socket_path=str(path)) as server:
            server.acl_setuser(
                "user", enabled=True, passwords=[f"+{SECRET}"], keys=["*"], channels=["*"], commands=["+@all"]
            )
            server.acl_setuser("operator", enabled=True, passwords=["+operator"], commands=["+@all"], keys=["*"])
            server.acl_setuser("default", enabled=False)
        yield path


def run(*arguments: str, until: str = "", seconds: float = 30) -> str:
    """Everything that a command writes. `until`: stop it once it has written this."""
    environment = {**os.environ, "TAVILY_API_KEY": KEY, "OPENAI_API_KEY": KEY, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-X", "dev", "-m", "counterpoint.cli.main", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=environment
    ) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if until and until in line:
                process.send_signal(signal.SIGTERM)
                until = ""
        process.wait(seconds)
    return "".join(lines)


NOWHERE = f"redis://user:{QUOTED}@127.0.0.1:1"

COMMANDS = [
    (["worker", "--store", NOWHERE], "waiting for the store"),
    (["worker", "--store", f"redis://user:{QUOTED}@127.0.0.1:port"], ""),
    (["worker", "--store", f"redis://user:{QUOTED}@127.0.0.1/0?colour=red"], ""),
    (["worker", "--store", f"carrier-pigeon://user:{QUOTED}@127.0.0.1"], ""),
    (["worker", "--store", f"rediss://user:{QUOTED}@127.0.0.1:1?ssl_ca_certs=/no/such/file"], ""),
    (["worker", "--store", "SOCKET_WRONG"], ""),
    (["worker", "--store", "SOCKET", "--background", "retrieval"], "works with"),
    (["dead", "--store", NOWHERE], ""),
    (["dead", "--store", f"redis+cluster://user:{QUOTED}@127.0.0.1:1"], ""),
    (["dead", "--store", "SOCKET"], ""),
    (["talk", "--interaction", "http://127.0.0.1:1/v1?key=OPENAI_API_KEY#model", "--background", "none"], ""),
    (["worker", "--store", "SOCKET", "--background", "http://127.0.0.1:1/v1?key=OPENAI_API_KEY#model"], "works with"),
    (["log", "nobody", "--store", "SOCKET"], ""),
    (["log", "nobody", "--store", NOWHERE], ""),
]


@pytest.mark.parametrize(("arguments", "until"), COMMANDS, ids=range(len(COMMANDS)))
def test_no_command_writes_a_password_or_a_key(arguments: Sequence[str], until: str, socket: Path) -> None:
    stores = {"SOCKET": f"unix://user:{QUOTED}@{socket}", "SOCKET_WRONG": f"unix://wrong:{QUOTED}@{socket}"}
    written = run(*(stores.get(argument, argument) for argument in arguments), until=until)
    assert written.strip()
    assert not leaked(written)


def test_the_environment_names_the_store_where_a_command_line_could_be_read(socket: Path) -> None:
    environment = {**os.environ, "COUNTERPOINT_STORE": f"unix://user:{QUOTED}@{socket}"}
    command = [sys.executable, "-m", "counterpoint.cli.main", "dead"]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=True, timeout=30)
    assert ran.stdout == "no dead letters\n"
    helped = subprocess.run(
        [*command, "--help"], capture_output=True, text=True, cwd=ROOT, env=environment, check=True, timeout=30
    )
    assert not leaked(ran.stdout, ran.stderr, helped.stdout)


async def test_no_error_holds_the_password_and_neither_does_what_caused_it(
    socket: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for url in (NOWHERE, f"redis+cluster://user:{QUOTED}@127.0.0.1:1", f"unix://wrong:{QUOTED}@{socket}"):
        store = connect(url)
        with pytest.raises(CounterpointError) as told:
            await store.__aenter__()
        assert not leaked(*traceback.format_exception(told.value), repr(store), repr(told.value))
    for url in (f"redis://user:{QUOTED}@host:port", f"nothing://user:{QUOTED}@host"):
        with pytest.raises(ConfigurationError) as told:
            connect(url)
        assert not leaked(*traceback.format_exception(told.value))
    assert not leaked(caplog.text)


async def test_no_entry_holds_the_password_of_a_store_that_locks_its_user_out(socket: Path) -> None:
    store = connect(f"unix://user:{QUOTED}@{socket}")

    async def lock_out(session: Session) -> None:
        with redis.Redis(unix_socket_path=str(socket), username="operator", password="operator") as server:
            await anyio.sleep(0.6)
            server.acl_setuser("user", enabled=False)
            server.client_kill_filter(_type="normal", skipme=True)
            server.client_kill_filter(_type="pubsub")
            session.push("are you there?")
            await anyio.sleep(0.8)
            server.acl_setuser("user", enabled=True)

    runtime = Runtime(ScriptedInteraction(), store=store)
    assert not leaked(repr(runtime), repr(store), repr(runtime.__dict__))
    played = await play(runtime, beats=20, also=lock_out)
    [degraded] = played.bodies(Degraded)
    assert "does not let this user in" in degraded.reason
    assert len(played.bodies(Recovered)) == 1
    assert not leaked(*(to_json(stored.entry).decode() for stored in played.entries))


TRACED = """
import anyio
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
meters = MeterProvider([PeriodicExportingMetricReader(ConsoleMetricExporter())])
metrics.set_meter_provider(meters)

from counterpoint.runtime import Runtime
from counterpoint.testing import ScriptedBackground, ScriptedInteraction, delegate, play
from counterpoint.testing.scripted_background import Call, Answer
from counterpoint.tools import tool

@tool
async def look(what: str) -> str:
    "Looks."
    raise RuntimeError("the tool broke")

async def main(url):
    model = ScriptedInteraction(delegate("the next train", at=2, saying="Let me look."))
    background = ScriptedBackground(after=0.3, answer="It leaves at 10:14.")
    await play(Runtime(model, background, tools=[look], store=url), beats=15)

import sys
anyio.run(main, sys.argv[1])
meters.shutdown()
"""


def test_no_span_and_no_metric_holds_the_password() -> None:
    with redis_server.running() as path:
        with redis.Redis(unix_socket_path=str(path)) as server:
            server.acl_setuser(
                "user", enabled=True, passwords=[f"+{SECRET}"], keys=["*"], channels=["*"], commands=["+@all"]
            )
        url = f"unix://user:{QUOTED}@{path}"
        ran = subprocess.run(
            [sys.executable, "-c", TRACED, url], capture_output=True, text=True, cwd=ROOT, check=True, timeout=60
        )
    assert '"name": ' in ran.stdout
    assert not leaked(ran.stdout, ran.stderr)


async def test_a_service_that_cannot_be_asked_is_reported_without_its_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tavily = Tavily(KEY, url="http://127.0.0.1:1")
    with pytest.raises(CounterpointError) as told:
        async for _ in tavily.search("trains", limit=1):
            pass
    assert not leaked(*traceback.format_exception(told.value), repr(tavily), caplog.text)
