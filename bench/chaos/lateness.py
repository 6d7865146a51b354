"""How late beats were: as the host measured it, and as they came to the listener. Pure.

A beat comes late to the listener by how much later it came than the earliest of the same connection, the grid's 200 ms
being taken off. What a connection misses because its host is gone is no late beat but a gap.
"""

import itertools
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from counterpoint.config import BEAT_SECONDS

DELAYED_SECONDS = BEAT_SECONDS
"""A beat that is later than this has missed its slot."""


class Arrival(msgspec.Struct, frozen=True):
    """Of a micro-turn. `late`: seconds, as the host measured it; `came_late`: as it came."""

    at: float
    cell: int
    late: float
    came_late: float


class Gap(msgspec.Struct, frozen=True):
    """Between the last micro-turn of one connection and the first of the next."""

    at: float
    cell: int
    seconds: float


class Lateness(msgspec.Struct, frozen=True):
    """Of some beats: how many missed their slot by the host's and by the listener's clock, and the 99th percentiles."""

    beats: int
    delayed: int
    came_delayed: int
    p99: float
    came_p99: float


def read_arrivals(file: Path) -> tuple[list[Arrival], list[Gap]]:
    """In the order of their times. The file's last line may be cut off."""
    connections: dict[tuple[str, int], list[tuple[float, int, float]]] = {}
    for line in file.read_text().splitlines():
        try:
            at, conversation, connection, beat, _, late = json.loads(line)
        except ValueError:
            continue
        connections.setdefault((conversation, connection), []).append((at, beat, late))
    arrivals: list[Arrival] = []
    for (conversation, _), came in connections.items():
        first = min(at - beat * BEAT_SECONDS for at, beat, _ in came)
        cell = cell_of(conversation)
        arrivals += [Arrival(at, cell, late, at - beat * BEAT_SECONDS - first) for at, beat, late in came]
    return sorted(arrivals, key=lambda each: each.at), _gaps(connections)


def cell_of(conversation: str) -> int:
    return int(conversation.removeprefix("c").split("-")[0])


def lateness(arrivals: Iterable[Arrival]) -> Lateness:
    among = list(arrivals)
    return Lateness(
        len(among),
        sum(1 for each in among if each.late > DELAYED_SECONDS),
        sum(1 for each in among if each.came_late > DELAYED_SECONDS),
        _p99([each.late for each in among]),
        _p99([each.came_late for each in among]),
    )


def delayed_beyond(struck: Lateness, paired: Lateness) -> int:
    """Beats that missed their slot, beyond what as many beats without a fault would have."""
    share = paired.delayed / paired.beats if paired.beats else 0.0
    return max(0, round(struck.delayed - share * struck.beats))


def _p99(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] if ordered else 0.0


def _gaps(connections: dict[tuple[str, int], list[tuple[float, int, float]]]) -> list[Gap]:
    spans: dict[str, list[tuple[float, float]]] = {}
    for (conversation, _), came in connections.items():
        times = [at for at, _, _ in came]
        spans.setdefault(conversation, []).append((min(times), max(times)))
    gaps: list[Gap] = []
    for conversation, each in spans.items():
        ordered = sorted(each)
        for (_, ended), (begun, _) in itertools.pairwise(ordered):
            gaps.append(Gap(begun, cell_of(conversation), begun - ended))
    return gaps
