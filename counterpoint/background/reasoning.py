"""The reasoning step: what happened to a delegation in, what is to be done next out. Pure: no clock, no I/O, no store.

Calls run while the model streams on. A round ends when the model stops; the next begins when every call has returned,
or at once when the person corrected the request. An answer ends the work; beside unfinished calls that change
something it waits for them, and does not count if one of them fails: the model has to see that first.
"""

from typing import assert_never

import msgspec

from counterpoint.background.failures import Failure
from counterpoint.background.limits import Limits, Spent, excess
from counterpoint.background.model import Answer, Call, Observation, Progress, Say, Step, Usage
from counterpoint.config import NOTE_TTL_SECONDS
from counterpoint.shared_context.ids import Position
from counterpoint.shared_context.notes import Delivery, NoteKind, Source


class Stepped(msgspec.Struct, frozen=True):
    """The model yielded a step in this round."""

    round: int
    step: Step


class RoundEnded(msgspec.Struct, frozen=True):
    """The model stopped. `failed`: it raised, or yielded what is no step."""

    round: int
    failed: bool = False


class Reported(msgspec.Struct, frozen=True):
    """A running tool has something to pass on already. `upto`: the newest log entry that its call was made for."""

    kind: NoteKind
    text: str
    delivery: Delivery = Delivery.WHEN_IDLE
    ttl: float = NOTE_TTL_SECONDS
    sources: tuple[Source, ...] = ()
    upto: Position = Position(0)


class Returned(msgspec.Struct, frozen=True):
    """A call came to its end, or was not run; the observation says what the model is told."""

    number: int
    observation: Observation


class Corrected(msgspec.Struct, frozen=True):
    text: str


class TimeIsUp(msgspec.Struct, frozen=True):
    pass


Happening = Stepped | RoundEnded | Reported | Returned | Corrected | TimeIsUp


class Think(msgspec.Struct, frozen=True):
    round: int
    observations: tuple[Observation, ...]


class StopThinking(msgspec.Struct, frozen=True):
    pass


class Run(msgspec.Struct, frozen=True):
    """`number`: of the call within this attempt, from 1."""

    number: int
    call: Call


class Revoke(msgspec.Struct, frozen=True):
    """Stop the calls that would change something and have not begun to: they were asked for before a correction."""


class Tell(msgspec.Struct, frozen=True):
    """Pass on what the model says in between: `PARTIAL` becomes a note now, `PROGRESS` soon."""

    kind: NoteKind
    text: str


class PassOn(msgspec.Struct, frozen=True):
    """Pass on what a tool reports."""

    report: Reported


class Finish(msgspec.Struct, frozen=True):
    """The work is over: with an answer, or with a failure."""

    outcome: Answer | Failure


Doing = Think | StopThinking | Run | Revoke | Tell | PassOn | Finish


class Reasoning(msgspec.Struct, frozen=True):
    """The state of one attempt. `writes`: names of the tools that change something.

    `fresh`: there is something that the model has not seen. `said`: partial notes since the last correction.
    """

    limits: Limits
    writes: frozenset[str] = frozenset()
    observations: tuple[Observation, ...] = ()
    thinking: bool = False
    fresh: bool = True
    corrected: bool = False
    reading: frozenset[int] = frozenset()
    writing: frozenset[int] = frozenset()
    said: tuple[str, ...] = ()
    answer: Answer | None = None
    spent: Spent = Spent()
    over: bool = False


Decided = tuple[Reasoning, tuple[Doing, ...]]


def begin(reasoning: Reasoning) -> Decided:
    """The first round."""
    return _advance(reasoning)


def react(reasoning: Reasoning, happening: Happening) -> Decided:
    if reasoning.over:
        return reasoning, ()
    match happening:
        case Stepped(round=number, step=step):
            return _stepped(reasoning, step) if _current(reasoning, number) else (reasoning, ())
        case RoundEnded(round=number, failed=failed):
            return _round_ended(reasoning, failed=failed) if _current(reasoning, number) else (reasoning, ())
        case Reported():
            return _reported(reasoning, happening)
        case Returned(number=number, observation=observation):
            return _returned(reasoning, number, observation)
        case Corrected(text=text):
            return _corrected(reasoning, text)
        case TimeIsUp():
            return _finish(reasoning, Failure.TIME)
        case _ as never:
            assert_never(never)


def _current(reasoning: Reasoning, number: int) -> bool:
    """A round that was stopped may still be heard of while it closes."""
    return reasoning.thinking and reasoning.spent.rounds == number


def _stepped(reasoning: Reasoning, step: Step) -> Decided:
    reasoning = _spend(reasoning, steps=1)
    match step:
        case Say(text=text):
            decided = _said(reasoning, text)
        case Progress(text=text):
            decided = reasoning, (Tell(NoteKind.PROGRESS, text),) if text.strip() else ()
        case Call():
            decided = _called(reasoning, step)
        case Answer():
            decided = _answered(reasoning, step)
        case Usage(read=read, written=written):
            decided = _spend(reasoning, tokens=max(read, 0) + max(written, 0)), ()
        case _ as never:
            assert_never(never)
    return _within_limits(*decided)


def _said(reasoning: Reasoning, text: str) -> Decided:
    if not text.strip():
        return reasoning, ()
    spoken = _spend(reasoning, notes=1)
    return msgspec.structs.replace(spoken, said=(*spoken.said, text)), (Tell(NoteKind.PARTIAL, text),)


def _called(reasoning: Reasoning, call: Call) -> Decided:
    reasoning = _spend(reasoning, calls=1)
    number = reasoning.spent.calls
    if call.tool in reasoning.writes:
        reasoning = msgspec.structs.replace(reasoning, writing=reasoning.writing | {number})
    else:
        reasoning = msgspec.structs.replace(reasoning, reading=reasoning.reading | {number})
    return reasoning, (Run(number, call),)


def _answered(reasoning: Reasoning, answer: Answer) -> Decided:
    if not answer.text.strip():
        answer = msgspec.structs.replace(answer, text=" ".join(text.strip() for text in reasoning.said))
    if not answer.text:
        return _finish(reasoning, Failure.NO_ANSWER)
    held, doings = _advance(msgspec.structs.replace(reasoning, answer=answer, thinking=False))
    return held, (StopThinking(), *doings)


def _round_ended(reasoning: Reasoning, *, failed: bool) -> Decided:
    if failed:
        return _finish(reasoning, Failure.MODEL)
    return _advance(msgspec.structs.replace(reasoning, thinking=False))


def _reported(reasoning: Reasoning, report: Reported) -> Decided:
    """Streams of tools may use half of the notes; what goes beyond is in the result that the model gets."""
    if report.kind is NoteKind.PROGRESS:
        return reasoning, (PassOn(report),)
    if not report.text.strip() or reasoning.spent.notes >= reasoning.limits.notes // 2:
        return reasoning, ()
    return _spend(reasoning, notes=1), (PassOn(report),)


def _returned(reasoning: Reasoning, number: int, observation: Observation) -> Decided:
    spoilt = observation.failed and number in reasoning.writing
    return _advance(
        msgspec.structs.replace(
            reasoning,
            observations=(*reasoning.observations, observation),
            fresh=True,
            reading=reasoning.reading - {number},
            writing=reasoning.writing - {number},
            answer=None if spoilt else reasoning.answer,
        )
    )


def _corrected(reasoning: Reasoning, text: str) -> Decided:
    corrected = msgspec.structs.replace(
        reasoning,
        observations=(*reasoning.observations, Observation(text)),
        fresh=True,
        corrected=True,
        thinking=False,
        said=(),
        answer=None,
    )
    again, doings = _advance(corrected)
    stop = (StopThinking(),) if reasoning.thinking else ()
    return again, (*stop, Revoke(), *doings)


def _advance(reasoning: Reasoning) -> Decided:
    """With nobody thinking: begin the next round, wait, or end."""
    if reasoning.thinking:
        return reasoning, ()
    if reasoning.answer is not None:
        return (reasoning, ()) if reasoning.writing else _finish(reasoning, reasoning.answer)
    if not reasoning.corrected and (reasoning.reading or reasoning.writing):
        return reasoning, ()
    if reasoning.fresh:
        return _next_round(reasoning)
    said = " ".join(text.strip() for text in reasoning.said)
    return _finish(reasoning, Answer(said) if said else Failure.NO_ANSWER)


def _next_round(reasoning: Reasoning) -> Decided:
    begun = msgspec.structs.replace(_spend(reasoning, rounds=1), thinking=True, fresh=False, corrected=False)
    return _within_limits(begun, (Think(begun.spent.rounds, begun.observations),))


def _within_limits(reasoning: Reasoning, doings: tuple[Doing, ...]) -> Decided:
    failure = None if reasoning.over else excess(reasoning.spent, reasoning.limits)
    return _finish(reasoning, failure) if failure else (reasoning, doings)


def _finish(reasoning: Reasoning, outcome: Answer | Failure) -> Decided:
    return msgspec.structs.replace(reasoning, over=True, thinking=False), (Finish(outcome),)


def _spend(
    reasoning: Reasoning, *, rounds: int = 0, steps: int = 0, calls: int = 0, tokens: int = 0, notes: int = 0
) -> Reasoning:
    spent = reasoning.spent.plus(rounds=rounds, steps=steps, calls=calls, tokens=tokens, notes=notes)
    return msgspec.structs.replace(reasoning, spent=spent)
