"""A conversation so far, lived through again by the native model: what it was told before is in force afterwards."""

from typing import Final

import msgspec

from counterpoint.interaction.engines.native_spelling import spell
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.beat import Conversing, Incoming, advance, after, begin, having_said
from counterpoint.interaction.nn.model import InteractionNet
from counterpoint.shared_context.ids import Beat
from counterpoint.shared_context.package import ContextPackage, Speaker, Utterance

REMEMBERED_WORDS: Final = 120
"""Each costs a step of the model, some milliseconds, when a conversation is taken up."""


class _Moment(msgspec.Struct):
    typed: str = ""
    said: str = ""


def remember(model: InteractionNet, history: ContextPackage | None, now: Beat) -> Conversing:
    """The state before beat `now`; the last words of the history stand at the beats at which they were spoken."""
    moments = _moments(history.utterances if history else (), now)
    state = begin(model)
    if not moments:
        return state
    lived = min(moments)
    for beat, moment in sorted(moments.items()):
        state = after(state, beat - lived)
        _, state = advance(model, state, Incoming(typed=moment.typed))
        state = having_said(state, moment.said)
        lived = beat + 1
    return having_said(after(state, now - lived), "") if now > lived else state


def _moments(utterances: tuple[Utterance, ...], now: Beat) -> dict[int, _Moment]:
    """Words by beat, one of each side a beat, spread over the time that the utterance took."""
    words: list[tuple[int, Speaker, str]] = []
    for each in utterances:
        text = each.text if each.heard is None else each.text[: each.heard]
        spelled = [one.word for one in spell(text)]
        step = (each.last - each.first) / max(1, len(spelled) - 1)
        words += ((round(each.first + step * n), each.speaker, word) for n, word in enumerate(spelled))
    moments: dict[int, _Moment] = {}
    for beat, speaker, word in reversed(sorted(words, key=lambda one: one[0])[-REMEMBERED_WORDS:]):
        field = "typed" if speaker is Speaker.PERSON else "said"
        if speaker is Speaker.AGENT and word not in v.IDS:
            continue
        place = min(beat, now - 1)
        while getattr(moments.get(place), field, ""):
            place -= 1
        setattr(moments.setdefault(place, _Moment()), field, word)
    return moments
