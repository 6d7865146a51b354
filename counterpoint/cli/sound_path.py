"""Between a sound device and a session: a device hands over what it recorded and gets what it is to play, in its own
thread and time; the event loop looks after both. What stands for a device may be anything that calls `exchange`.
"""

from typing import Final, Protocol

import anyio

from counterpoint.cli.loudspeaker import Loudspeaker
from counterpoint.cli.microphone import Microphone
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.session import Session
from counterpoint.shared_context.expressed import Floor

LOOK_SECONDS: Final = 0.02


class Device(Protocol):
    """`trouble`: why it has stopped, or empty."""

    @property
    def trouble(self) -> str: ...


class SoundPath:
    """`rate`: the device's, `source`: the model's, in samples per second. `floor`: as of the last micro-turn.
    `answered`: something has been said since the person was last understood.
    """

    def __init__(self, rate: int, source: int) -> None:
        self.rate = rate
        self.microphone = Microphone(rate)
        self.loudspeaker = Loudspeaker(rate, source)
        self.floor = Floor.OPEN
        self.answered = True

    def exchange(self, recorded: bytes, count: int, lost: int = 0) -> bytes:
        """Take what was recorded, PCM16 mono, and give `count` samples to be played. Never waits."""
        self.microphone.take(recorded, lost)
        return self.loudspeaker.give(count)

    def hear(self, turn: MicroTurn) -> None:
        self.loudspeaker.hear(turn)
        self.floor = turn.floor
        self.answered = bool(turn.text) or (self.answered and not turn.understood.strip())

    async def carry(self, session: Session, device: Device) -> str:
        """Until the device stops; returns why."""
        while not device.trouble:
            self.pass_on(session)
            await anyio.sleep(LOOK_SECONDS)
        return device.trouble

    def pass_on(self, session: Session) -> None:
        for piece in self.microphone.pieces():
            session.push(piece)
        for reported in self.loudspeaker.played():
            session.played(reported.turn, words=None, samples=reported.samples)
