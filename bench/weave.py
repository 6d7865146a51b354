"""Weaving: from a result being ready to the model's input, and to the first expressed word of it.

The first is measured in real time, through the worker and the store, in an idle text conversation. The second is
counted in beats under virtual time (it is decided, not raced), for every offset of the note within the speech.
"""

import argparse
import asyncio
import random
import statistics
import time

import anyio
from measuring import finish, machine, quantile

from counterpoint.background.model import Answer, Observation
from counterpoint.interaction.model import Capabilities, Offer, Perceived, Span, Start
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.expressed import SILENCE, Boundary, Expressed, Voiced
from counterpoint.shared_context.ids import SessionId
from counterpoint.shared_context.package import ContextPackage
from counterpoint.testing.person import types
from counterpoint.testing.play import play
from counterpoint.testing.scripted_interaction import ScriptedInteraction, say
from counterpoint.testing.virtual_time import VirtualTimeLoop

NOTE = "Your taxi is here."


class Instant:
    """Answers after a random pause, and remembers when."""

    name = "instant"

    def __init__(self) -> None:
        self.ready = 0.0

    async def think(self, package: ContextPackage, tools, observations: list[Observation]):
        await anyio.sleep(random.uniform(1.0, 1.4))
        self.ready = time.perf_counter()
        yield Answer(NOTE)


class Watching:
    """Voices every note at once, and remembers when it got it."""

    capabilities = Capabilities("watching", partial=True)

    def __init__(self) -> None:
        self.got = anyio.Event()
        self.at = 0.0

    def place(self, session: SessionId) -> float | None:
        return None

    async def open(self, start: Start) -> "Watching":
        return self

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        if not woven:
            return SILENCE
        self.at = time.perf_counter()
        self.got.set()
        note = woven[0].note
        return Expressed(note.text, voiced=(Voiced(note.id, 0, len(note.text)),), boundary=Boundary.END)

    async def aclose(self) -> None:
        pass


async def idle(trials: int) -> list[float]:
    """Milliseconds from the answer being made to its being in the model's input."""
    model, background = Watching(), Instant()
    waits: list[float] = []
    async with Runtime(model, background) as runtime, runtime.session() as session, anyio.create_task_group() as tasks:

        async def listen() -> None:
            async for turn in session:
                if turn.text:
                    session.played(turn)

        tasks.start_soon(listen)
        await anyio.sleep(1)
        for number in range(trials):
            model.got = anyio.Event()
            session.delegate(f"question {number}")
            await model.got.wait()
            waits.append((model.at - background.ready) * 1000)
        tasks.cancel_scope.cancel()
    return waits


async def first_word(speech: str, laid: int, *, clauses: bool = True, person=()) -> int:
    """Beats from a note being laid in beat `laid` to the beat in which its first word is expressed."""

    async def application(session: Session) -> None:
        await anyio.sleep((laid + 0.5) * 0.2)
        session.lay(NOTE)

    model = ScriptedInteraction(say(speech, at=2), clauses=clauses) if speech else ScriptedInteraction()
    played = await play(Runtime(model), person, laid + 40, also=application)
    return played.said_at("Your taxi") - laid


def beats(speech: str, offsets: range, *, clauses: bool = True, person=()) -> list[int]:
    counted = []
    for offset in offsets:
        loop = VirtualTimeLoop()
        counted.append(loop.run_until_complete(first_word(speech, offset, clauses=clauses, person=person)))
        loop.close()
    return counted


def words(seconds: float) -> str:
    """A word a beat, a comma after every fifth and a full stop after every tenth."""
    count = round(seconds / 0.2)
    marks = {0: ".", 5: ","}
    return " ".join(f"word{marks.get((n + 1) % 10, '')}" for n in range(count))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--trials", type=int, default=50, help="idle trials per round (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of idle trials (default: %(default)s)")
    arguments = parser.parse_args()
    rounds = [asyncio.run(idle(arguments.trials)) for _ in range(arguments.rounds)]
    typing = types("when does the last train to Bath leave today", at=20, keys_per_beat=2)
    figures: dict[str, object] = {
        "machine": machine(),
        "idle_trials": arguments.trials * arguments.rounds,
        "idle_p50_ms": statistics.median(quantile(each, 0.5) for each in rounds),
        "idle_p99_ms": statistics.median(quantile(each, 0.99) for each in rounds),
        "first_word_idle_beats": max(beats("", range(10, 20))),
        "first_word_04s_max_beats": max(beats(words(0.4), range(2, 5))),
        "first_word_5s_max_beats": max(beats(words(5), range(2, 27))),
        "first_word_30s_max_beats": max(beats(words(30), range(2, 152, 7))),
        "first_word_no_clause_max_beats": max(beats(words(30), range(2, 152, 7), clauses=False)),
        "first_word_after_typing_ended_beats": beats("", range(10, 11), person=typing)[0] - 10,
    }
    finish(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
