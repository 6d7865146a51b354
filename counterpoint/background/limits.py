"""What one delegation may use up, and what it has used. Pure: it doesn't know how the work is done.

Time is not counted here: a delegation carries its own seconds, and the reasoner keeps the deadline.
"""

import msgspec

from counterpoint.background.failures import Failure


class Limits(msgspec.Struct, frozen=True):
    """Bounds on one attempt at one delegation; each is generous for honest work and small for a runaway.

    `rounds`: calls of `think`. `steps`: whatever those rounds yield, so that a model which yields without end is
    stopped. `calls`: tool calls, `concurrent_calls` of them at once. `tokens`: read and written by the model.
    `notes`: laid for the person, each of at most `note_characters`. `result_characters`: of a tool's result that are
    kept. `package_tokens`: size of the context package. `approval_seconds`: how long the person has to approve a call.
    """

    rounds: int = 16
    steps: int = 2_000
    calls: int = 32
    concurrent_calls: int = 4
    tokens: int = 500_000
    notes: int = 64
    note_characters: int = 8_000
    result_characters: int = 20_000
    package_tokens: int = 8_000
    approval_seconds: float = 60.0


class Spent(msgspec.Struct, frozen=True):
    rounds: int = 0
    steps: int = 0
    calls: int = 0
    tokens: int = 0
    notes: int = 0

    def plus(self, *, rounds: int = 0, steps: int = 0, calls: int = 0, tokens: int = 0, notes: int = 0) -> "Spent":
        return Spent(
            self.rounds + rounds,
            self.steps + steps,
            self.calls + calls,
            self.tokens + tokens,
            self.notes + notes,
        )


def excess(spent: Spent, limits: Limits) -> Failure | None:
    """The first limit that was passed, if any."""
    if spent.rounds > limits.rounds:
        return Failure.ROUNDS
    if spent.steps > limits.steps:
        return Failure.STEPS
    if spent.calls > limits.calls:
        return Failure.CALLS
    if spent.tokens > limits.tokens:
        return Failure.TOKENS
    if spent.notes > limits.notes:
        return Failure.NOTES
    return None
