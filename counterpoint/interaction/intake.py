"""What is pushed becomes beats: one `Cut` for each step. Times are passed in, in seconds since the session's start.

Every modality has its own intake; what the model doesn't perceive is checked, noted once, and not kept.
"""

import msgspec

from counterpoint.errors import ChunkRefused, ConfigurationError
from counterpoint.interaction.audio_intake import AudioIntake
from counterpoint.interaction.model import Capabilities, Modality
from counterpoint.interaction.refusals import GREATEST_RATE, LEAST_RATE, check_audio, check_text, check_video
from counterpoint.interaction.text_intake import TextIntake
from counterpoint.interaction.video_intake import VideoIntake
from counterpoint.shared_context.chunks import AudioChunk, Chunk, TextChunk, VideoChunk
from counterpoint.shared_context.entries import MediaFault
from counterpoint.shared_context.ids import Beat


class Cut(msgspec.Struct, frozen=True):
    """What came in during the beats from `first` on. False if that is nothing.

    `audio`: PCM16 at the model's rate, exactly the span long, or empty without live audio. `faults`: one per modality,
    and once one for each that the model does not perceive.
    """

    first: Beat
    texts: tuple[TextChunk, ...] = ()
    audio: bytes = b""
    frames: tuple[VideoChunk, ...] = ()
    faults: tuple[MediaFault, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.texts or self.audio or self.frames or self.faults)


class Intake:
    """Raises `ConfigurationError` for a model whose audio or frame rate cannot be served."""

    __slots__ = ("_audio", "_ignored", "_named", "_texts", "_told", "_video")

    def __init__(self, capabilities: Capabilities) -> None:
        perceives = capabilities.perceives
        self._texts = TextIntake() if Modality.TEXT in perceives else None
        self._audio = AudioIntake(_served_rate(capabilities)) if Modality.AUDIO in perceives else None
        self._video = VideoIntake(_served_frame_rate(capabilities)) if Modality.VIDEO in perceives else None
        self._named = capabilities.name
        self._ignored: set[Modality] = set()
        self._told: set[Modality] = set()

    def push(self, chunk: Chunk, now: float) -> None:
        """Take a chunk that arrives at `now`. Raises `ChunkRefused` or `InputFull`; then nothing of it was taken."""
        if isinstance(chunk, AudioChunk):
            check_audio(chunk)
            self._audio.push(chunk, now) if self._audio else self._ignored.add(Modality.AUDIO)
        elif isinstance(chunk, TextChunk):
            check_text(chunk)
            self._texts.push(chunk, now) if self._texts is not None else self._ignored.add(Modality.TEXT)
        elif isinstance(chunk, VideoChunk):  # pyright: ignore[reportUnnecessaryIsInstance]: callers may push anything
            check_video(chunk)
            self._video.push(chunk, now) if self._video else self._ignored.add(Modality.VIDEO)
        else:
            raise ChunkRefused(f"a chunk is a TextChunk, AudioChunk or VideoChunk, not {type(chunk).__name__}")

    def cut(self, first: Beat, beats: int, end: float) -> Cut:
        """Everything of the `beats` beats whose input ends at `end`; what arrived later waits for its own beat."""
        texts = self._texts.cut(end) if self._texts is not None else ()
        audio = self._audio.cut(beats, end) if self._audio else b""
        frames = self._video.cut(end) if self._video else ()
        return Cut(first, texts, audio, frames, self._faults())

    def early(self, now: float) -> tuple[TextChunk, ...]:
        """For an early part: the text that waits."""
        return self._texts.cut(now) if self._texts is not None else ()

    @property
    def waiting(self) -> bool:
        """There is text that an early part could take."""
        return bool(self._texts)

    @property
    def live_media(self) -> bool:
        """Audio or video that the model perceives is coming in, so that steps keep to the grid."""
        return bool((self._audio and self._audio.live) or (self._video and self._video.live))

    def _faults(self) -> tuple[MediaFault, ...]:
        tallies = [intake.faults.take() for intake in (self._audio, self._video) if intake]
        return (*(fault for fault in tallies if fault), *self._unperceived())

    def _unperceived(self) -> list[MediaFault]:
        """Said once per modality: it comes in, and the model does not perceive it."""
        if not (new := self._ignored - self._told):
            return []
        self._told |= new
        reason = f"{self._named} does not perceive it"
        return [MediaFault(kind, reason=reason) for kind in sorted(modality.value for modality in new)]


def _served_rate(capabilities: Capabilities) -> int:
    rate = capabilities.audio_rate
    if not LEAST_RATE <= rate <= GREATEST_RATE or rate % 5:
        raise ConfigurationError(
            f"{capabilities.name} hears {rate} samples per second; the rate has to be a multiple of 5 "
            f"from {LEAST_RATE} to {GREATEST_RATE}, so that a beat holds whole samples"
        )
    return rate


def _served_frame_rate(capabilities: Capabilities) -> float:
    if not 0 < capabilities.frame_rate <= 100:
        raise ConfigurationError(
            f"{capabilities.name} wants {capabilities.frame_rate} frames per second; it has to be over 0 and up to 100"
        )
    return capabilities.frame_rate
