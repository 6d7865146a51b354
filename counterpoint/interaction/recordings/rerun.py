"""Runs a model again over a recording: the same inputs, step by step, as fast as it computes; compares the outputs."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, suppress
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import anyio
import anyio.to_thread
import msgspec

from counterpoint.errors import ConfigurationError, CorruptRecord
from counterpoint.interaction.model import InteractionModel, Span, Stream
from counterpoint.interaction.recordings.frames import Begun, Ended, Frame, Missed, Stepped, StreamOpened, frames_in
from counterpoint.interaction.recordings.recorded_model import fingerprint_of
from counterpoint.shared_context.expressed import Expressed

T = TypeVar("T")

FRAMES_AT_ONCE: Final = 100


class RerunDifference(msgspec.Struct, frozen=True):
    """The first step that came out otherwise."""

    span: Span
    expected: Expressed
    got: Expressed


class Rerun(msgspec.Struct, frozen=True):
    """What came of it. `same`: steps that came out as recorded. `fingerprint`: the recorded one; `now`: the model's.
    `stopped`: why it ended before the recording did.
    """

    session: str
    same: int
    fingerprint: str
    now: str
    difference: RerunDifference | None = None
    stopped: str = ""


async def rerun(path: Path, model: InteractionModel) -> Rerun:
    """Raises `ConfigurationError` for what is no file, `CorruptRecord` for one that does not begin as a recording."""
    running = _Rerunning(model)
    async with aclosing(_frames(path)) as frames:
        try:
            async for frame in frames:
                if not await running.take(frame):
                    break
        except CorruptRecord as error:
            if running.begun is None:
                raise
            running.stopped = str(error)
        finally:
            await running.aclose()
    return running.outcome()


class _Rerunning:
    def __init__(self, model: InteractionModel) -> None:
        self.begun: Begun | None = None
        self.stopped = "the recording was cut off: its end is missing"
        self._model = model
        self._stream: Stream | None = None
        self._same = 0
        self._difference: RerunDifference | None = None

    async def take(self, frame: Frame) -> bool:
        """Whether to go on."""
        if self.begun is None:
            if not isinstance(frame, Begun):
                raise CorruptRecord("this is no recording: it does not begin with one")
            self.begun = frame
            return True
        match frame:
            case StreamOpened(failed=""):
                await self.aclose()
                self._stream = await self._model.open(frame.start)
            case StreamOpened():
                pass
            case Stepped():
                return await self._step(frame)
            case Missed(frames=frames):
                self.stopped = f"{frames} frames are missing: the disk was too slow when it was recorded"
                return False
            case Begun() | Ended():
                self.stopped = ""
                return False
        return True

    async def aclose(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            with suppress(Exception):  # it may have failed, as it did then
                await stream.aclose()

    def outcome(self) -> Rerun:
        if self.begun is None:
            raise CorruptRecord("this is no recording: it is empty")
        now = fingerprint_of(self._model)
        stopped = "" if self._difference else self.stopped
        return Rerun(self.begun.session, self._same, self.begun.fingerprint, now, self._difference, stopped)

    async def _step(self, step: Stepped) -> bool:
        if self._stream is None:
            return True  # of a stream that failed: another one follows
        if step.failed:
            await self.aclose()
            return True
        got = await self._stream.step(step.perceived, step.woven, step.span)
        if got != step.expressed:
            self._difference = RerunDifference(step.span, step.expressed, got)
            return False
        self._same += 1
        return True


async def _frames(path: Path) -> AsyncGenerator[Frame, None]:
    """Read in a thread, some at a time."""
    try:
        file = await _thread(lambda: path.open("rb"))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    frames = frames_in(file)
    try:
        while True:
            some, error = await _thread(lambda: _some(frames))
            for frame in some:
                yield frame
            if error is not None:
                raise error
            if len(some) < FRAMES_AT_ONCE:
                return
    finally:
        with anyio.CancelScope(shield=True):
            await _thread(file.close)


def _some(frames: Generator[Frame, None, None]) -> tuple[list[Frame], CorruptRecord | None]:
    """What could be read, also before a frame that could not."""
    some: list[Frame] = []
    try:
        for frame in islice(frames, FRAMES_AT_ONCE):
            some.append(frame)  # noqa: PERF402 (what was read before an error is kept)
    except CorruptRecord as error:
        return some, error
    return some, None


async def _thread(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(work)
