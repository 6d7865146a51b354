"""Timing rules of Full-Duplex-Bench v1 and v1.5, written from their description. Seconds throughout.

Sources: arXiv 2503.04721 (v1: take-over, latency after a turn and after an interruption) and 2507.23159 (v1.5: stop
and response latency).
"""

from __future__ import annotations

from collections.abc import Sequence

from counterpoint.evaluation.lived import At, Interval


def takes_over(words: Sequence[At]) -> bool:
    """v1: no words, or at most three words within less than a second, are no take-over; everything else is."""
    return bool(words) and not (words[-1].until - words[0].time < 1 and len(words) <= 3)


def turn_latency(words: Sequence[At], turn_end: float) -> float | None:
    """v1: first word's start after the person's last word, never below 0; None where nothing is taken over."""
    return max(0.0, words[0].time - turn_end) if takes_over(words) else None


def since(words: Sequence[At], moment: float) -> list[At]:
    """v1, interruptions: the words that begin after the interruption has ended; the others are dropped first."""
    return [word for word in words if word.time >= moment]


def merge(segments: Sequence[Interval], gap: float) -> list[Interval]:
    """Joins neighbouring segments that are at most `gap` apart."""
    merged: list[Interval] = []
    for start, end in sorted(segments):
        if merged and start - merged[-1][1] <= gap:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


PERSON_GAP, MODEL_GAP = 0.6, 0.5


def stop_latencies(person: Sequence[Interval], model: Sequence[Interval]) -> list[float]:
    """v1.5: lengths of the overlaps of person and model; of overlaps that end at the same millisecond the shortest."""
    shortest: dict[int, float] = {}
    for start, end in merge(person, PERSON_GAP):
        for begin, finish in merge(model, MODEL_GAP):
            low, high = max(start, begin), min(end, finish)
            if high > low:
                key = round(high * 1000)
                shortest[key] = min(shortest.get(key, high - low), high - low)
    return [shortest[key] for key in sorted(shortest)]


def response_latencies(person: Sequence[Interval], model: Sequence[Interval]) -> list[float]:
    """v1.5: for each of the person's segments the first start of the model after its end; of those with one model
    start the latest end.
    """
    latest: dict[int, tuple[float, float]] = {}
    for _, end in merge(person, PERSON_GAP):
        starts = [begin for begin, _ in merge(model, MODEL_GAP) if begin > end]
        if starts:
            key = round(min(starts) * 1000)
            latest[key] = max(latest.get(key, (end, min(starts))), (end, min(starts)))
    return [start - end for end, start in (latest[key] for key in sorted(latest))]
