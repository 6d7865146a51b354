"""Rounds: in each a cell's persons ask things, one fault strikes while they are worked on, and then everything is heard
or it is not. A round without a fault comes every now and then, to compare with.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import anyio
import msgspec

from chaos.cell import Cell
from chaos.counting import Asked
from chaos.kinds import NONE, Kind
from chaos.logbook import Logbook
from chaos.orders import Type, now
from chaos.speaking import FORGET, RATHER
from chaos.words import Ask, Want
from counterpoint.errors import StoreError
from counterpoint.shared_context import dates
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.redis import RedisStore

ASKING_SECONDS = 2.5
"""The asks of a round are spread over this time."""

ASKS_EACH = 2
"""Asks of each conversation in a round."""

STRIKE_SECONDS = (0.8, 2.0)
"""When the fault strikes, after the first ask."""

ANSWER_SECONDS = 20.0
"""How long a round waits for answers after its fault; what comes later still counts."""

ROUNDS_EACH = 12
"""A conversation lasts for so many rounds, two minutes or so, and longer while something is unanswered."""

CHANGES = 5
"""Changes of mind per conversation in a cancel storm."""


class Round(msgspec.Struct):
    """`begun`, `over`: seconds of the machine's clock; `date`: when it began. `in_flight`:
    asks that were unanswered when the fault struck."""

    number: int
    cell: int
    kind: str
    begun: float
    date: float
    over: float = 0.0
    struck: float = 0.0
    healed: float = 0.0
    in_flight: int = 0
    takeovers: int = 0
    takeover_seconds: tuple[float, ...] = ()

    @property
    def key(self) -> tuple[int, int, float]:
        return self.cell, self.number, self.begun


class Trial:
    """One cell's rounds. `numbers`: of asks, over all cells. `asked`, `rounds`: what was done so far."""

    def __init__(
        self, cell: Cell, numbers: Iterator[int], chance: random.Random, done: Callable[[Round], None]
    ) -> None:
        self.cell = cell
        self.logbook = Logbook()
        self.asked: list[Asked] = []
        self.rounds: list[Round] = []
        self._numbers = numbers
        self._chance = chance
        self._done = done

    async def run(self, kinds: Iterator[tuple[int, Kind]]) -> None:
        for number, kind in kinds:
            if len(self.rounds) % ROUNDS_EACH == ROUNDS_EACH - 1 and not self.unanswered:
                await self.cell.begin_conversations()
                await anyio.sleep(1)
            await self.one(number, kind)

    async def one(self, number: int, kind: Kind) -> None:
        round_ = Round(number, self.cell.number, kind.name, now(), dates.now())
        self.rounds.append(round_)
        dead = len(self.cell.killed)
        begun = dates.now()
        asked = self._plan(kind, round_)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ask_all, kind, asked)
            await anyio.sleep(self._chance.uniform(*STRIKE_SECONDS))
            round_.struck = now()
            round_.in_flight = sum(1 for each in self._of(round_) if each.said and not self._answered(each))
            await kind.strike(self.cell, self._chance)
            round_.healed = now()
        with anyio.move_on_after(ANSWER_SECONDS):
            while not all(self._answered(each) for each in self._of(round_)):
                await anyio.sleep(0.1)
        await anyio.sleep(0.4)
        round_.over = now()
        await self.look_up(anew=kind.name in ("store_forgot", "replica_promoted"))
        round_.takeover_seconds = tuple(self.logbook.takeovers(self.cell.killed[dead:]))
        round_.takeovers = self.logbook.attempts(begun, dates.now())
        self._done(round_)

    async def look_up(self, *, anew: bool = False) -> None:
        """Read on in the logs."""
        try:
            async with RedisStore(f"unix://{self.cell.server.socket}") as store:
                await self.logbook.read(store, self.cell.conversations, anew=anew)
        except StoreError:
            pass  # what was heard is counted without it

    async def keep_logs(self) -> None:
        """For whoever wants to know why: one file for each conversation, one entry a line."""
        with suppress(StoreError):
            async with RedisStore(f"unix://{self.cell.server.socket}") as store:
                for conversation in self.cell.all_conversations:
                    await self._keep_log(store, conversation)

    async def _keep_log(self, store: RedisStore, conversation: str) -> None:
        with suppress(StoreError):  # the store may have lost it after it was over
            entries = await store.read(ConversationId(conversation), limit=1_000_000)
            lines = [f"{each.position} {each.entry.header} {each.entry.body}" for each in entries]
            (self.cell.folder / f"{conversation}.entries").write_text("\n".join(lines))

    @property
    def unanswered(self) -> list[Asked]:
        return [each for each in self.asked if not self._answered(each)]

    def _of(self, round_: Round) -> list[Asked]:
        return [each for each in self.asked if each.of == round_.key]

    def _answered(self, asked: Asked) -> bool:
        return asked.unwanted is not None or self.cell.link.ears.answered(asked.ask)

    def _plan(self, kind: Kind, round_: Round) -> list[Asked]:
        asked = [
            Asked(Ask(next(self._numbers)), conversation, kind.name, round_.key, 0.0)
            for _ in range(1 if kind.changes_minds else ASKS_EACH)
            for conversation in self.cell.conversations
        ]
        if kind.want is not Want.PLAIN:
            chosen = self._chance.randrange(len(self.cell.conversations))
            asked[chosen].ask = Ask(asked[chosen].ask.number, kind.want)
        self.asked += asked
        return asked

    async def _ask_all(self, kind: Kind, asked: Sequence[Asked]) -> None:
        pause = ASKING_SECONDS / len(asked)
        async with anyio.create_task_group() as tasks:
            for each in asked:
                each.said = now()
                await self.cell.link.tell(Type(each.conversation, each.ask.line))
                if kind.changes_minds:
                    tasks.start_soon(self._change_minds, each)
                await anyio.sleep(pause * self._chance.uniform(0.5, 1.5))

    async def _change_minds(self, asked: Asked) -> None:
        """Again and again something else is wanted; at last nothing, or the last of it."""
        for _ in range(CHANGES):
            await anyio.sleep(self._chance.uniform(0.1, 0.5))
            other = Asked(Ask(next(self._numbers)), asked.conversation, asked.kind, asked.of, now())
            asked.unwanted = now()
            self.asked.append(other)
            forget = self._chance.random() < 0.5
            if forget:
                await self.cell.link.tell(Type(asked.conversation, FORGET))
                await anyio.sleep(0.25)
            await self.cell.link.tell(Type(asked.conversation, other.ask.line if forget else RATHER + other.ask.line))
            asked = other


def plan(kinds: Sequence[Kind], faults: int, chance: random.Random, compare_every: int) -> Iterator[tuple[int, Kind]]:
    """Each kind as often as the others, in an order of chance, and a round without a fault every so many."""
    left: list[Kind] = []
    for number in range(faults):
        if number % compare_every == 0:
            yield -1, NONE
        if not left:
            left = list(kinds)
            chance.shuffle(left)
        yield number, left.pop()
