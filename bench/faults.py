"""Faults between real processes while delegations are in flight, and a count of what was heard.

Hosts, workers, Redis (or Valkey) servers and a listener are processes of their own, in cells that know nothing of each
other. In every round the persons of a cell ask for things, one fault strikes, and everything asked for is heard,
reported as impossible, or lost: counted from what the listener played, never from the log. One round in eight has no
fault; beats are compared with those.
"""

import argparse
import asyncio
import itertools
import json
import random
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import msgspec
from chaos.cell import Cell
from chaos.counting import Asked, Heard, count
from chaos.kinds import KINDS, Kind
from chaos.lateness import read_arrivals
from chaos.link import Link, listening
from chaos.orders import now
from chaos.processes import prepare
from chaos.report import Report, reasons, report, table
from chaos.servers import binary, version
from chaos.trial import Round, Trial, plan
from measuring import finish, machine

CELLS = 8
COMPARE_EVERY = 8
LAST_SECONDS = 135.0
"""What is unanswered at the end may still be answered, or given up by its host: a delegation has 120 s."""


class Bench:
    def __init__(
        self, kinds: Sequence[Kind], faults: int, seed: int, cells: int, server: Path, folder: Path, *, keep: bool
    ) -> None:
        self._faults = faults
        self._cells = min(cells, faults)
        self._server = server
        self._folder = folder
        self._keep = keep
        self._chance = random.Random(seed)
        self._plan = plan(kinds, faults, self._chance, COMPARE_EVERY)
        self._numbers = itertools.count(1)
        self._trials: list[Trial] = []
        self._done = 0
        self._begun = now()
        self._link: Link | None = None
        self.stood_still = 0.0

    async def run(self) -> None:
        """Until all is done, or somebody wants it to end."""
        asyncio.get_running_loop().set_exception_handler(_but_for_cut_sockets)
        async with listening(self._folder) as self._link, anyio.create_task_group() as tasks:
            with anyio.CancelScope() as scope:
                tasks.start_soon(self._until_told, scope)
                tasks.start_soon(self._watch_itself)
                try:
                    await self._begin_all(self._link, tasks)
                    await self._run_all()
                    await self._last_answers()
                finally:
                    with anyio.CancelScope(shield=True), anyio.move_on_after(10):
                        for trial in self._trials:
                            await trial.look_up()
                            if self._keep:
                                await trial.keep_logs()
            tasks.cancel_scope.cancel()
        for trial in self._trials:
            trial.cell.end()

    def report(self) -> Report:
        asked: list[Asked] = [each for trial in self._trials for each in trial.asked if each.said]
        transcript = (self._folder / "transcript").read_text().splitlines()
        heard = [Heard(*json.loads(line)) for line in transcript if line.endswith("]")]
        arrivals, gaps = read_arrivals(self._folder / "arrivals")
        why = {
            each.ask.number: trial.logbook.reasons(each.ask.number) for trial in self._trials for each in trial.asked
        }
        rounds = [each for trial in self._trials for each in trial.rounds]
        (self._folder / "rounds").write_bytes(msgspec.json.encode(rounds))
        over = {(each.cell, each.number, each.begun) for each in rounds if each.over}
        outcomes = count([each for each in asked if each.of in over], heard)
        return report(outcomes, why, rounds, arrivals, gaps)

    async def _begin_all(self, link: Link, tasks: anyio.abc.TaskGroup) -> None:
        for number in range(self._cells):
            cell = Cell(number, self._folder / f"cell{number}", self._server, link)
            chance = random.Random(self._chance.random())
            self._trials.append(Trial(cell, self._numbers, chance, self._one_done))
            await cell.begin(tasks)
        await anyio.sleep(2)
        self._begun = now()

    async def _run_all(self) -> None:
        async with anyio.create_task_group() as tasks:
            for trial in self._trials:
                tasks.start_soon(trial.run, self._plan)
                await anyio.sleep(0.3)

    async def _last_answers(self) -> None:
        with anyio.move_on_after(LAST_SECONDS):
            while waiting := sum(len(trial.unanswered) for trial in self._trials):
                self._say(f"{waiting} asks are unanswered; waiting for them")
                await anyio.sleep(5)

    async def _watch_itself(self) -> None:
        """The lines to the stores run through this process: where it stands still, so does the network."""
        while True:
            before = now()
            await anyio.sleep(0.05)
            stood = now() - before - 0.05
            self.stood_still = max(self.stood_still, stood)
            if stood > 0.5:
                self._say(f"this process stood still for {stood:.1f} s: the machine has too much to do")

    async def _until_told(self, scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                self._say("ending: what was done so far is counted")
                scope.cancel()

    def _one_done(self, round_: Round) -> None:
        if round_.number >= 0:
            self._done += 1
        spent = now() - self._begun
        left = spent / max(1, self._done) * (self._faults - self._done)
        unanswered = sum(len(trial.unanswered) for trial in self._trials)
        self._say(
            f"{self._done}/{self._faults} faults, {spent:.0f} s, about {left:.0f} s left; "
            f"{round_.kind} took {round_.over - round_.begun:.1f} s; {unanswered} asks open"
        )

    def _say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


def _but_for_cut_sockets(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A socket that is cut in the very moment in which it becomes readable is no news here."""
    if not isinstance(context.get("exception"), asyncio.InvalidStateError):
        loop.default_exception_handler(context)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=100, help="how many faults (default: %(default)s)")
    parser.add_argument("--only", action="append", choices=sorted(KINDS), help="only this kind; may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="of what happens when (default: %(default)s)")
    parser.add_argument("--cells", type=int, default=CELLS, help="side by side (default: %(default)s)")
    parser.add_argument("--server", choices=("redis", "valkey"), help="(default: redis if there is one)")
    parser.add_argument("--keep", type=Path, help="a folder for transcript, arrivals and what the processes printed")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    arguments = parser.parse_args()
    if arguments.faults < 1 or arguments.cells < 1:
        parser.error("at least one fault, and one cell")
    server = binary(arguments.server)
    kinds = [KINDS[name] for name in arguments.only or KINDS]
    prepare()
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(
            kinds, arguments.faults, arguments.seed, arguments.cells, server, folder, keep=bool(arguments.keep)
        )
        anyio.run(bench.run)
        result = bench.report()
    print(table(result.rows))
    print(reasons(result.rows))
    print(result.wrong)
    print()
    figures = {"machine": machine(), "server": version(server), "cells": arguments.cells, **result.figures}
    figures["bench_stood_still_max_ms"] = bench.stood_still * 1000
    finish(figures, as_json=False)
    if arguments.json:
        print(json.dumps({**figures, "kinds": {row.kind: msgspec.to_builtins(row) for row in result.rows}}))
    sys.exit(1 if result.figures["lost"] or result.figures["doubled"] else 0)


if __name__ == "__main__":
    main()
