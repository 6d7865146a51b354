"""Streaming sessions on vLLM: how a beat's cost grows with the conversation, what our layer adds, how many fit at once.

SmolLM2-135M-Instruct on this machine's processor, its core a child process.
"""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import anyio.to_thread
from engine_beats import BEAT_MS, CHUNK, MADE, Talk, at_once, beat
from measuring import quantile, resident_mb

from counterpoint.engines.core_options import CoreOptions
from counterpoint.engines.load import load_vllm

if TYPE_CHECKING:
    from counterpoint.engines.vllm_engine import VllmEngine

CONVERSATIONS = (1, 2, 4, 8)
LONGEST = 3_500
WINDOWS = {200: "200", 1_000: "1000", 2_000: "2000", LONGEST: "3500"}
WINDOW = 270
"""Tokens around a length over which beats are measured: two of vLLM's blocks on a CPU, so that re-sending, which
computes an unfinished block anew each time, is seen at its best and at its worst."""


async def vllm(beats: int, options: CoreOptions) -> dict[str, object]:
    engine = await anyio.to_thread.run_sync(load_vllm, "smollm2", options)
    try:
        await at_once(engine, 1, begin=100, beats=3)
        return {**await several(engine, beats), **await layer(engine, 3 * beats), **await growing(engine)}
    finally:
        await engine.aclose()


async def several(engine: "VllmEngine", beats: int) -> dict[str, object]:
    """Sharing steps, and each in steps of its own as they come; in turns, as what else the machine does changes."""
    figures: dict[str, object] = {}
    kept_up = 0
    for conversations in CONVERSATIONS:
        found = await at_once(engine, conversations, begin=500, beats=beats)
        figures |= {f"vllm_{conversations}_{key}": value for key, value in found.items()}
        kept_up = conversations if found["p95_ms"] <= BEAT_MS else kept_up
        with apart(engine):
            found = await at_once(engine, conversations, begin=500, beats=beats)
        figures |= {f"vllm_{conversations}_apart_{key}": value for key, value in found.items()}
    return {**figures, "conversations_kept_up": kept_up, "vllm_memory_mb": resident_mb() + core_mb()}


@contextmanager
def apart(engine: "VllmEngine") -> Iterator[None]:
    """Chunks go to the core as they come, for sessions that begin meanwhile."""
    core = engine._core  # noqa: SLF001 (a bench compares)
    gathering, core._gathering = core._gathering, None  # noqa: SLF001
    try:
        yield
    finally:
        core._gathering = gathering  # noqa: SLF001


async def growing(engine: "VllmEngine") -> dict[str, object]:
    """Streaming beside re-sending, in turns, so that what else the machine does strikes both."""
    session = await engine.open()
    streamed, sent = Talk(engine, 1), Talk(engine, 2)
    context: list[int] = []
    stream_ms: dict[str, list[float]] = {name: [] for name in WINDOWS.values()}
    resend_ms: dict[str, list[float]] = {name: [] for name in WINDOWS.values()}
    while session.length < LONGEST:
        took, _ = await beat(session, streamed.next(CHUNK))
        context += sent.next(CHUNK)
        if (name := window(session.length)) is None:
            context += sent.next(MADE)
            continue
        again, made = await resend(engine, context)
        context += made
        stream_ms[name].append(took)
        resend_ms[name].append(again)
    await session.aclose()
    figures: dict[str, object] = {}
    for name in WINDOWS.values():
        figures[f"streaming_{name}_p50_ms"] = quantile(stream_ms[name], 0.5)
        figures[f"streaming_{name}_p95_ms"] = quantile(stream_ms[name], 0.95)
        figures[f"resending_{name}_p50_ms"] = quantile(resend_ms[name][1:], 0.5)
        figures[f"resending_{name}_p95_ms"] = quantile(resend_ms[name][1:], 0.95)
    return {
        **figures,
        "growth_ratio_streaming": quantile(stream_ms["3500"], 0.5) / quantile(stream_ms["200"], 0.5),
        "growth_ratio_resending": quantile(resend_ms["3500"][1:], 0.5) / quantile(resend_ms["200"][1:], 0.5),
        "speedup_at_2000": quantile(resend_ms["2000"][1:], 0.5) / quantile(stream_ms["2000"], 0.5),
    }


def window(length: int) -> str | None:
    for centre, name in WINDOWS.items():
        begin = min(max(centre - WINDOW // 2, 0), LONGEST - WINDOW)
        if begin <= length < begin + WINDOW:
            return name
    return None


async def resend(engine: "VllmEngine", context: list[int]) -> tuple[float, list[int]]:
    """As for a server: everything anew, with what the prefix cache still holds."""
    core = raw_core(engine)
    made: list[int] = []
    begun = time.perf_counter()
    async for output in core.generate({"prompt_token_ids": list(context)}, raw_parameters(MADE), uuid4().hex):
        made += output.outputs[0].token_ids
    return (time.perf_counter() - begun) * 1000, made


async def layer(engine: "VllmEngine", beats: int) -> dict[str, object]:
    """The same chunks to our session and to vLLM itself: once cut as ours are, a token each, and once whole."""
    session = await engine.open()
    talk = Talk(engine, 3)
    cut, whole = Raw(engine, 1), Raw(engine, MADE)
    ours: list[float] = []
    for number in range(beats + 3):
        chunk = talk.next(CHUNK)
        took, _ = await beat(session, chunk)
        as_ours, at_a_time = await cut.beat(chunk), await whole.beat(chunk)
        if number >= 3:
            ours.append(took)
            cut.took.append(as_ours)
            whole.took.append(at_a_time)
    await session.aclose()
    await cut.aclose()
    await whole.aclose()
    over = [mine - theirs for mine, theirs in zip(ours, cut.took, strict=True)]
    return {
        "layer_ours_p50_ms": quantile(ours, 0.5),
        "layer_raw_p50_ms": quantile(cut.took, 0.5),
        "layer_raw_whole_chunks_p50_ms": quantile(whole.took, 0.5),
        "layer_overhead_p50_ms": quantile(over, 0.5),
        "layer_overhead_p99_ms": quantile(over, 0.99),
        "layer_overhead_over_whole_chunks_p50_ms": quantile(
            [mine - theirs for mine, theirs in zip(ours, whole.took, strict=True)], 0.5
        ),
    }


class Raw:
    """A streaming session as vLLM's own calls have it, in chunks of `at_a_time` tokens."""

    def __init__(self, engine: "VllmEngine", at_a_time: int) -> None:
        self.took: list[float] = []
        self._core = raw_core(engine)
        self._parameters = raw_parameters(at_a_time)
        self._rounds = MADE // at_a_time
        self._inbox: asyncio.Queue[list[int]] = asyncio.Queue()
        self._outputs = self._core.generate(self._chunks(), self._parameters, uuid4().hex)
        self._last: list[int] = []

    async def beat(self, chunk: list[int]) -> float:
        begun = time.perf_counter()
        for _ in range(self._rounds):
            await self._inbox.put([*self._last, *chunk])
            chunk, made = [], []
            async for output in self._outputs:
                made += output.outputs[0].token_ids
                if output.outputs[0].finish_reason is not None:
                    break
            self._last = made[-1:]
        return (time.perf_counter() - begun) * 1000

    async def aclose(self) -> None:
        await self._outputs.aclose()

    async def _chunks(self) -> AsyncGenerator[Any, None]:
        from vllm.engine.protocol import StreamingInput
        from vllm.inputs import TokensPrompt

        while True:
            prompt = TokensPrompt(prompt_token_ids=await self._inbox.get())
            yield StreamingInput(prompt=self._core.renderer.render_cmpl([prompt])[0], sampling_params=self._parameters)


def raw_core(engine: "VllmEngine") -> Any:
    return engine._core._engine  # noqa: SLF001 (vLLM itself, which our layer is compared with)


def raw_parameters(made: int) -> Any:
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    return SamplingParams(
        max_tokens=made, temperature=0, ignore_eos=True, detokenize=False, output_kind=RequestOutputKind.DELTA
    )


def core_mb() -> float:
    """Resident memory of the processes below this one, in MB."""
    pages = 0
    waiting = [process.pid for process in multiprocessing.active_children()]
    while waiting:
        process = waiting.pop()
        children = Path(f"/proc/{process}/task/{process}/children")
        try:
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
            waiting += [int(child) for child in children.read_text().split()]
        except OSError:
            continue
    return pages * 4096 / 1e6
