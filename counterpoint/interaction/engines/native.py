"""Our own small model as an interaction model: it hears sound, reads typed words and notes, sees if its weights do, and
speaks, a word at a time.

No voice-activity detector, no recogniser, no turns: what to say now, and whether to say anything, is all the model's.
It also times the notes. With a voice its words are sound, and said once they have been heard; without, they are text.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from counterpoint.errors import ModelFailed
from counterpoint.interaction.engines.native_living import Living
from counterpoint.interaction.engines.native_memory import remember
from counterpoint.interaction.engines.native_voice import Aloud, Written
from counterpoint.interaction.model import Capabilities, Modality, Offer, Perceived, Span, Start, Weaving
from counterpoint.interaction.nn.beat import use_one_core
from counterpoint.interaction.nn.model import InteractionNet
from counterpoint.interaction.nn.streaming import GREEDY, Decoding
from counterpoint.interaction.nn.voice import Voice
from counterpoint.shared_context.expressed import Expressed
from counterpoint.shared_context.ids import SessionId


class NativeInteraction:
    """`model`, `voice`: loaded weights, shared by all streams. Its steps run on a thread of its own, some milliseconds
    each.
    """

    def __init__(
        self, model: InteractionNet, decoding: Decoding = GREEDY, name: str = "native", voice: Voice | None = None
    ) -> None:
        both = frozenset({Modality.TEXT, Modality.AUDIO})
        self.capabilities = Capabilities(
            name,
            perceives=both | {Modality.VIDEO} if model.eyes.see else both,
            expresses=frozenset({Modality.TEXT}) if voice is None else both,
            weaving=Weaving.MODEL,
        )
        self._model = model
        self._voice = voice
        self._decoding = decoding
        self._thread = ThreadPoolExecutor(1, "counterpoint-native", use_one_core)

    def place(self, session: SessionId) -> float | None:  # noqa: ARG002 (the protocol names it)
        return None

    async def open(self, start: Start) -> "NativeStream":
        """Lives through the last words of the history again: at most a second."""
        work = self._thread.submit(remember, self._model, start.history, start.beat)
        outlet = Written() if self._voice is None else Aloud(self._voice)
        live = Living(self._model, self._decoding, await asyncio.wrap_future(work), start, outlet)
        return NativeStream(live, self._thread)

    def close(self) -> None:
        """Let the thread go. Streams that are still open fail."""
        self._thread.shutdown(wait=False)


class NativeStream:
    """One conversation's stream."""

    def __init__(self, living: Living, thread: ThreadPoolExecutor) -> None:
        self._living = living
        self._thread = thread
        self._sound = True

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        """Raises `ModelFailed` if the step fails, or after a step that failed or was cancelled: open another one."""
        if not self._sound:
            raise ModelFailed("this stream broke off in an earlier step; open another one from the history")
        self._sound = False
        try:
            work = self._thread.submit(partial(self._living.live, perceived, woven, span))
            expressed = await asyncio.wrap_future(work)
        except Exception as error:
            raise ModelFailed(f"a step of the model failed: {type(error).__name__}: {error}") from error
        self._sound = True
        return expressed

    @property
    def beats(self) -> int:
        """How far its time has come, in beats since it began."""
        return self._living.beats

    async def aclose(self) -> None:
        self._sound = False
