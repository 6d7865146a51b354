"""The person's side of the context: shows the model what comes in as it comes, and tells when a line is over.

Between the agent's words nothing can be shown; what comes in then waits and keeps its order.
"""

from collections import deque

from counterpoint.interaction.engines.dialogue import Dialogue, Party, excerpt
from counterpoint.interaction.engines.person import Line
from counterpoint.interaction.engines.turn_context import TurnContext
from counterpoint.shared_context.escaping import escape_control

WAITING_TURNS = 64
"""Remarks and short words of the person that wait for the agent to end a turn; the oldest fall away."""


class Listening:
    """`line`: what the person is saying now. `longest`: tokens of one line that are shown to the model."""

    def __init__(self, context: TurnContext, dialogue: Dialogue, longest: int) -> None:
        self.line = Line()
        self._context = context
        self._dialogue = dialogue
        self._longest = longest
        self._waiting: deque[tuple[Party, str]] = deque(maxlen=WAITING_TURNS)
        self._shown = False

    def remark(self, text: str) -> None:
        """Something that the model should know, as soon as no turn is open."""
        if text:
            self._waiting.append((Party.REMARK, text))

    def show(self) -> None:
        """Show what is new, as far as it can be shown now."""
        if self._context.party is Party.AGENT:
            return
        self._mind_interruption()
        if self._context.party is None:
            self._show_waiting()
        self._show_line(final=False)

    def finish(self) -> str:
        """The line is over; a new one begins. Returns what it was."""
        text = self.line.text.strip()
        if self._context.party is Party.AGENT:
            self._waiting.append((Party.PERSON, excerpt(text, self._longest)))
        else:
            self.show()
            self._show_line(final=True)
            self._context.end()
            self._dialogue.add(Party.PERSON, escape_control(text))
        self.line = Line()
        self._shown = False
        return text

    def set_aside(self) -> str:
        """The line was only a sign of listening: nothing to answer."""
        text = self.line.text.strip()
        self._waiting.append((Party.PERSON, text))
        self.line = Line()
        self._shown = False
        return text

    def _mind_interruption(self) -> None:
        """The agent spoke while the line was being shown, which closed its turn: another turn takes it up."""
        if self._shown and self._context.party is not Party.PERSON:
            self._shown = False
            self.line.restate()

    def _show_waiting(self) -> None:
        while self._waiting:
            party, text = self._waiting.popleft()
            self._context.begin(party)
            self._context.write(text)
            self._context.end()
            self._dialogue.add(party, escape_control(text))

    def _show_line(self, *, final: bool) -> None:
        while part := self.line.show(final=final, limit=self._longest):
            if not self._shown:
                part = part.lstrip()
                if not part:
                    continue
                self._context.begin(Party.PERSON)
                self._shown = True
            self.line.cost(self._context.write(part))
