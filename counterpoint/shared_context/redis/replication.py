"""Whether what must not be lost has reached a replica: waited for where there is one, for a bounded time, and counted.

A replica that is late delays nobody for longer than that, and is reported once until it keeps up again.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, cast

import anyio

from counterpoint import telemetry
from counterpoint.errors import ConfigurationError, CounterpointError
from counterpoint.telemetry import Label, names

Durability = Literal["fast", "replicated"]

REPLICA_SECONDS: Final = 0.05
"""How long a write waits for a replica. A healthy one on the same network answers in less than a millisecond."""

LOOK_SECONDS: Final = 5.0
"""How long it is remembered whether a server has replicas."""

logger = logging.getLogger(__name__)


class Replication:
    """`info`: what a server says of its replicas, by what tells it from other servers of a Cluster."""

    def __init__(self, durability: Durability, seconds: float, info: Callable[[str], Awaitable[object]]) -> None:
        if durability not in ("fast", "replicated") or not 0 < seconds <= 0.5:
            raise ConfigurationError("durability is fast or replicated; a replica is waited for up to 0.5 s")
        self.milliseconds = max(1, round(seconds * 1000))
        self._wanted = durability == "replicated"
        self._info = info
        self._replicas: dict[str, tuple[float, int]] = {}
        self._late = False

    async def wanted(self, server: str) -> bool:
        """There is a replica of this server to wait for."""
        if not self._wanted:
            return False
        now = anyio.current_time()
        looked, count = self._replicas.get(server, (-LOOK_SECONDS, 0))
        if now - looked >= LOOK_SECONDS:
            count = await self._count(server)
            self._replicas[server] = now, count
        return count > 0

    def counted(self, server: str, replicas: object) -> None:
        """What `WAIT` answered: how many replicas have it."""
        confirmed = isinstance(replicas, int) and replicas > 0
        telemetry.measure(names.STORE_REPLICATED, 1, {Label.OUTCOME: "confirmed" if confirmed else "not_confirmed"})
        if confirmed == self._late:
            self._late = not confirmed
            if confirmed:
                logger.warning("a replica of the store confirms writes again")
            else:
                logger.warning("no replica of the store confirmed a write within %d ms", self.milliseconds)
        if not confirmed:
            self._replicas.pop(server, None)

    async def _count(self, server: str) -> int:
        """0 if it cannot be told, or is not allowed to be: then nothing is waited for."""
        try:
            facts = await self._info(server)
        except CounterpointError:
            return 0
        count = cast("dict[str, Any]", facts).get("connected_slaves", 0) if isinstance(facts, dict) else 0
        return count if isinstance(count, int) else 0
