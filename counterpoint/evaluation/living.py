"""Lets an interaction model live through an item, through the same protocol as in a session, as fast as it can."""

from contextlib import aclosing
from pathlib import Path

import anyio
import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation.items import Item
from counterpoint.evaluation.sound import read_wav
from counterpoint.interaction.model import InteractionModel, Modality, Offer, Perceived, Span, Start
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import Delegate, Expressed
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, SessionId
from counterpoint.shared_context.notes import Delivery, Note


class At(msgspec.Struct, frozen=True):
    """A word and its onset in seconds: the end of the span in which it was expressed, when it goes out."""

    time: float
    word: str


class Lived(msgspec.Struct, frozen=True):
    """What a model made of an item. `handed`: when it delegated."""

    said: tuple[At, ...] = ()
    understood: tuple[At, ...] = ()
    handed: tuple[float, ...] = ()


async def live(model: InteractionModel, item: Item, folder: Path) -> Lived:
    """The whole item, and what comes of it. A model that does not hear is given the person's words when they end."""
    capabilities = model.capabilities
    hears = Modality.AUDIO in capabilities.perceives and bool(item.sound)
    audio = b""
    if hears:
        audio = await anyio.to_thread.run_sync(read_wav, folder / item.sound, capabilities.audio_rate)
    stream = await model.open(Start(ConversationId(item.id), SessionId(item.id)))
    cadence = capabilities.cadence
    said: list[At] = []
    understood: list[At] = []
    handed: list[float] = []
    async with aclosing(stream):
        for first in range(0, round(item.seconds / BEAT_SECONDS), cadence):
            begin, end = first * BEAT_SECONDS, (first + cadence) * BEAT_SECONDS
            perceived = Perceived(
                texts=() if hears else _texts(item, begin, end),
                audio=_slice(audio, begin, end, capabilities.audio_rate) if hears else b"",
            )
            step = await stream.step(perceived, _offers(item, begin, end), Span(Beat(first), cadence))
            said += (At(end, word) for word in _words(step.text))
            understood += (At(end, word) for word in _words(step.understood))
            handed += (end for _ in _delegations(step))
    return Lived(tuple(said), tuple(understood), tuple(handed))


def _slice(audio: bytes, begin: float, end: float, rate: int) -> bytes:
    first, last = round(begin * rate) * 2, round(end * rate) * 2
    return audio[first:last].ljust(last - first, b"\0")


def _texts(item: Item, begin: float, end: float) -> tuple[TextChunk, ...]:
    return tuple(TextChunk(each.word, typed=False) for each in item.words if begin < each.end <= end)


def _offers(item: Item, begin: float, end: float) -> tuple[Offer, ...]:
    return tuple(
        Offer(Note(NoteId(f"{item.id}-{number}"), each.kind, each.text), Delivery.WHEN_IDLE)
        for number, each in enumerate(item.notes)
        if begin <= each.at < end
    )


def _words(text: str) -> list[str]:
    cleaned = (word.strip(".,;:!?…\"'()").lower() for word in text.split())
    return [word for word in cleaned if word]


def _delegations(step: Expressed) -> list[Delegate]:
    return [action for action in step.actions if isinstance(action, Delegate)]
