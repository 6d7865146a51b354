"""Beats: how late, and what a conversation costs, with 1 to 400 conversations in one process.

Audio arrives in pieces of 20 ms (a timer per conversation), a trivial model says a word now and then, a listener takes
every micro-turn, the log is written. Beside it: a bare event loop that only collects the same pieces. All figures of a
count come from one fresh process; several rounds, the median is reported.
"""

import argparse
import asyncio
import gc
import json
import statistics
import sys
import time

import anyio
from measuring import finish, in_a_process_of_its_own, machine, quantile, resident_mb

from counterpoint.interaction.model import Capabilities, Modality, Offer, Perceived, Span, Start
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import AudioChunk
from counterpoint.shared_context.expressed import SILENCE, Boundary, Expressed
from counterpoint.shared_context.ids import SessionId
from counterpoint.testing.virtual_time import VirtualTimeLoop

PIECE = 0.02
SOUND = bytes(640)
WORD = Expressed("word", boundary=Boundary.END)


class Trivial:
    """Says a word every two seconds."""

    capabilities = Capabilities("trivial", perceives=frozenset({Modality.TEXT, Modality.AUDIO}))

    def place(self, session: SessionId) -> float | None:
        return None

    async def open(self, start: Start) -> "Trivial":
        return self

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        return WORD if span.last % 10 == 0 else SILENCE

    async def aclose(self) -> None:
        pass


class Feeder:
    """Pushes a piece every 20 ms, on a grid of its own."""

    def __init__(self, take, begin: float) -> None:
        self._take = take
        self._begin = begin
        self._seq = 0
        self._handle = asyncio.get_running_loop().call_at(begin, self._push)

    def _push(self) -> None:
        self._take(AudioChunk(SOUND, self._seq, self._seq * PIECE))
        self._seq += 1
        self._handle = asyncio.get_running_loop().call_at(self._begin + self._seq * PIECE, self._push)

    def stop(self) -> None:
        self._handle.cancel()


async def converse(session: Session, late: list[float], warm: float) -> None:
    async for turn in session:
        if anyio.current_time() > warm:
            late.append(turn.late)
        if turn.text:
            session.played(turn)


async def converse_many(count: int, seconds: float, *, audio: bool) -> dict[str, float]:
    late: list[float] = []
    before = resident_mb()
    async with Runtime(Trivial()) as runtime, anyio.create_task_group() as tasks:
        warm = anyio.current_time() + 3 + count / 200

        async def one(index: int) -> None:
            async with runtime.session() as session:
                feeder = Feeder(session.push, anyio.current_time() + index * PIECE / count) if audio else None
                try:
                    await converse(session, late, warm)
                finally:
                    if feeder:
                        feeder.stop()

        for index in range(count):
            tasks.start_soon(one, index)
        await anyio.sleep_until(warm)
        gc.collect()
        gc.freeze()
        begun, cpu = anyio.current_time(), time.process_time()
        await anyio.sleep(seconds)
        used, lasted = time.process_time() - cpu, anyio.current_time() - begun
        memory = resident_mb() - before
        tasks.cancel_scope.cancel()
    return {
        "p50": quantile(late, 0.5) * 1000,
        "p99": quantile(late, 0.99) * 1000,
        "max": max(late) * 1000,
        "cpu": used / lasted / count * 100,
        "memory_kb": memory * 1000 / count,
    }


async def collect_only(count: int, seconds: float) -> dict[str, float]:
    """The floor: the same timers, the pieces put on a list, nothing else."""
    heard: list[AudioChunk] = []
    feeders = [Feeder(heard.append, anyio.current_time() + index * PIECE / count) for index in range(count)]
    await anyio.sleep(1)
    heard.clear()
    begun, cpu = anyio.current_time(), time.process_time()
    await anyio.sleep(seconds)
    used, lasted = time.process_time() - cpu, anyio.current_time() - begun
    for feeder in feeders:
        feeder.stop()
    return {"cpu": used / lasted / count * 100}


async def drift(beats: int) -> float:
    """How far beat number `beats` is from its computed place, in ms of virtual time."""
    async with Runtime(Trivial()) as runtime, runtime.session() as session:
        begun = anyio.current_time()
        async for turn in session:
            if turn.beat == beats - 1:
                break
        return (anyio.current_time() - begun - beats * 0.2) * 1000


def measure(count: int, seconds: float) -> dict[str, dict[str, float]]:
    return {
        "live": asyncio.run(converse_many(count, seconds, audio=True)),
        "idle": asyncio.run(converse_many(count, seconds, audio=False)),
        "bare": asyncio.run(collect_only(count, seconds)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--seconds", type=float, default=10.0, help="measured time per count (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes per count (default: %(default)s)")
    parser.add_argument("--one", type=int, metavar="COUNT", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(arguments.one, arguments.seconds)))
        return
    figures: dict[str, object] = {"machine": machine(), "rounds": arguments.rounds}
    for count in (1, 50, 200, 400):
        rounds = [
            in_a_process_of_its_own(__file__, "--one", str(count), "--seconds", str(arguments.seconds))
            for _ in range(arguments.rounds)
        ]
        for kind, name in (("live", ""), ("idle", "idle_")):
            for key in ("p50", "p99", "max"):
                figures[f"{name}lateness_{key}_ms_{count}"] = statistics.median(each[kind][key] for each in rounds)
        figures[f"cpu_percent_per_conversation_{count}"] = statistics.median(each["live"]["cpu"] for each in rounds)
        figures[f"idle_cpu_percent_{count}"] = statistics.median(each["idle"]["cpu"] for each in rounds)
        figures[f"bare_loop_cpu_percent_{count}"] = statistics.median(each["bare"]["cpu"] for each in rounds)
        figures[f"memory_kb_per_conversation_{count}"] = statistics.median(each["live"]["memory_kb"] for each in rounds)
        print(f"... {count} conversations measured", file=sys.stderr, flush=True)
    loop = VirtualTimeLoop()
    figures["drift_ms_over_10000_beats"] = loop.run_until_complete(drift(10_000))
    loop.close()
    finish(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
