"""Lets an interaction model live through an item, through the same protocol as in a session, as fast as it can, or in
the time that it takes in life: ears and a voice in threads of their own need that.
"""

from contextlib import aclosing
from pathlib import Path
from typing import Final

import anyio
import msgspec

from counterpoint.config import BEAT_SECONDS
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.echo import Echo
from counterpoint.evaluation.items import Item
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.sound import read_wav
from counterpoint.evaluation.track import Track
from counterpoint.evaluation.video import read_frames
from counterpoint.interaction.model import Capabilities, InteractionModel, Modality, Offer, Perceived, Span, Start
from counterpoint.shared_context.chunks import TextChunk, VideoChunk
from counterpoint.shared_context.expressed import Delegate, Expressed, Yield
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, SessionId
from counterpoint.shared_context.notes import Delivery, Note

_ROUNDING: Final = 1e-6
"""Seconds. A picture at the very beginning of a beat belongs to it, however its time was computed."""


def lacks(capabilities: Capabilities, item: Item) -> str:
    """Why a model cannot live through an item; empty if it can."""
    if item.frames and Modality.VIDEO not in capabilities.perceives:
        return f"{capabilities.name} does not see"
    return ""


async def live(
    model: InteractionModel, item: Item, folder: Path, *, real_time: bool = False, echo: float | None = None
) -> Lived:
    """The whole item, and what comes of it; also of its clean sound, if it has one. A model that does not hear is given
    the person's words when they end. `echo`: it hears its own voice, so many dB quieter, with the person's.
    """
    if reason := lacks(model.capabilities, item):
        raise ConfigurationError(f"{item.id}: {reason}")
    lived = await _through(model, item, folder, item.sound, real_time=real_time, echo=echo)
    if not item.clean or Modality.AUDIO not in model.capabilities.perceives:
        return lived
    clean = await _through(model, item, folder, item.clean, real_time=real_time, echo=echo)
    return msgspec.structs.replace(lived, clean=clean.said, clean_sound=clean.sound or b"")


async def _through(
    model: InteractionModel, item: Item, folder: Path, sound: str, *, real_time: bool, echo: float | None
) -> Lived:
    capabilities = model.capabilities
    rate = capabilities.audio_rate
    hears = Modality.AUDIO in capabilities.perceives and bool(sound)
    audio = await anyio.to_thread.run_sync(read_wav, folder / sound, rate) if hears else b""
    frames: list[VideoChunk] = []
    if item.frames:
        frames = await anyio.to_thread.run_sync(read_frames, folder / item.frames, item.frame_rate)
    track = Track(rate) if Modality.AUDIO in capabilities.expresses else None
    own = None if echo is None or track is None else Echo(echo, track, rate)
    stream = await model.open(Start(ConversationId(item.id), SessionId(item.id)))
    cadence = capabilities.cadence
    said: list[At] = []
    understood: list[At] = []
    handed: list[float] = []
    start = anyio.current_time()
    async with aclosing(stream):
        for first in range(0, round(item.seconds / BEAT_SECONDS), cadence):
            begin, end = first * BEAT_SECONDS, (first + cadence) * BEAT_SECONDS
            heard = _slice(audio, begin, end, rate) if hears else b""
            perceived = Perceived(
                texts=() if hears else _texts(item, begin, end),
                audio=own.over(heard, begin) if own and heard else heard,
                frames=tuple(each for each in frames if begin <= each.media_time + _ROUNDING < end),
            )
            if real_time:
                await anyio.sleep_until(start + end)
            step = await stream.step(perceived, _offers(item, begin, end), Span(Beat(first), cadence))
            said += (At(end, word) for word in _words(step.text))
            understood += (At(end, word) for word in _words(step.understood))
            handed += (end for _ in _delegations(step))
            if track is not None:
                track.add(step.audio, end, yields=any(isinstance(each, Yield) for each in step.actions))
    out = None if track is None else track.until(item.seconds + cadence * BEAT_SECONDS)
    return Lived(tuple(said), tuple(understood), tuple(handed), sound=out, rate=rate)


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
