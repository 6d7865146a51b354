"""The local engine, live: ms per beat while listening and while speaking, alone and beside a background model that
generates on the same cores all the time.

Real weights (SmolLM2-135M-Instruct), a real session; the person types all the while, or the agent speaks all the while.
"""

import argparse
import asyncio
import json
import time

import anyio
from measuring import finish, in_a_process_of_its_own, machine, quantile, resident_mb

from counterpoint.background.engines.local import LocalBackground
from counterpoint.engines.load import load_engine
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.settings import Delegating, Settings
from counterpoint.interaction.model import Offer, Perceived, Span, Start, Stream
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import Expressed
from counterpoint.shared_context.ids import SessionId

TYPED = "So this morning I walked along the river and thought about what we said, and I wonder whether "
ASKED = "Tell me a long story about a fox and a river."


class Timed:
    """The model, and how long it took in each beat: the grid step and the early steps before it, in ms."""

    def __init__(self, model: InstructInteraction) -> None:
        self.model = model
        self.capabilities = model.capabilities
        self.steps: list[tuple[float, bool]] = []
        self.early = 0.0

    def place(self, session: SessionId) -> float | None:
        return self.model.place(session)

    async def open(self, start: Start) -> Stream:
        return TimedStream(self, await self.model.open(start))


class TimedStream:
    def __init__(self, timed: Timed, stream: Stream) -> None:
        self._timed = timed
        self._stream = stream

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        begun = time.perf_counter()
        expressed = await self._stream.step(perceived, woven, span)
        timed = self._timed
        took = (time.perf_counter() - begun) * 1000
        if span.beats:
            timed.steps.append((timed.early + took, bool(expressed.text)))
            timed.early = 0.0
        else:
            timed.early += took
        return expressed

    async def aclose(self) -> None:
        await self._stream.aclose()


async def keep_thinking(background: LocalBackground, runtime: Runtime, session) -> None:
    """The background model writes without a pause."""
    number = 0
    while True:
        if not session.unsettled:
            number += 1
            session.delegate(f"Write down everything that you know about river number {number}.")
        await anyio.sleep(0.05)


async def at_rest(session) -> None:
    while not session.at_rest:  # noqa: ASYNC110 (a bench may poll)
        await anyio.sleep(0.2)


async def converse(speaking: bool, beside: bool, seconds: float) -> dict[str, float]:
    engine = load_engine("smollm2")
    model = Timed(InstructInteraction(engine, Settings(delegate=Delegating.NEVER, utterance_tokens=600)))
    background = LocalBackground(engine, retrieve_first=False)
    said: list[str] = []
    async with Runtime(model, background) as runtime, runtime.session() as session, anyio.create_task_group() as tasks:

        async def person() -> None:
            await anyio.sleep(3)
            if speaking:
                while True:
                    session.push(ASKED)
                    await anyio.sleep(0.4)
                    await at_rest(session)
            while True:
                for word in TYPED.split():
                    session.push(TextChunk(f"{word} ", done=False))
                    await anyio.sleep(0.35)

        async def listen() -> None:
            async for turn in session:
                if turn.text:
                    said.append(turn.text)
                    session.played(turn)

        tasks.start_soon(listen)
        tasks.start_soon(person)
        if beside:
            tasks.start_soon(keep_thinking, background, runtime, session)
        await anyio.sleep(5)
        model.steps.clear()
        said.clear()
        await anyio.sleep(seconds)
        steps = [took for took, spoke in model.steps if spoke is speaking]
        every = [took for took, _ in model.steps]
        figures = {
            "p50": quantile(steps, 0.5),
            "p95": quantile(steps, 0.95),
            "max": max(every),
            "steps": len(steps),
            "words_per_second": len("".join(said).split()) / seconds,
            "memory_mb": resident_mb(),
        }
        tasks.cancel_scope.cancel()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--seconds", type=float, default=20.0, help="measured time per case (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="fresh processes per case (default: %(default)s)")
    parser.add_argument("--case", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        speaking, beside = map(bool, arguments.case)
        print(json.dumps(asyncio.run(converse(speaking, beside, arguments.seconds))))
        return
    figures: dict[str, object] = {"machine": machine()}
    for speaking in (False, True):
        for beside in (False, True):
            name = ("speaking" if speaking else "listening") + ("_with_background" if beside else "")
            rounds = [
                in_a_process_of_its_own(
                    __file__, "--case", str(int(speaking)), str(int(beside)), "--seconds", str(arguments.seconds)
                )
                for _ in range(arguments.rounds)
            ]
            for key in ("p50", "p95", "max"):
                figures[f"{name}_{key}_ms"] = sorted(each[key] for each in rounds)[len(rounds) // 2]
            if speaking:
                figures[f"{name}_words_per_second"] = max(each["words_per_second"] for each in rounds)
            figures[f"{name}_memory_mb"] = max(each["memory_mb"] for each in rounds)
    finish(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
