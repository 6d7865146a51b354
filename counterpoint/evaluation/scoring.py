"""What an item is worth: the share of what it expects that came to pass, 0 to 1, and the counts behind it."""

from typing import assert_never

import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation import events, windows
from counterpoint.evaluation.items import Expected, GoOn, Hand, Item, Recite, Say, Stop, Suite
from counterpoint.evaluation.living import At, Lived


class Part(msgspec.Struct, frozen=True):
    """Of `total` chances to do something, `hits` were taken."""

    name: str
    hits: float
    total: float


class Scored(msgspec.Struct, frozen=True):
    """`parts`: what the score is made of, and what is reported beside it. `latencies`: of right answers, in seconds."""

    score: float
    parts: tuple[Part, ...] = ()
    latencies: tuple[float, ...] = ()


def score(item: Item, lived: Lived) -> Scored:
    return _score_words(item, lived) if item.suite is Suite.WORDS else _score_expected(item, lived)


def _score_words(item: Item, lived: Lived) -> Scored:
    """Heard: the right word within one beat of the beat in which it can be known."""
    words = sorted(item.words, key=lambda each: each.end)
    wanted = [events.Said(_beat(each.end), each.word) for each in words]
    got = events.recall(wanted, [events.Said(_beat(each.time), each.word) for each in lived.understood])
    content = [hit for hit, each in zip(got, words, strict=True) if each.content]
    parts = (
        Part("content words", sum(content), len(content)),
        Part("other words", sum(got) - sum(content), len(got) - len(content)),
    )
    return Scored(sum(got) / len(got), parts)


def _beat(seconds: float) -> int:
    """The beat that ends at or after a moment."""
    return -int(-(seconds - 1e-6) // BEAT_SECONDS)


def _score_expected(item: Item, lived: Lived) -> Scored:
    met = [(each, meets(each, lived)) for each in item.expect]
    right = [hit for _, hit in met]
    parts = [Part(_name(each), hit, 1) for each, hit in met]
    if item.suite is not Suite.DUPLEX:  # there the model is to speak at length
        false = _false(item, lived)
        parts += [
            Part("strict", sum(right) / len(right) if false == 0 else 0.0, 1),
            Part("words at a wrong time", false, 1),
        ]
    latencies = tuple(
        latency for each, hit in met if hit and isinstance(each, Say) and (latency := _latency(each, lived)) is not None
    )
    return Scored(sum(right) / len(right), tuple(parts), latencies)


def meets(expected: Expected, lived: Lived) -> bool:
    """Whether it came to pass."""
    match expected:
        case Say():
            return all(
                windows.correct(
                    windows.Expected(expected.category, expected.begin, expected.end, frozenset({word})),
                    _utterances(lived),
                )
                for word in expected.words
            )
        case Hand(begin, end):
            return any(begin <= time <= end for time in lived.handed)
        case Recite(begin, end, words):
            return tuple(each.word for each in _between(lived, begin, end)) == words
        case Stop(_, begin, by, until):
            spoke = any(begin <= each.time <= by for each in lived.said)
            return spoke and not any(by < each.time <= until for each in lived.said)
        case GoOn(_, begin, end):
            return bool(_between(lived, begin, end))
        case _:
            assert_never(expected)


def _between(lived: Lived, begin: float, end: float) -> list[At]:
    return [each for each in lived.said if begin <= each.time <= end]


def _utterances(lived: Lived) -> list[windows.Utterance]:
    """Word by word: an answer counts wherever in the agent's speech it comes."""
    return [windows.Utterance(each.time, (each.word,)) for each in lived.said]


def _false(item: Item, lived: Lived) -> int:
    """Words outside of every window in which something is to be said."""
    spans = [(each.begin, each.by if isinstance(each, Stop) else each.end) for each in item.expect]
    return sum(not any(begin <= each.time <= end for begin, end in spans) for each in lived.said)


def _latency(expected: Say, lived: Lived) -> float | None:
    if not expected.due:
        return None
    times = [each.time for each in _between(lived, expected.begin, expected.end) if each.word in expected.words]
    return min(times) - expected.due


def _name(expected: Expected) -> str:
    match expected:
        case Say() | Stop() | GoOn():
            return expected.category
        case Hand():
            return "handed over"
        case Recite():
            return "result told"
        case _:
            assert_never(expected)
