"""Perfection: what an item wants to be said, and when; as words, and spoken by a voice: the ceiling of who judges."""

from typing import Final, assert_never

from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation.duplex_scoring import WANTED
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
    TakeOver,
)
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.overlap import Tag, content
from counterpoint.evaluation.spelling import number_words, plain
from counterpoint.evaluation.track import Track
from counterpoint.interaction.speech.voice import Voice

Phrase = tuple[float, str]
"""When it begins, and its words."""

AT_LENGTH: Final = "and then it was a good day"
_OWN: Final = ("story", "music", "house", "river")
"""What it speaks of by itself where the item does not say."""

_REACTION: Final = 0.15
"""Seconds from a cue to its answer."""


def phrases(item: Item) -> list[Phrase]:
    """What is to be said, as soon as it may come."""
    return sorted(phrase for each in item.expect for phrase in _phrases(each))


def clean_phrases(item: Item) -> list[Phrase]:
    """The same without the overlap: the model just goes on with its own."""
    return [
        (each.begin, f"the {_own(each)}")
        for each in item.expect
        if isinstance(each, Overlap) and WANTED[each.scenario] is Tag.RESUME
    ]


def perfect(item: Item) -> Lived:
    """As words, each at a time at which it counts."""
    handed = tuple((each.begin + each.end) / 2 for each in item.expect if isinstance(each, Hand))
    understood = tuple(At(word.end, sound) for word in item.words for sound in plain(word.word))
    return Lived(_words(phrases(item)), understood, handed, clean=_words(clean_phrases(item)))


def spoken(item: Item, voice: Voice) -> Lived:
    """The same as sound. Raises `EngineError` of the voice."""
    wanted = perfect(item)
    sounds = [_track(each, voice, item.seconds) for each in (phrases(item), clean_phrases(item))]
    return Lived(
        (), wanted.understood, wanted.handed, sound=sounds[0], clean_sound=sounds[1], rate=voice.capabilities.rate
    )


def _track(wanted: list[Phrase], voice: Voice, seconds: float) -> bytes:
    track = Track(voice.capabilities.rate)
    for time, text in wanted:
        track.add(voice.say(f"{text}.").result().audio, time)
    return track.until(seconds + BEAT_SECONDS)


def _words(wanted: list[Phrase]) -> tuple[At, ...]:
    found = [At(time + 0.05 * n, word) for time, text in wanted for n, word in enumerate(plain(text))]
    return tuple(sorted(found, key=lambda each: each.time))


def _phrases(expected: Expected) -> list[Phrase]:
    match expected:
        case Say():
            first = expected.due + _REACTION if expected.due else expected.begin + 0.2 + _REACTION
            return [(first, " ".join(expected.words))]
        case Recite(begin, _, words):
            return [(begin + 0.1, " ".join(words))]
        case GoOn(_, begin, _):
            return [(begin + 0.1, "and so on")]
        case Stop(_, begin, by, _):
            return [((begin + by) / 2 - 0.1, "and so on")]
        case Hand():
            return []
        case Count(cycles):
            return [(end, " ".join(number_words(n))) for n, (_, end) in enumerate(sorted(cycles), 1) if n < 1000]
        case StartStop(begin, end):
            return [(begin, "start"), (end, "stop")]
        case Answer(_, (begin, _), facts):
            return [(begin, " ".join(fact[0] for fact in facts))]
        case TakeOver(_, at):
            return [(at + _REACTION, f"{AT_LENGTH} {AT_LENGTH}")]
        case Murmur(reference):
            return [(0.3, "uh huh")] if reference else []
        case Overlap():
            return _over(expected)
        case _:
            assert_never(expected)


def _over(expected: Overlap) -> list[Phrase]:
    own = f"the {_own(expected)}"
    if WANTED[expected.scenario] is Tag.RESPOND:
        meant = sorted(content([word for each in expected.about for word in plain(each)]))
        return [(expected.begin - 1.0, own), (expected.end + 0.3, " ".join(meant[:3]))]
    return [(expected.begin - 1.0, own), (expected.end + 0.3, own)]


def _own(expected: Overlap) -> str:
    return next((word for word in _OWN if word not in expected.about), _OWN[0])
