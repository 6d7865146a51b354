"""From the person's lines and the model's tags to actions and what is said with them. It keeps count of what is live,
so that "let me check" is only said with a delegation behind it and nothing is asked twice.
"""

from collections.abc import Iterable
from typing import assert_never

import msgspec

from counterpoint.interaction.engines import turns
from counterpoint.interaction.engines.live import Live
from counterpoint.interaction.engines.settings import Delegating
from counterpoint.interaction.engines.tags import Tag, TagName
from counterpoint.shared_context.expressed import Action, Amend, Delegate, Withdraw

CHECKING = ("Let me check.", "One moment, I'm looking that up.", "I'll look into it.")
STILL_CHECKING = "I'm still on it."
CORRECTED = "All right, I'll go by that."
CALLED_OFF = "All right, I'll leave that."

LONGEST_REQUEST = 2_000
"""Characters of a request; the background model reads the whole conversation besides."""


class Outcome(msgspec.Struct, frozen=True):
    """What a line comes to: `acknowledge` is said verbatim; `answer`: the model answers by itself."""

    actions: tuple[Action, ...] = ()
    acknowledge: str = ""
    answer: bool = False


class Harness:
    """One conversation's. `live`: what is in flight."""

    def __init__(self, delegate: Delegating, live: Live) -> None:
        self.live = live
        self._delegate = delegate
        self._line = ""
        self._handed_on = False
        self._count = 0

    def line_over(self, line: str, *, cut: bool = False, questioned: bool = False) -> Outcome:
        """The person has finished a line. `cut`: it cut short what the agent was telling; `questioned`: that was a
        question.
        """
        handed_on, self._handed_on, self._line = self._handed_on, False, line
        if self._delegate is not Delegating.QUESTIONS:
            return Outcome(answer=True)
        reply = turns.reply_to(line, live=bool(self.live), asked=handed_on, cut=cut, questioned=questioned)
        match reply:
            case turns.Answer():
                return Outcome(answer=True)
            case turns.Quiet():
                return Outcome()
            case turns.Ask(request):
                return self._ask(request)
            case turns.Correct(text):
                self._handed_on = True
                return Outcome((Amend(text[:LONGEST_REQUEST], self.live.named_by(text)),), CORRECTED)
            case turns.CallOff(reason, rest):
                return self._call_off(reason, rest)
            case _:
                assert_never(reply)

    def act(self, tags: Iterable[Tag]) -> list[Action]:
        """What the model's own tags do. Empty ones, and requests that are in flight already, do nothing."""
        if self._delegate is not Delegating.TAGS:
            return []
        return [action for tag in tags if (action := self._act(tag)) is not None]

    def answered(self, said: str, *, tagged: bool) -> Outcome:
        """An utterance of the model's own is over. What it promised to look into, somebody does; what it handed on
        without a word (`tagged`) is acknowledged.
        """
        if self._delegate is Delegating.TAGS and tagged and self.live and not said.strip():
            return Outcome(acknowledge=CHECKING[0])
        if self._delegate is Delegating.NEVER or self.live or not self._line or not turns.promises(said):
            return Outcome()
        return Outcome(self._ask(self._line).actions)

    def _ask(self, request: str) -> Outcome:
        request = request[:LONGEST_REQUEST]
        self._handed_on = True
        if request in self.live:
            return Outcome(acknowledge=STILL_CHECKING)
        self.live.asked(request)
        self._count += 1
        return Outcome((Delegate(request),), CHECKING[(self._count - 1) % len(CHECKING)])

    def _call_off(self, reason: str, rest: str) -> Outcome:
        delegation = self.live.named_by(reason)
        self.live.withdrawn(delegation)
        withdraw = Withdraw(reason[:LONGEST_REQUEST], delegation)
        if not rest.strip():
            return Outcome((withdraw,), CALLED_OFF)
        further = self.line_over(rest)
        return Outcome((withdraw, *further.actions), further.acknowledge, further.answer)

    def _act(self, tag: Tag) -> Action | None:
        match tag.name:
            case TagName.DELEGATE:
                if not tag.text or tag.text in self.live:
                    return None
                self.live.asked(tag.text)
                return Delegate(tag.text)
            case TagName.AMEND:
                return Amend(tag.text, self.live.named_by(tag.text)) if tag.text else None
            case TagName.WITHDRAW:
                if not self.live:
                    return None
                delegation = self.live.named_by(tag.text)
                self.live.withdrawn(delegation)
                return Withdraw(tag.text, delegation)
            case _:
                assert_never(tag.name)
