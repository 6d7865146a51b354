"""An hour of conversation in virtual time: how long it takes, and that ten hours do not grow.

The person asks something twice a minute, the agent answers, delegates every third question, and results are woven in.
"""

import argparse
import json
import time

import anyio
from measuring import finish, in_a_process_of_its_own, machine, resident_mb

from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.testing.scripted_background import ScriptedBackground
from counterpoint.testing.scripted_interaction import ScriptedInteraction, delegate, say
from counterpoint.testing.virtual_time import VirtualTimeLoop

EVERY = 30.0


async def person(session: Session, model: ScriptedInteraction, hours: float) -> None:
    start = anyio.current_time() + 0.1
    for number in range(int(hours * 3600 / EVERY)):
        await anyio.sleep_until(start + number * EVERY)
        answer = "Well, let me think about that for a moment, it is a good question."
        if number % 3 == 0:
            model.script.append(delegate(f"question {number}", on=f"{number}", saying="Let me check."))
        else:
            model.script.append(say(answer, on=f"{number}"))
        session.push(f"And what about number {number}, what do you think?")


async def converse(hours: float) -> dict[str, float]:
    model = ScriptedInteraction()
    background = ScriptedBackground(after=3.0, answer="It is as you thought, only a little later than that.")
    memory: list[float] = []
    begun = time.perf_counter()
    async with Runtime(model, background) as runtime, runtime.session() as session, anyio.create_task_group() as tasks:
        tasks.start_soon(person, session, model, hours)
        async for turn in session:
            if turn.text:
                session.played(turn)
            if turn.part == 0 and turn.beat % 18_000 == 17_999:
                memory.append(resident_mb())
            model.perceived.clear()
            background.rounds.clear()
            if turn.beat >= hours * 18_000 - 1:
                break
        tasks.cancel_scope.cancel()
    return {"wall": time.perf_counter() - begun, "first": memory[0], "last": memory[-1], "peak": max(memory)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--hours", type=float, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hours:
        loop = VirtualTimeLoop()
        print(json.dumps(loop.run_until_complete(converse(arguments.hours))))
        return
    hours = [in_a_process_of_its_own(__file__, "--hours", "1") for _ in range(3)]
    ten = in_a_process_of_its_own(__file__, "--hours", "10")
    figures: dict[str, object] = {
        "machine": machine(),
        "hour_wall_s": sorted(each["wall"] for each in hours)[1],
        "hour_peak_mb": max(each["peak"] for each in hours),
        "ten_hours_wall_s": ten["wall"],
        "ten_hours_growth_mb": ten["last"] - ten["first"],
    }
    finish(figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
