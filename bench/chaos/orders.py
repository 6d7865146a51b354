"""What the bench tells the listener, and the listener the bench; and the clock that both go by."""

from time import CLOCK_MONOTONIC, clock_gettime

import msgspec


class Open(msgspec.Struct, frozen=True, tag="open"):
    """Talk in this conversation, with one of these hosts."""

    conversation: str
    hosts: tuple[str, ...]


class Type(msgspec.Struct, frozen=True, tag="type"):
    conversation: str
    text: str


class Move(msgspec.Struct, frozen=True, tag="move"):
    """Whoever talks to this host goes to another one, and leaves the line to this one open."""

    host: str


class Played(msgspec.Struct, frozen=True, tag="played"):
    """Told as words are played."""

    at: float
    conversation: str
    word: str


class HangUp(msgspec.Struct, frozen=True, tag="hang_up"):
    """Leave this conversation for good."""

    conversation: str


class Joined(msgspec.Struct, frozen=True, tag="joined"):
    """This host has the conversation from now on."""

    conversation: str
    host: str


class Came(msgspec.Struct, frozen=True, tag="came"):
    """A micro-turn came. `connection` counts those of the conversation; `late`: as the host measured it."""

    at: float
    conversation: str
    connection: int
    beat: int
    span: int
    late: float


Told = Open | Type | Move | HangUp
Tells = Played | Joined


def now() -> float:
    """Seconds of the machine's clock, which all its processes share."""
    return clock_gettime(CLOCK_MONOTONIC)
