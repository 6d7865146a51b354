"""An instruct LLM that reads and writes text, as an interaction model: it listens while it speaks, speaks at the pace
of speech, delegates, and tells notes. docs/prompt-protocol.md describes what the model sees.
"""

from collections import deque

import msgspec

from counterpoint.engines.chat import ChatFormat
from counterpoint.engines.streaming import Engine
from counterpoint.errors import ModelFailed
from counterpoint.interaction.engines import prompt, turns
from counterpoint.interaction.engines.answer import Answer
from counterpoint.interaction.engines.budget import Budget
from counterpoint.interaction.engines.context import Context
from counterpoint.interaction.engines.dialogue import Dialogue, dialogue_of, unanswered, without_end
from counterpoint.interaction.engines.harness import Harness, Outcome
from counterpoint.interaction.engines.listening import Listening
from counterpoint.interaction.engines.live import Live
from counterpoint.interaction.engines.marks import chatml, marks_of
from counterpoint.interaction.engines.recital import Passage, Recital
from counterpoint.interaction.engines.rollover import Rollover, reserve_of
from counterpoint.interaction.engines.saying import Saying
from counterpoint.interaction.engines.settings import SMALL_MODEL, Settings
from counterpoint.interaction.engines.speaking import Speaking
from counterpoint.interaction.engines.turn_context import Renewal, TurnContext
from counterpoint.interaction.engines.uttering import Uttering
from counterpoint.interaction.model import Capabilities, Offer, Perceived, Span, Start
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import Unheard
from counterpoint.shared_context.expressed import SILENCE, Action, Boundary, Expressed, Floor, Yield
from counterpoint.shared_context.ids import SessionId
from counterpoint.shared_context.notes import Delivery

REMEMBERED_DISCARDS = 32


class InstructInteraction:
    """Any engine with streaming sessions, which stays the caller's to close. `chat`: how its model wants its turns
    written; ChatML if it is not given.
    """

    def __init__(self, engine: Engine, settings: Settings = SMALL_MODEL, chat: ChatFormat | None = None) -> None:
        self._engine = engine
        self._settings = settings
        self._marks = marks_of(chat or chatml(engine.tokenizer), engine.tokenizer)
        self.capabilities = Capabilities(engine.capabilities.name, partial=True)

    @property
    def fingerprint(self) -> str:
        """The engine's, and the settings: the same ones give the same outputs for the same recording."""
        engine = getattr(self._engine, "fingerprint", self._engine.capabilities.name)
        settings = ",".join(f"{name}={value}" for name, value in msgspec.to_builtins(self._settings).items())
        return f"{engine} [{settings}]"

    def place(self, session: SessionId) -> float | None:  # noqa: ARG002 (the protocol names it)
        return None

    async def open(self, start: Start) -> "InstructStream":
        """Raises `ConfigurationError` if the instructions leave no room to talk, `EngineFull` from the engine."""
        engine, settings = self._engine, self._settings
        instructions = prompt.system_prompt(start, settings.delegate)
        size = len(engine.tokenizer.encode(instructions))
        longest = min(engine.capabilities.max_length, settings.context_tokens)
        reserve = reserve_of(longest, settings.beat_tokens, size)
        context = Context(engine, await engine.open(), self._marks, reserve.hard)
        dialogue = dialogue_of(start.history) if start.history else Dialogue()
        rollover = Rollover(engine, context, dialogue, instructions, reserve)
        return InstructStream(start, settings, context, dialogue, rollover)


class InstructStream:
    """One conversation's stream. `discarded`: requests that the model had begun and that came to nothing, and why."""

    def __init__(
        self, start: Start, settings: Settings, context: TurnContext, dialogue: Dialogue, renewal: Renewal
    ) -> None:
        self.discarded: deque[str] = deque(maxlen=REMEMBERED_DISCARDS)
        self._settings = settings
        self._context = context
        self._dialogue = dialogue
        self._renewal = renewal
        self._budget = Budget(settings)
        self._uttering = Uttering(context, dialogue, renewal, self._budget)
        self._speaking = Speaking(self._uttering, settings)
        self._listening = Listening(context, dialogue, longest=renewal.longest_line)
        self._harness = Harness(settings.delegate, Live(start.history))
        self._cut = False
        self._sound = True
        self._start: Start | None = start

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        """Raises `ModelFailed` if the engine fails, or after a step that failed or was cancelled: open another one."""
        if not self._sound:
            raise ModelFailed("this stream broke off in an earlier step; open another one from the history")
        self._sound = False
        try:
            expressed = await self._live(perceived, woven, span)
        except Exception as error:
            raise ModelFailed(f"a step of the model failed: {type(error).__name__}: {error}") from error
        self._sound = True
        return expressed

    async def aclose(self) -> None:
        try:
            await self._renewal.aclose()
        finally:
            await self._context.aclose()

    async def _live(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        saying, actions = Saying(), list[Action]()
        if self._start is not None:
            actions += self._begin(self._start, "".join(chunk.text for chunk in perceived.texts))
            self._start = None
        self._budget.renew(span)
        await self._learn(perceived, woven)
        for chunk in perceived.texts:
            actions += await self._hear(chunk, span)
        actions += await self._after_pauses(span)
        spoken = [offer for offer in woven if offer.how is not Delivery.SILENT]
        await self._speaking.tell(spoken, saying)
        self._listening.show()
        spoke = await self._speak(span, saying)
        trouble = self._admit(self._context.trouble())
        self._budget.prefill -= await self._context.compute(self._budget.prefill)
        await self._roll_over()
        actions += self._harness.act(saying.tags)
        for answer in saying.answers:
            actions += self._reply(self._harness.answered(answer.said, tagged=answer.tagged))
        if not (spoke or actions or saying.voiced or saying.unsaid or trouble):
            return SILENCE
        return Expressed(
            text=saying.text,
            floor=Floor.AGENT if spoke else None,
            boundary=self._speaking.boundary,
            voiced=saying.voiced,
            actions=tuple(actions),
            unsaid=saying.unsaid,
            failed=trouble,
        )

    def _begin(self, start: Start, first: str) -> list[Action]:
        """The first step. What comes in with it may stand in the history already: the last stream failed over it."""
        history = start.history
        if history is not None:
            typing = without_end(history.typing, first)
            self._dialogue.repeated(first)
            self._listening.line.hear(TextChunk(history.typing if typing is None else typing, done=False), start.beat)
        self._renewal.begin()
        if start.greeting and not (history and history.utterances):
            self._speaking.reply(Recital([Passage(start.greeting)]))
        if history is None or first.strip() or not (line := unanswered(history)):
            return []
        return self._reply(self._harness.line_over(line))

    async def _learn(self, perceived: Perceived, woven: tuple[Offer, ...]) -> None:
        """What the model has to know and nobody said."""
        for news in perceived.news:
            self._harness.live.learn(news)
            self._listening.remark(prompt.state_of(news))
        if perceived.unheard is not None:
            await self._take_back(perceived.unheard)
        for offer in woven:
            if offer.how is Delivery.SILENT:
                self._listening.remark(prompt.note_block(offer.note))

    async def _take_back(self, unheard: Unheard) -> None:
        """It may be told in pieces, the last one first: what never sounded, then what of the rest was not played."""
        if not unheard.text.strip():
            return
        self._dialogue.take_back(unheard.text)
        heard = None if self._speaking.running else without_end(self._uttering.said, unheard.text)
        if heard is not None:
            self._uttering.said = heard
        if heard is None or not await self._context.take_back(len(heard)):
            self._listening.remark(prompt.not_heard(unheard.text))

    async def _hear(self, chunk: TextChunk, span: Span) -> list[Action]:
        line = self._listening.line
        line.hear(chunk, span.last)
        done = chunk.typed and chunk.done
        actions = await self._consider_stopping(done=done) if chunk.text.strip() or done else []
        if done:
            actions += self._line_over()
        return actions

    async def _consider_stopping(self, *, done: bool) -> list[Action]:
        """The person's words meet the agent's."""
        line, speaking = self._listening.line, self._speaking
        if speaking.current is None or line.blank or (speaking.running and line.since):
            return []
        if turns.overlap(line.text, done=done) is turns.Overlap.STOP:
            return await self._stop()
        return []

    async def _after_pauses(self, span: Span) -> list[Action]:
        """A spoken line ends with a pause. Between the clauses of given words the person may take the floor."""
        line = self._listening.line
        if not line.typed and not line.blank and span.beats and span.last - line.last >= self._settings.pause_beats:
            actions = await self._consider_stopping(done=True)
            return actions + self._line_over()
        at_clause = self._speaking.running and self._speaking.boundary is Boundary.CLAUSE
        if at_clause and turns.stops_at_clause(line.overlapping):
            return await self._stop()
        return []

    async def _stop(self) -> list[Action]:
        """The person has the floor."""
        was_running = self._speaking.running
        current = self._speaking.current
        self._cut = was_running and (isinstance(current, Answer) or (current is not None and current.note is not None))
        begun = await self._speaking.stop()
        if begun:
            self.discarded.append(f"the person spoke while it was being written: {begun}")
            self._listening.remark(prompt.abandoned(begun))
        return [Yield()] if was_running else []

    def _line_over(self) -> list[Action]:
        line = self._listening.line
        if line.blank:
            return []
        if self._speaking.current is not None and not line.since and turns.is_backchannel(line.text):
            self._listening.set_aside()
            return []
        cut, self._cut = self._cut, False
        questioned = self._uttering.said.rstrip().endswith(("?", "？"))
        return self._reply(self._harness.line_over(self._listening.finish(), cut=cut, questioned=questioned))

    def _reply(self, outcome: Outcome) -> list[Action]:
        if outcome.acknowledge:
            self._speaking.reply(Recital([Passage(outcome.acknowledge)]))
        elif outcome.answer:
            self._speaking.reply(Answer(self._settings.utterance_tokens))
        return list(outcome.actions)

    async def _speak(self, span: Span, saying: Saying) -> bool:
        """Returns whether the agent had the floor in this span."""
        was_running = self._speaking.running
        await self._speaking.speak(span.beats, saying)
        if self._speaking.running and not was_running:
            self._listening.line.begin_overlap()
        return self._speaking.running or bool(saying.text)

    def _admit(self, trouble: str) -> str:
        """An answer could not be had. A note that it was to tell is told verbatim, which is news enough."""
        current = self._speaking.current
        if trouble and (current is None or current.note is None):
            self._speaking.reply(Recital([Passage(prompt.CANNOT_ANSWER)]))
        return trouble

    async def _roll_over(self) -> None:
        slack = (
            self._budget.prefill if self._renewal.urgent else min(self._budget.prefill, self._settings.rollover_tokens)
        )
        self._budget.prefill -= await self._renewal.advance(slack)
