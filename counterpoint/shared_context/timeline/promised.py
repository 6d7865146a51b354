"""Wishes of the agent's that a host died over: they stand in a micro-turn, and what they come to was not written. Pure.

A host writes the micro-turn first and then, wish by wish, what each comes to, before anything of a later beat.
"""

from collections.abc import Sequence

import msgspec

from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Body,
    Header,
    Opened,
    Orphaned,
    Role,
    TooLate,
    Turn,
    Withdrawn,
)
from counterpoint.shared_context.expressed import Amend, Delegate, Withdraw
from counterpoint.shared_context.ids import Beat

Wish = Delegate | Amend | Withdraw


class Promised(msgspec.Struct, frozen=True, omit_defaults=True):
    """`wishes` of the newest micro-turn, which was of `beat` and `epoch`, that were not seen to yet."""

    wishes: tuple[Wish, ...] = ()
    epoch: int = 0
    beat: Beat = Beat(0)


NOTHING = Promised()


def after(promised: Promised, header: Header, body: Body) -> Promised:
    """What is left when the log goes on with this entry. A host that takes over sees to it in its first micro-turn."""
    if header.role is not Role.HOST or isinstance(body, Orphaned):
        return promised
    if isinstance(body, Turn):
        wishes = tuple(each for each in body.actions if isinstance(each, Wish))
        return Promised(wishes, header.epoch, header.beat or Beat(0)) if wishes else NOTHING
    if not promised.wishes or header.epoch != promised.epoch or isinstance(body, Opened):
        return promised
    if header.beat is not None and header.beat > promised.beat:
        return NOTHING
    return msgspec.structs.replace(promised, wishes=_without(promised.wishes, body))


def _without(wishes: Sequence[Wish], body: Body) -> tuple[Wish, ...]:
    done = next((each for each in wishes if _is_of(each, body)), None)
    return tuple(each for each in wishes if each is not done)


def _is_of(wish: Wish, body: Body) -> bool:
    """A correction of what was done already comes as a new delegation."""
    match body:
        case Asked():
            return isinstance(wish, Delegate | Amend)
        case Amended():
            return isinstance(wish, Amend)
        case Withdrawn():
            return isinstance(wish, Withdraw)
        case TooLate():
            return isinstance(wish, Amend | Withdraw)
        case _:
            return False
