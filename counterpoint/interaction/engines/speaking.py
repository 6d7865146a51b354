"""The agent's side of the context: the utterances that are being said or wait, word by word at the pace of speech.

It is told when to stop; it decides nothing about turns.
"""

from collections import deque
from collections.abc import Sequence
from typing import assert_never

from counterpoint.interaction.engines.answer import Answer
from counterpoint.interaction.engines.pacer import Pacer
from counterpoint.interaction.engines.recital import GO_ON, Recital, recital_of
from counterpoint.interaction.engines.saying import Saying
from counterpoint.interaction.engines.settings import Settings, Telling
from counterpoint.interaction.engines.uttering import Utterance, Uttering
from counterpoint.interaction.model import Offer
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.notes import Delivery, Then


class Speaking:
    """`running`: something has been said and more is to come."""

    def __init__(self, uttering: Uttering, settings: Settings) -> None:
        self.running = False
        self.boundary = Boundary.END
        self._uttering = uttering
        self._settings = settings
        self._pacer = Pacer(settings.words_per_beat)
        self._queue: deque[Utterance] = deque()
        self._urged = False
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
            unit = await self._uttering.next_word(self._queue[0], saying)
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
            await self._uttering.look_ahead(self.current, saying)
            await self._finish_if_over(saying)
        self._report_telling(saying)
        self._settle()

    async def stop(self) -> str:
        """The agent stops speaking, and gives up what it was going to say. Returns a request it was just writing."""
        begun = ""
        current = self.current
        if isinstance(current, Answer) and current.inside:
            current.end()
            begun = " ".join(tag.text for tag in current.tags())
        self._queue.clear()
        self._urged = False
        await self._uttering.end_turn()
        self._quiet()
        return begun

    def _settle(self) -> None:
        """Where speech stands now. Given words follow on without a pause; what has yet to be made up does not."""
        current = self.current
        if current is None or (isinstance(current, Answer) and self.boundary is Boundary.END):
            self._quiet()
        elif self.boundary is Boundary.END and self.running:
            self.boundary = Boundary.CLAUSE

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
            self._uttering.act(current, saying)
            if current.offer is not None or not current.said:
                again.append(Answer(self._settings.utterance_tokens, current.offer, GO_ON if current.said else ""))
            elif resumes:
                again.append(Answer(self._settings.utterance_tokens, lead=GO_ON))
            else:
                saying.give_up(current.rest)
        await self._uttering.end_turn()
        return again

    async def _finish_if_over(self, saying: Saying) -> None:
        current = self.current
        if current is None or not current.over:
            return
        self._queue.popleft()
        await self._uttering.end_turn()
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
