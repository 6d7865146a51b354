"""What an item is worth: the share of what it expects that came to pass, 0 to 1, and the counts behind it."""

from typing import assert_never

import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation import events, pauc, repcount, startstop, windows
from counterpoint.evaluation.duplex_scoring import Part, Timed, duplex_parts, duplex_times, duplex_value
from counterpoint.evaluation.items import (
    Answer,
    Count,
    Expected,
    GoOn,
    Hand,
    Item,
    Murmur,
    Overlap,
    Recite,
    Say,
    StartStop,
    Stop,
    Suite,
    TakeOver,
)
from counterpoint.evaluation.lived import At, Lived, utterances
from counterpoint.evaluation.spelling import plain, same


class Scored(msgspec.Struct, frozen=True):
    """`parts`: what the score is made of, and what is reported beside it."""

    score: float
    parts: tuple[Part, ...] = ()
    times: tuple[Timed, ...] = ()


def score(item: Item, lived: Lived) -> Scored:
    lived = spelled(lived)
    return _score_words(item, lived) if item.suite is Suite.WORDS else _score_expected(item, lived)


def spelled(lived: Lived) -> Lived:
    """Its words as they sound."""
    said, understood, clean = (
        tuple(msgspec.structs.replace(each, word=sound) for each in words for sound in plain(each.word))
        for words in (lived.said, lived.understood, lived.clean)
    )
    return msgspec.structs.replace(lived, said=said, understood=understood, clean=clean)


def _score_words(item: Item, lived: Lived) -> Scored:
    """Heard: the right word within one beat of the beat in which it can be known."""
    words = sorted(item.words, key=lambda each: each.end)
    wanted = [events.Said(_beat(each.end), tuple(plain(each.word))) for each in words]
    got = events.recall(wanted, [events.Said(_beat(each.time), (each.word,)) for each in lived.understood])
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
    met = [(each, value(each, item, lived)) for each in item.expect]
    parts = [part for each, worth in met for part in _parts(each, worth, item, lived)]
    times = [time for each, worth in met for time in _times(each, worth, item, lived)]
    mean = sum(worth for _, worth in met) / len(met)
    if item.suite is not Suite.DUPLEX:  # there the model is to speak at length
        extra = _extra(item, lived)
        parts += [Part("strict", 0.0 if extra else mean, 1), Part("words not asked for", extra, 1)]
        parts += [
            Part(f"{each.category}, strict", 0.0 if extra else worth, 1) for each, worth in met if isinstance(each, Say)
        ]
    return Scored(mean, tuple(parts), tuple(times))


def value(expected: Expected, item: Item, lived: Lived) -> float:
    """To what degree it came to pass, 0 to 1."""
    match expected:
        case Say(category, begin, end, words):
            said = [
                windows.Utterance(each.time, (each.word,)) for each in lived.said
            ]  # wherever in its speech it comes
            return float(
                all(
                    windows.correct(windows.Expected(category, begin, end, frozenset({word})), said)
                    for word in same(words)
                )
            )
        case Hand(begin, end):
            return float(any(begin <= time <= end for time in lived.handed))
        case Recite(begin, end, words):
            return float(tuple(each.word for each in _between(lived, begin, end)) == same(words))
        case Count(cycles):
            return float(repcount.off_by_one(_counted(expected, lived), len(cycles)))
        case StartStop(begin, end):
            return startstop.overlap(startstop.said_span(lived.said), (begin, end))
        case Answer():
            return pauc.pauc(_asked(expected), _replies(lived))
        case Stop() | GoOn() | TakeOver() | Murmur() | Overlap():
            return duplex_value(expected, item, lived)
        case _:
            assert_never(expected)


def _parts(expected: Expected, worth: float, item: Item, lived: Lived) -> list[Part]:
    match expected:
        case Say(category):
            return [Part(category, worth, 1)]
        case Hand():
            return [Part("handed over", worth, 1)]
        case Recite(kind=kind):
            names = ["result told", f"result told: {kind}"] if kind else ["result told"]
            return [Part(name, worth, 1) for name in names]
        case Count(cycles):
            error = repcount.error(_counted(expected, lived), len(cycles))
            return [Part("off by one at most", worth, 1), Part("MAE (low is good)", error, 1)]
        case StartStop():
            return [Part("temporal IoU", worth, 1)]
        case Answer():
            asked, replies = _asked(expected), _replies(lived)
            return [Part(f"PAUC, omega {omega:g}", pauc.pauc(asked, replies, omega), 1) for omega in pauc.OMEGAS]
        case Stop() | GoOn() | TakeOver() | Murmur() | Overlap():
            return duplex_parts(expected, worth, item, lived)
        case _:
            assert_never(expected)


def _times(expected: Expected, worth: float, item: Item, lived: Lived) -> list[Timed]:
    match expected:
        case Say(_, begin, end, words, due) if worth and due:
            right = [each.time for each in _between(lived, begin, end) if each.word in same(words)]
            return [Timed("answer", min(right) - due)]
        case TakeOver() | Overlap():
            return duplex_times(expected, item, lived)
        case _:
            return []


def _between(lived: Lived, begin: float, end: float) -> list[At]:
    return [each for each in lived.said if begin <= each.time <= end]


def _counted(expected: Count, lived: Lived) -> int | None:
    return repcount.last_number(lived.said, repcount.cut_off(expected.cycles))


def _asked(expected: Answer) -> pauc.Asked:
    facts = tuple(tuple(" ".join(plain(each)) for each in fact) for fact in expected.facts)
    return pauc.Asked(expected.related, expected.reply, facts)


def _replies(lived: Lived) -> list[pauc.Reply]:
    return [pauc.Reply(each[0].time, tuple(one.word for one in each)) for each in utterances(lived.said)]


def _extra(item: Item, lived: Lived) -> int:
    """Words that nothing asked for: outside of every window, or within one in which others are expected."""
    return sum(not any(_asks_for(each, word) for each in item.expect) for word in lived.said)


def _asks_for(expected: Expected, word: At) -> bool:
    match expected:
        case Say(_, begin, end, words) | Recite(begin, end, words):
            return begin <= word.time <= end and word.word in same(words)
        case Answer(_, (begin, end)):
            return begin <= word.time <= end
        case StartStop():
            return word.word in ("start", "stop")
        case Count():
            return bool(repcount.numbers([word.word]))
        case Hand():
            return False
        case Stop() | GoOn() | TakeOver() | Murmur() | Overlap():
            return True
        case _:
            assert_never(expected)
