"""What is expected of a model while others speak, scored: ours (stops, goes on), and Full-Duplex-Bench v1 and v1.5."""

from typing import Final, assert_never

import msgspec

from counterpoint.evaluation import backchannel, duplex
from counterpoint.evaluation.items import GoOn, Item, Murmur, Overlap, Scenario, Stop, TakeOver, Turn
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.overlap import Tag, content, tag
from counterpoint.evaluation.spelling import plain

Duplex = Stop | GoOn | TakeOver | Murmur | Overlap

WANTED: Final = dict.fromkeys(Scenario, Tag.RESUME) | {Scenario.INTERRUPTION: Tag.RESPOND}
"""What a model should do in each scenario of v1.5."""

_TURNS: Final = {
    Turn.END: "v1 turn taken",
    Turn.PAUSE: "v1 turn taken after pauses",
    Turn.INTERRUPTION: "v1 turn taken after an interruption",
}


class Part(msgspec.Struct, frozen=True):
    """Of `total` chances to do something, `hits` were taken."""

    name: str
    hits: float
    total: float


class Timed(msgspec.Struct, frozen=True):
    """A latency in seconds."""

    name: str
    seconds: float


def duplex_value(expected: Duplex, item: Item, lived: Lived) -> float:
    """To what degree it came to pass, 0 to 1."""
    match expected:
        case Stop(_, begin, by, until):
            return float(_speaks(lived, begin, by) and not _speaks(lived, by, until, after=True))
        case GoOn(_, begin, end):
            return float(_speaks(lived, begin, end))
        case TakeOver(turn, at):
            held = turn is not Turn.PAUSE or not duplex.takes_over(_before(lived, at))
            return float(held and duplex.takes_over(_judged(expected, lived)))
        case Murmur():
            found = _murmured(expected, item, lived)
            return float(found.count > 0 and not found.takes_over)
        case Overlap(scenario):
            return float(_tagged(expected, lived) is WANTED[scenario])
        case _:
            assert_never(expected)


def duplex_parts(expected: Duplex, worth: float, item: Item, lived: Lived) -> list[Part]:
    match expected:
        case Stop(category) | GoOn(category):
            return [Part(category, worth, 1)]
        case TakeOver(turn, at):
            taken = Part(_TURNS[turn], duplex.takes_over(_judged(expected, lived)), 1)
            early = Part("v1 take-over in a pause (low is good)", duplex.takes_over(_before(lived, at)), 1)
            return [early, taken] if turn is Turn.PAUSE else [taken]
        case Murmur():
            found = _murmured(expected, item, lived)
            return [
                Part("v1 backchannel: take-over (low is good)", found.takes_over, 1),
                Part("v1 backchannel: take-over by any (low is good)", found.any_takes_over, 1),
                Part("v1 backchannel: a second", found.frequency, 1),
                Part("v1 backchannel: divergence (low is good)", found.divergence, 1),
            ]
        case Overlap(scenario):
            found = _tagged(expected, lived)
            tags = [Part(f"v1.5 {scenario.value}: {each.value}", found is each, 1) for each in Tag]
            strict = _tagged(expected, lived, lenient=False) is WANTED[scenario]
            return [*tags, Part(f"v1.5 {scenario.value}: as wanted, strict about running on", strict, 1)]
        case _:
            assert_never(expected)


def duplex_times(expected: TakeOver | Overlap, item: Item, lived: Lived) -> list[Timed]:
    """Latencies of v1 where the turn was taken; of v1.5 for an interruption, to the end of speech and to the answer."""
    if isinstance(expected, TakeOver):
        latency = duplex.turn_latency(_judged(expected, lived), expected.at)
        name = "v1 interruption" if expected.turn is Turn.INTERRUPTION else "v1 turn-taking"
        return [] if latency is None else [Timed(name, latency)]
    if expected.scenario is not Scenario.INTERRUPTION:
        return []
    person = [each for each in item.speaking if each[1] > expected.begin]
    stops = duplex.stop_latencies(person, lived.segments)
    answers = duplex.response_latencies(person, lived.segments)
    return [Timed("v1.5 stop", each) for each in stops] + [Timed("v1.5 response", each) for each in answers]


def _speaks(lived: Lived, begin: float, end: float, *, after: bool = False) -> bool:
    """Whether it is heard in [begin, end]; of a model that writes, whether a word goes out. `after`: not at `begin`."""
    if lived.sounding is not None:
        return any(start < end and until > begin for start, until in lived.sounding)
    return any((begin < each.time if after else begin <= each.time) and each.time <= end for each in lived.said)


def _before(lived: Lived, at: float) -> list[At]:
    return [each for each in lived.said if each.time < at]


def _judged(expected: TakeOver, lived: Lived) -> list[At]:
    """v1 drops what was said before the end of an interruption, and of pauses here; not before the end of a turn."""
    return list(lived.said) if expected.turn is Turn.END else duplex.since(lived.said, expected.at)


def _murmured(expected: Murmur, item: Item, lived: Lived) -> backchannel.Backchannels:
    return backchannel.backchannels(lived.segments, lived.said, item.seconds, expected.reference)


def _tagged(expected: Overlap, lived: Lived, *, lenient: bool = True) -> Tag:
    about = content([word for each in expected.about for word in plain(each)])
    span = (expected.begin, expected.end)
    return tag(lived.said, [each.word for each in lived.clean], span, about, lenient=lenient)
