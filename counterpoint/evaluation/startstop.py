"""Saying "start" when an action begins and "stop" when it ends: how much of the time is the same (temporal IoU)."""

from collections.abc import Sequence

from counterpoint.evaluation.lived import At


def said_span(said: Sequence[At]) -> tuple[float, float] | None:
    """From the onset of the first "start" to that of the next "stop"; None where one of them is missing."""
    begin = next((each.time for each in said if each.word == "start"), None)
    if begin is None:
        return None
    end = next((each.time for each in said if each.word == "stop" and each.time > begin), None)
    return None if end is None else (begin, end)


def overlap(predicted: tuple[float, float] | None, true: tuple[float, float]) -> float:
    """Length of the intersection over that of the union; 0 without a prediction."""
    if predicted is None:
        return 0.0
    common = max(0.0, min(predicted[1], true[1]) - max(predicted[0], true[0]))
    union = (predicted[1] - predicted[0]) + (true[1] - true[0]) - common
    return common / union if union > 0 else 0.0
