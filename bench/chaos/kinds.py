"""The faults: each strikes a cell while delegations are in flight, and is over when its function returns."""

import random
import shutil
from collections.abc import Awaitable, Callable

import anyio
import msgspec

from chaos.cell import Cell
from chaos.words import Want

Strike = Callable[[Cell, random.Random], Awaitable[None]]


class Kind(msgspec.Struct, frozen=True):
    """`strike`: what happens. `want`: what one of the asks is instead of a plain one. `changes_minds`: the persons take
    back most of what they ask. `about`: one line for the table. `host`: a host goes, and with it its beats.
    """

    name: str
    about: str
    strike: Strike
    want: Want = Want.PLAIN
    changes_minds: bool = False
    host: bool = False


async def nothing(cell: Cell, chance: random.Random) -> None:
    """A round to compare with."""


# workers


async def kill_worker(cell: Cell, chance: random.Random) -> None:
    cell.kill_worker(chance.choice(cell.workers))


async def freeze_worker(cell: Cell, chance: random.Random) -> None:
    """For longer than a lease: it comes back as a zombie."""
    await _freeze_worker(cell, chance, chance.uniform(2.5, 4))


async def stall_worker(cell: Cell, chance: random.Random) -> None:
    """For less than a lease: nobody may take over."""
    await _freeze_worker(cell, chance, 1.0)


async def _freeze_worker(cell: Cell, chance: random.Random, seconds: float) -> None:
    child = chance.choice(cell.workers).child
    child.stop()
    await anyio.sleep(seconds)
    child.go_on()


async def cut_worker_off(cell: Cell, chance: random.Random) -> None:
    await _away([chance.choice(cell.workers).line], chance.uniform(1, 4))


async def roll_the_fleet(cell: Cell, chance: random.Random) -> None:
    """One process after the other is told to end, and another is started."""
    for member in [*cell.workers, *cell.hosts]:
        child = member.child
        child.terminate()
        with anyio.move_on_after(12):
            await child.ended()
        while member.child is child:
            await anyio.sleep(0.05)
        await anyio.sleep(0.3)


async def poison(cell: Cell, chance: random.Random) -> None:
    """One of the asks kills whoever works on it; that takes three leases."""
    await anyio.sleep(7)


async def let_it_be(cell: Cell, chance: random.Random) -> None:
    """The fault is in what is asked."""
    await anyio.sleep(1)


# the network


async def cut_writes(cell: Cell, chance: random.Random) -> None:
    for line in cell.lines:
        line.cut_writes = True
    await _mended(cell, chance.uniform(1, 3))


async def lose_replies(cell: Cell, chance: random.Random) -> None:
    for line in cell.lines:
        line.lose_replies = True
    await _mended(cell, chance.uniform(1, 3))


async def slow_down(cell: Cell, chance: random.Random) -> None:
    for line in cell.lines:
        line.delay = 0.05
    await _mended(cell, chance.uniform(3, 5))


async def throttle(cell: Cell, chance: random.Random) -> None:
    for line in cell.lines:
        line.rate = 20_000
    await _mended(cell, chance.uniform(2, 4))


async def go_deaf(cell: Cell, chance: random.Random) -> None:
    """Connections stay, and nothing passes."""
    for line in cell.lines:
        line.deaf = True
    await _mended(cell, chance.uniform(1, 4))


async def take_store_away(cell: Cell, chance: random.Random) -> None:
    await _away(cell.lines, chance.choice((2, 3, 5, 10)))


async def _away(lines: list, seconds: float) -> None:
    for line in lines:
        line.away = True
        line.cut()
    await anyio.sleep(seconds)
    for line in lines:
        line.mend()


async def _mended(cell: Cell, seconds: float) -> None:
    await anyio.sleep(seconds)
    for line in cell.lines:
        line.mend()


# the store


async def restart_store(cell: Cell, chance: random.Random) -> None:
    """Killed, and started again with its append-only file."""
    cell.server.kill()
    await anyio.sleep(chance.uniform(0.1, 1.5))
    await cell.server.start()


async def store_forgets(cell: Cell, chance: random.Random) -> None:
    """Killed, and started again with nothing: it had no append-only file."""
    cell.server.kill()
    await anyio.sleep(chance.uniform(0.1, 1.0))
    cell.server.forget()
    await cell.server.start()


async def promote_replica(cell: Cell, chance: random.Random) -> None:
    """The line to the replica breaks, 200 ms later the primary does, and the replica is promoted."""
    primary, replica = cell.server, cell.new_server(aof=True)
    await replica.start()
    await replica.follow(primary)
    await primary.stop_replicating()
    await anyio.sleep(0.2)
    primary.kill()
    await replica.promote()
    cell.server = replica
    for line in cell.lines:
        line.cut()
    shutil.rmtree(primary.folder)


async def fill_store(cell: Cell, chance: random.Random) -> None:
    await cell.server.command("CONFIG", "SET", "maxmemory", 1)
    await anyio.sleep(chance.uniform(1, 4))
    await cell.server.command("CONFIG", "SET", "maxmemory", 0)


# clocks


async def jump_clock(cell: Cell, chance: random.Random) -> None:
    """The clock of one machine is set wrong, by an hour or by seconds, and later right again."""
    member = chance.choice(cell.members)
    member.clock.set_wrong(chance.choice((-3600.0, -30.0, 30.0, 3600.0)))
    await anyio.sleep(chance.uniform(1, 3))
    member.clock.set_wrong(0.0)


# hosts


async def kill_host(cell: Cell, chance: random.Random) -> None:
    cell.busiest_host.child.kill()


async def freeze_host(cell: Cell, chance: random.Random) -> None:
    """It comes back when others have taken up its conversations, and believes that they are its own."""
    child = cell.busiest_host.child
    child.stop()
    await anyio.sleep(chance.uniform(2, 4))
    child.go_on()


async def split_hosts(cell: Cell, chance: random.Random) -> None:
    """A host is cut off from the store and goes on talking; its clients have gone to another one."""
    host = cell.busiest_host
    host.line.away = True
    host.line.cut()
    await anyio.sleep(0.5)
    await cell.abandon(host)
    await anyio.sleep(chance.uniform(1, 3))
    host.line.mend()


NONE = Kind("none", "no fault", nothing)

KINDS = {
    kind.name: kind
    for kind in (
        Kind("worker_killed", "a worker is killed (kill -9)", kill_worker),
        Kind("worker_zombie", "a worker stands still for longer than its lease, and goes on", freeze_worker),
        Kind("worker_stalled", "a worker stands still for 1 s, less than its lease", stall_worker),
        Kind("worker_cut_off", "a worker loses its line to the store for 1-4 s", cut_worker_off),
        Kind("fleet_rolled", "workers and hosts are replaced, one after the other", roll_the_fleet, host=True),
        Kind("poison", "a delegation kills whoever works on it", poison, want=Want.POISON),
        Kind("tool_hangs", "a tool never returns", let_it_be, want=Want.HANG),
        Kind("tool_floods", "a tool yields 10,000 results", let_it_be, want=Want.FLOOD),
        Kind("cancel_storm", "persons change their minds 20 times", let_it_be, changes_minds=True),
        Kind("writes_cut", "every write to the store is cut in half when it is sent first", cut_writes),
        Kind("replies_lost", "every write arrives, and its first reply does not", lose_replies),
        Kind("network_slow", "50 ms each way", slow_down),
        Kind("network_narrow", "20 kB/s for each connection", throttle),
        Kind("network_half_open", "connections stay, nothing passes for 1-4 s", go_deaf),
        Kind("store_away", "the store cannot be reached for 2-10 s", take_store_away),
        Kind("store_restarted", "the store is killed and comes back with its append-only file", restart_store),
        Kind("store_forgot", "the store is killed and comes back empty", store_forgets),
        Kind("replica_promoted", "the line to the replica breaks, then the primary, and the replica takes its place",
             promote_replica),
        Kind("store_full", "the store refuses every write for 1-4 s", fill_store),
        Kind("clock_jump", "the clock of a host or worker is wrong by seconds or an hour", jump_clock),
        Kind("host_killed", "a host is killed (kill -9); its clients go to another", kill_host, host=True),
        Kind("host_zombie", "a host stands still; its clients go to another; it goes on", freeze_host, host=True),
        Kind("two_hosts", "a host without its store goes on talking while another has its conversations",
             split_hosts, host=True),
    )
}  # fmt: skip
