"""An interaction model whose sessions are recorded: what it is given and what it answers, as it passes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from counterpoint.interaction.model import Capabilities, InteractionModel, Offer, Perceived, Span, Start, Stream
from counterpoint.interaction.recordings.frames import SUFFIX, VERSION, Begun, Stepped, StreamOpened
from counterpoint.interaction.recordings.recorder import FrameRecorder
from counterpoint.shared_context.expressed import Expressed
from counterpoint.shared_context.ids import ConversationId, SessionId


def fingerprint_of(model: InteractionModel) -> str:
    """What a model's outputs depend on besides its inputs: its own `fingerprint` where it has one, else its name."""
    return str(getattr(model, "fingerprint", "") or model.capabilities.name)


@asynccontextmanager
async def recorded(
    model: InteractionModel, folder: Path, conversation: ConversationId, session: SessionId
) -> AsyncGenerator[InteractionModel, None]:
    """The model, recorded into a file of the session in the folder while the block lasts.

    Raises `ConfigurationError` if that file cannot be made.
    """
    recorder = FrameRecorder(folder / f"{session}{SUFFIX}")
    await recorder.start()
    try:
        recorder.put(Begun(VERSION, conversation, session, model.capabilities.name, fingerprint_of(model)))
        yield _RecordedInteraction(model, recorder)
    finally:
        await recorder.aclose()


class _RecordedInteraction:
    def __init__(self, model: InteractionModel, recorder: FrameRecorder) -> None:
        self._model = model
        self._recorder = recorder

    @property
    def capabilities(self) -> Capabilities:
        return self._model.capabilities

    def place(self, session: SessionId) -> float | None:
        return self._model.place(session)

    async def open(self, start: Start) -> Stream:
        try:
            stream = await self._model.open(start)
        except Exception as error:
            self._recorder.put(StreamOpened(start, failed=f"{type(error).__name__}: {error}"))
            raise
        self._recorder.put(StreamOpened(start))
        return _RecordedStream(stream, self._recorder)


class _RecordedStream:
    def __init__(self, stream: Stream, recorder: FrameRecorder) -> None:
        self._stream = stream
        self._recorder = recorder

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        try:
            expressed = await self._stream.step(perceived, woven, span)
        except Exception as error:
            self._recorder.put(Stepped(span, perceived, woven, failed=f"{type(error).__name__}: {error}"))
            raise
        self._recorder.put(Stepped(span, perceived, woven, expressed))
        return expressed

    async def aclose(self) -> None:
        await self._stream.aclose()
