"""An interaction model that hears and speaks, made of one that reads and writes, of ears and of a voice.

What it expresses is what sounds: a word is said in the beat in which it has been heard to its end. The model inside is
ahead of that by what sounds and one clause; what of it is never heard, it is told. Turn decisions are those of
`engines/turns.py`.
"""

import asyncio
from types import TracebackType
from typing import Final, Self, cast

from counterpoint.config import BEAT_SECONDS
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines import turns
from counterpoint.interaction.model import (
    Capabilities,
    InteractionModel,
    Modality,
    Offer,
    Perceived,
    Span,
    Start,
    Stream,
)
from counterpoint.interaction.speech.ears import Ears, Hearing
from counterpoint.interaction.speech.hearing_on import HearingOn
from counterpoint.interaction.speech.lead import Lead
from counterpoint.interaction.speech.voice import Voice
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import Unheard
from counterpoint.shared_context.expressed import SILENCE, Boundary, End, Expressed, Floor, Yield
from counterpoint.shared_context.ids import Beat, SessionId
from counterpoint.shared_context.notes import Delivery, Then

MAKING_SECONDS: Final = 0.08
"""While nothing sounds, a step waits so long for a clause that is being made: it may sound a beat sooner."""

PAUSE_BEATS: Final = 4
"""Of the person's silence, after which what was said while the agent spoke is taken as whole."""


class SpokenInteraction:
    """`model` perceives and expresses text; `ears` and `voice` stay the caller's to close. Ears and voice have to have
    one rate. A model that is entered (a served one) is entered with it.
    """

    def __init__(self, model: InteractionModel, ears: Ears, voice: Voice) -> None:
        inner = model.capabilities
        if Modality.TEXT not in inner.perceives or Modality.TEXT not in inner.expresses:
            raise ConfigurationError(f"{inner.name} does not read and write, so it needs no ears and no voice")
        if Modality.AUDIO in inner.perceives:
            raise ConfigurationError(f"{inner.name} hears by itself; ears and a voice are for models that do not")
        if ears.capabilities.rate != voice.capabilities.rate:
            raise ConfigurationError(
                f"{ears.capabilities.name} hear {ears.capabilities.rate} samples per second, and "
                f"{voice.capabilities.name} speaks {voice.capabilities.rate}: they need the same rate"
            )
        if inner.cadence != 1:
            raise ConfigurationError(f"{inner.name} steps every {inner.cadence} beats; ears and a voice need every one")
        both = frozenset({Modality.TEXT, Modality.AUDIO})
        name = f"{inner.name} with {ears.capabilities.name} and {voice.capabilities.name}"
        self.capabilities = Capabilities(
            name,
            perceives=both,
            expresses=both,
            partial=inner.partial,
            weaving=inner.weaving,
            audio_rate=voice.capabilities.rate,
        )
        self._model = model
        self._ears = ears
        self._voice = voice

    async def __aenter__(self) -> Self:
        if hasattr(self._model, "__aenter__"):
            await cast("Self", self._model).__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self._model, "__aexit__"):
            await cast("Self", self._model).__aexit__(kind, error, trace)

    async def check(self) -> None:
        """Of a served model: whether it is there."""
        if hasattr(self._model, "check"):
            await cast("Self", self._model).check()

    def place(self, session: SessionId) -> float | None:
        return self._model.place(session)

    async def open(self, start: Start) -> "SpokenStream":
        stream = await self._model.open(start)
        return SpokenStream(stream, self._ears.open(), Lead(self._voice), self.capabilities)


class SpokenStream:
    def __init__(self, inner: Stream, hearing: Hearing, lead: Lead, capabilities: Capabilities) -> None:
        self._inner = inner
        self._lead = lead
        self._partial = capabilities.partial
        self._hearing = HearingOn(hearing, round(capabilities.audio_rate * BEAT_SECONDS))
        self._running = False
        self._unheard: Unheard | None = None
        self._over = ""
        self._over_last = Beat(0)
        self._end: End | None = None

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        """Raises what the model inside raises."""
        heard = self._hearing.take(perceived.audio, span.beats)
        chunks = (TextChunk(heard.text, typed=False),) if heard.text else ()
        texts = (*perceived.texts, *chunks)
        yields = self._person_takes_floor(texts, span)
        unsaid = self._give_way(woven, span)
        inner = await self._ask(perceived, texts, woven, span, listening=heard.speaking)
        if any(isinstance(each, Yield) for each in inner.actions):
            self._stop(span)
            yields = False
        told = self._lead.add(inner.text, inner.voiced, over=not self._running)
        self._lead.begin()
        await self._wait_for_voice(span)
        sounded = self._lead.advance(span.beats)
        if sounded.unsaid:
            self._unheard = Unheard(span.last, sounded.unsaid)
        sent = tuple(each for each in inner.actions if not isinstance(each, End))
        self._end = next((each for each in inner.actions if isinstance(each, End)), self._end)
        return Expressed(
            text=sounded.text,
            audio=sounded.audio,
            understood=heard.understood,
            floor=self._floor(heard.speaking),
            boundary=sounded.boundary,
            voiced=(*told, *sounded.voiced, *self._lead.on_its_way()),
            actions=(*((Yield(),) if yields else ()), *sent, *self._farewell()),
            unsaid=" ".join(filter(None, (sounded.unsaid, unsaid, inner.unsaid))),
            failed="; ".join(filter(None, (heard.failed, sounded.failed, inner.failed))),
        )

    async def aclose(self) -> None:
        self._lead.flush()
        self._hearing.close()
        await self._inner.aclose()

    def _person_takes_floor(self, texts: tuple[TextChunk, ...], span: Span) -> bool:
        """The model inside has said all it wanted, and it still sounds: it cannot stop any more, so it is stopped."""
        if not self._lead.busy:
            self._over = ""
            return False
        for chunk in texts:
            if chunk.text.strip():
                self._over += chunk.text if chunk.typed else f" {chunk.text}"
                self._over_last = span.last
        done = any(chunk.typed and chunk.done for chunk in texts) or span.last - self._over_last >= PAUSE_BEATS
        if not self._over.strip() or self._running:
            return False
        if turns.overlap(self._over, done=done) is not turns.Overlap.STOP:
            if done:
                self._over = ""
            return False
        self._stop(span)
        return True

    def _give_way(self, woven: tuple[Offer, ...], span: Span) -> str:
        """A note breaks in: words of the agent's own that have not sounded are given up, unless they are resumed."""
        spoken = [offer.note for offer in woven if offer.how is not Delivery.SILENT]
        if not spoken or spoken[0].then is Then.RESUME or self._lead.tells_note or not self._lead.busy:
            return ""
        return self._stop(span)

    def _stop(self, span: Span) -> str:
        text = self._lead.flush()
        self._over = ""
        if text.strip():
            before = self._unheard
            self._unheard = Unheard(before.since if before else span.last, (before.text if before else "") + text)
        return text.strip()

    async def _ask(
        self,
        perceived: Perceived,
        texts: tuple[TextChunk, ...],
        woven: tuple[Offer, ...],
        span: Span,
        *,
        listening: bool,
    ) -> Expressed:
        """A step of the model inside: a whole one if it is to say more, else one that takes no time.

        `listening`: the person is heard to speak. Their words come a while after their voice, so that a pause between
        words is none: for the model inside no time goes by.
        """
        unheard, self._unheard = _earlier(perceived.unheard, self._unheard), None
        within = Perceived(texts, frames=perceived.frames, unheard=unheard, news=perceived.news)
        if span.beats and (listening or not self._lead.wants_more):
            if not self._partial and within == Perceived() and not woven:
                return SILENCE
            span = Span(span.last, 0, 1) if self._partial else span
        expressed = await self._inner.step(within, woven, span)
        self._running = expressed.boundary is not Boundary.END
        return expressed

    async def _wait_for_voice(self, span: Span) -> None:
        made = self._lead.awaited
        if span.beats and made is not None and not made.done():
            waiting = asyncio.wrap_future(made)
            waiting.add_done_callback(lambda over: over.cancelled() or over.exception())
            await asyncio.wait([waiting], timeout=MAKING_SECONDS)

    def _floor(self, speaking: bool) -> Floor | None:
        if not speaking:
            return None
        return Floor.BOTH if self._lead.busy else Floor.PERSON

    def _farewell(self) -> tuple[End, ...]:
        """The conversation ends once its last words have sounded."""
        if self._end is None or self._lead.busy or self._running:
            return ()
        end, self._end = self._end, None
        return (end,)


def _earlier(played: Unheard | None, lead: Unheard | None) -> Unheard | None:
    """What the listener did not play comes before what never sounded."""
    if played is None or lead is None:
        return played or lead
    return Unheard(played.since, played.text + lead.text)
