"""How the next word of an utterance comes about, in the agent's turn of the context: given words are written into it,
others are sampled from it, within the beat's tokens.
"""

from counterpoint.interaction.engines import prompt
from counterpoint.interaction.engines.answer import Answer
from counterpoint.interaction.engines.budget import Budget
from counterpoint.interaction.engines.dialogue import Dialogue, Party
from counterpoint.interaction.engines.recital import Recital, Unit
from counterpoint.interaction.engines.saying import Saying
from counterpoint.interaction.engines.tags import written
from counterpoint.interaction.engines.turn_context import Renewal, TurnContext
from counterpoint.shared_context.escaping import escape_control
from counterpoint.shared_context.expressed import Boundary

LOOK_AHEAD = 2
"""Tokens of the next word that are made while the last one is being spoken: about a word."""

Utterance = Recital | Answer


class Uttering:
    """`said`: what was said in the latest of the agent's turns."""

    def __init__(self, context: TurnContext, dialogue: Dialogue, renewal: Renewal, budget: Budget) -> None:
        self.said = ""
        self._context = context
        self._dialogue = dialogue
        self._renewal = renewal
        self._budget = budget
        self._acted: list[str] = []

    async def next_word(self, utterance: Utterance, saying: Saying) -> Unit | None:
        """The next word, as far as it is known yet."""
        if isinstance(utterance, Recital):
            return await self._recite(utterance)
        if utterance.lead.over:
            await self._make_up(utterance, saying, self._budget.decode)
            unit = utterance.take()
            self.said += unit.text if unit else ""
            return unit
        unit = await self._recite(utterance.lead)
        return unit if unit is None or unit.boundary is not Boundary.END else Unit(unit.text, Boundary.CLAUSE)

    async def look_ahead(self, utterance: Utterance | None, saying: Saying) -> None:
        """Between two words the next one is begun, so that no beat has to make all of it."""
        if isinstance(utterance, Answer) and utterance.begun and utterance.lead.over:
            await self._make_up(utterance, saying, min(LOOK_AHEAD, self._budget.decode))

    async def end_turn(self) -> None:
        """Close the agent's turn of the context after what was really said of it."""
        if self._context.party is Party.AGENT:
            await self._context.take_back(len(self.said))
            self._context.end()
            self._dialogue.add(Party.AGENT, " ".join((*self._acted, escape_control(self.said))))
            self._acted.clear()

    def act(self, answer: Answer, saying: Saying) -> None:
        """Tags that were closed: they act, and the model should remember that they did. A told note's do nothing."""
        tags = answer.tags()
        if answer.offer is None:
            saying.tags += tags
            self._acted += [written(tag) for tag in tags]

    async def _recite(self, recital: Recital) -> Unit | None:
        unit = recital.take()
        if unit is None:
            return None
        self._open_turn()
        self._context.write(unit.text)
        self.said += unit.text
        if self._renewal.urgent or (self._renewal.wants_gap and unit.boundary >= Boundary.CLAUSE):
            await self.end_turn()
        return unit

    async def _make_up(self, answer: Answer, saying: Saying, tokens: int) -> None:
        """Let the model go on until a word is whole, for at most so many tokens."""
        if not answer.wants_more:
            return
        if not self._renewal.urgent:
            await self._sample(answer, tokens)
        elif answer.begun:
            answer.end()
        self.act(answer, saying)

    async def _sample(self, answer: Answer, tokens: int) -> None:
        if self._context.party is not Party.AGENT:
            if answer.offer is not None:
                self._remark(prompt.telling(answer.offer.note, answer.offer.heard))
            self._open_turn()
        self._budget.prefill -= await self._context.compute(self._budget.prefill)
        if not self._context.ready or tokens <= 0:
            return

        def take(piece: bytes) -> bool:
            self._context.spoken(answer.hear(piece))
            return answer.wants_more

        made, ended = await self._context.sample(tokens, take)
        self._budget.decode -= made
        if ended:
            answer.end()

    def _open_turn(self) -> None:
        if self._context.party is not Party.AGENT:
            self._context.end()
            self._context.begin(Party.AGENT)
            self.said = ""

    def _remark(self, text: str) -> None:
        self._context.end()
        self._context.begin(Party.REMARK)
        self._context.write(text)
        self._context.end()
        self._dialogue.add(Party.REMARK, escape_control(text))
