"""The agent's side of the context: the utterances that are being said or wait, word by word at the pace of speech.

It is told when to stop; it decides nothing about turns.
"""

from collections import deque
from collections.abc import Sequence
from typing import assert_never

from counterpoint.interaction.engines import prompt
from counterpoint.interaction.engines.answer import Answer
from counterpoint.interaction.engines.budget import Budget
from counterpoint.interaction.engines.context import Context
from counterpoint.interaction.engines.dialogue import Dialogue, Party
from counterpoint.interaction.engines.pacer import Pacer
from counterpoint.interaction.engines.recital import GO_ON, Recital, Unit, recital_of
from counterpoint.interaction.engines.rollover import Rollover
from counterpoint.interaction.engines.saying import Saying
from counterpoint.interaction.engines.settings import Settings, Telling
from counterpoint.interaction.engines.tags import written
from counterpoint.interaction.model import Offer
from counterpoint.shared_context.escaping import escape_control
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.notes import Delivery, Then

LOOK_AHEAD = 2
"""Tokens of the next word that are made while the last one is being spoken: about a word."""

Utterance = Recital | Answer


class Speaking:
    """`running`: something has been said and more is to come. `said`: in the latest turn of the context."""

    def __init__(
        self, context: Context, dialogue: Dialogue, rollover: Rollover, budget: Budget, settings: Settings
    ) -> None:
        self.running = False
        self.said = ""
        self.boundary = Boundary.END
        self._context = context
        self._dialogue = dialogue
        self._rollover = rollover
        self._budget = budget
        self._settings = settings
        self._pacer = Pacer(settings.words_per_beat)
        self._queue: deque[Utterance] = deque()
        self._urged = False
        self._acted: list[str] = []
        self._last = " "

    @property
    def current(self) -> Utterance | None:
        return self._queue[0] if self._queue else None

    def reply(self, utterance: Utterance) -> None:
        """An utterance of the agent's own. What it was going to say and has not begun is out of date."""
        self._queue = deque(each for each in self._queue if each.note is not None or each.begun)
        self._queue.append(utterance)

    async def tell(self, offers: Sequence[Offer], saying: Saying) -> None:
        """Notes to be told, in this order, the first one from this step on.

        An utterance of the agent's own gives way at once; a note that is being told only to one that interrupts.
        """
        current = self.current
        telling = current.note.id if current is not None and current.note is not None else None
        notes = [self._telling(offer) for offer in offers if offer.note.id != telling]
        if not notes:
            return
        known = {offer.note.id for offer in offers} - {telling}
        waiting = [each for each in self._queue if each.note is None or each.note.id not in known]
        interrupts = any(offer.how is Delivery.INTERRUPT for offer in offers)
        if current is not None and current.note is not None and current.begun and not interrupts:
            told = [each for each in waiting if each.note is not None]
            self._queue = deque([*told, *notes, *(each for each in waiting if each.note is None)])
            return
        if current is not None and current.begun:
            resumes = current.note is not None or offers[0].note.then is Then.RESUME
            waiting[:1] = await self._give_way(current, resumes=resumes, saying=saying)
        self._queue = deque([*notes, *waiting])
        self._urged = True

    async def speak(self, beats: int, saying: Saying) -> None:
        """Say what is due in a step of so many beats."""
        if not self._queue:
            self._quiet()
            return
        words = self._pacer.allow(beats, begins=not self.running)
        words, self._urged = max(words, int(self._urged)), False
        while self._queue and (words > 0 or _is_empty(self._queue[0])):
            saying.apart = not self._queue[0].begun and not self._last.isspace()
            unit = await self._next(self._queue[0], saying)
            if unit is not None:
                words -= 1
                self._pacer.said(1)
                self.running = True
                self.boundary = unit.boundary
                self._last = unit.text[-1]
                saying.say(unit)
            elif not self._queue or not self._queue[0].over:
                break
            await self._finish_if_over(saying)
        if beats:
            await self._look_ahead(saying)
            await self._finish_if_over(saying)
        self._report_telling(saying)
        if not self._queue:
            self._quiet()
        elif self.boundary is Boundary.END and self.running:
            self.boundary = Boundary.CLAUSE

    async def stop(self) -> str:
        """The agent stops speaking, and gives up what it was going to say. Returns a request it was just writing."""
        begun = ""
        current = self.current
        if isinstance(current, Answer) and current.inside:
            current.end()
            begun = " ".join(tag.text for tag in current.tags())
        self._queue.clear()
        self._urged = False
        await self.end_turn()
        self._quiet()
        return begun

    async def end_turn(self) -> None:
        """Close the agent's turn of the context after what was really said of it."""
        if self._context.party is Party.AGENT:
            await self._context.take_back(len(self.said))
            self._context.end()
            self._dialogue.add(Party.AGENT, " ".join((*self._acted, escape_control(self.said))))
            self._acted.clear()

    def _act(self, answer: Answer, saying: Saying) -> None:
        """Tags that were closed: they act, and the model should remember that they did."""
        tags = answer.tags()
        if answer.offer is None:
            saying.tags += tags
            self._acted += [written(tag) for tag in tags]

    def _quiet(self) -> None:
        self.running = False
        self.boundary = Boundary.END

    def _telling(self, offer: Offer) -> Utterance:
        match self._settings.notes:
            case Telling.VERBATIM:
                return recital_of(offer)
            case Telling.CONTEXT:
                return Answer(self._settings.utterance_tokens, offer)
            case _:
                assert_never(self._settings.notes)

    async def _give_way(self, current: Utterance, *, resumes: bool, saying: Saying) -> list[Utterance]:
        """Cut what is being said. Returns what of it is taken up again later."""
        again: list[Utterance] = []
        if isinstance(current, Recital):
            if resumes:
                again.append(current.resumed())
            else:
                saying.give_up(current.rest)
        else:
            current.end()
            self._act(current, saying)
            if current.offer is not None or not current.said:
                again.append(Answer(self._settings.utterance_tokens, current.offer, GO_ON if current.said else ""))
            elif resumes:
                again.append(Answer(self._settings.utterance_tokens, lead=GO_ON))
            else:
                saying.give_up(current.rest)
        await self.end_turn()
        return again

    async def _next(self, utterance: Utterance, saying: Saying) -> Unit | None:
        """The next word, as far as it is known yet."""
        if isinstance(utterance, Recital):
            return await self._recite(utterance)
        if utterance.lead.over:
            await self._make_up(utterance, saying, self._settings.decode_tokens)
            unit = utterance.take()
            self.said += unit.text if unit else ""
            return unit
        unit = await self._recite(utterance.lead)
        return unit if unit is None or unit.boundary is not Boundary.END else Unit(unit.text, Boundary.CLAUSE)

    async def _recite(self, recital: Recital) -> Unit | None:
        unit = recital.take()
        if unit is None:
            return None
        await self._open_turn()
        self._context.write(unit.text)
        self.said += unit.text
        if self._rollover.urgent or (self._rollover.wants_gap and unit.boundary >= Boundary.CLAUSE):
            await self.end_turn()
        return unit

    async def _make_up(self, answer: Answer, saying: Saying, tokens: int) -> None:
        """Let the model go on until a word is whole, for at most so many tokens."""
        if not answer.wants_more:
            return
        if not self._rollover.urgent:
            await self._sample(answer, tokens)
        elif answer.begun:
            answer.end()
        self._act(answer, saying)

    async def _look_ahead(self, saying: Saying) -> None:
        """Between two words the next one is begun, so that no beat has to make all of it."""
        current = self.current
        if isinstance(current, Answer) and current.begun and current.lead.over:
            await self._make_up(current, saying, LOOK_AHEAD)

    async def _sample(self, answer: Answer, tokens: int) -> None:
        if self._context.party is not Party.AGENT:
            if answer.offer is not None:
                self._remark(prompt.telling(answer.offer.note, answer.offer.heard))
            await self._open_turn()
        self._budget.prefill -= await self._context.compute(self._budget.prefill)
        if not self._context.ready or self._budget.decode <= 0:
            return

        def take(piece: bytes) -> bool:
            self._context.spoken(answer.hear(piece))
            return answer.wants_more

        made, ended = await self._context.sample(min(tokens, self._budget.decode), take)
        self._budget.decode -= made
        if ended:
            answer.end()

    async def _open_turn(self) -> None:
        if self._context.party is Party.AGENT:
            return
        self._context.end()
        self._context.begin(Party.AGENT)
        self.said = ""

    def _remark(self, text: str) -> None:
        self._context.end()
        self._context.begin(Party.REMARK)
        self._context.write(text)
        self._context.end()
        self._dialogue.add(Party.REMARK, escape_control(text))

    async def _finish_if_over(self, saying: Saying) -> None:
        current = self.current
        if current is None or not current.over:
            return
        self._queue.popleft()
        await self.end_turn()
        if isinstance(current, Recital):
            if current.note is not None:
                saying.told(current.note)
        elif current.offer is None:
            saying.finished(current)
        elif current.said:
            saying.told(current.offer.note)
        else:
            self._queue.appendleft(recital_of(current.offer))

    def _report_telling(self, saying: Saying) -> None:
        """The note that is being told in other words is on its way; how much of it is out is known at the end only."""
        current = self.current
        if isinstance(current, Answer) and current.offer is not None:
            saying.on_its_way(current.offer)


def _is_empty(utterance: Utterance) -> bool:
    return isinstance(utterance, Recital) and utterance.over
