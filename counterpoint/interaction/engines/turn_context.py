"""What an instruct model has in front of it, as its stream sees it: turns that are opened, written and closed; and what
keeps them within the model's length. A streaming session holds them, or the messages of the next request.
"""

from collections.abc import Callable
from typing import Protocol

from counterpoint.interaction.engines.dialogue import Party


class TurnContext(Protocol):
    """`party`: whose turn is open, if one is."""

    party: Party | None

    @property
    def ready(self) -> bool:
        """All that happened has been computed; the model may speak."""
        ...

    def begin(self, party: Party) -> None: ...

    def write(self, text: str) -> int:
        """Add to the open turn. Returns how many tokens it takes."""
        ...

    def end(self) -> None:
        """Close the open turn, if there is one. What the model is still making of it is not wanted any more."""
        ...

    async def compute(self, limit: int) -> int:
        """Compute at most `limit` tokens of what happened; returns how many it were."""
        ...

    async def sample(self, limit: int, take: Callable[[bytes], bool]) -> tuple[int, bool]:
        """The model goes on with the open turn, for at most `limit` tokens or as far as it has come. `take` gets each
        one's bytes and says whether another one is wanted. Returns how many, and whether the model ended the turn.
        """
        ...

    def spoken(self, text: str) -> None:
        """Some of what was sampled was speech."""
        ...

    async def take_back(self, keep: int) -> bool:
        """Take back the agent's open or just closed turn but for its first `keep` characters; false if that cannot be
        done.
        """
        ...

    def trouble(self) -> str:
        """Why the model could not go on with a turn, once; empty as long as it can."""
        ...

    async def aclose(self) -> None: ...


class Renewal(Protocol):
    """`longest_line`: tokens of one line of the person's that are shown."""

    @property
    def longest_line(self) -> int: ...

    @property
    def wants_gap(self) -> bool:
        """The agent's given words should pause between two turns."""
        ...

    @property
    def urgent(self) -> bool:
        """Nothing more fits: whatever the agent makes up has to end now."""
        ...

    def begin(self) -> None:
        """The conversation begins, or is taken up."""
        ...

    async def advance(self, slack: int) -> int:
        """Make at most `slack` tokens of progress. Returns tokens computed."""
        ...

    async def aclose(self) -> None: ...
