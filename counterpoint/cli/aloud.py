"""`counterpoint demo --wav FILE`: a question that is asked aloud, in real time, and what was heard as a stereo file."""

import wave
from array import array
from pathlib import Path

import anyio
import anyio.to_thread

from counterpoint.cli.conversation import shown
from counterpoint.cli.options import Options, report
from counterpoint.config import AUDIO_RATE, BEAT_SECONDS
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.sound import read_wav
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import AudioChunk

PIECE_SECONDS = 0.02
QUIET_SECONDS = 3.0
"""After the question: how long nothing may have happened before the conversation is over."""

LONGEST_SECONDS = 90.0
LONGEST_QUESTION_SECONDS = 300.0


class Tape:
    """What was heard: the person on the left, the agent on the right. A beat's sound plays from when it has come."""

    def __init__(self) -> None:
        self.began = 0.0
        self.running = anyio.Event()
        self._agent = bytearray()

    def turn(self, turn: MicroTurn) -> None:
        if turn.part == 0 and not self.running.is_set():
            self.running.set()
            self.began = anyio.current_time() - turn.late - (turn.beat + 1) * BEAT_SECONDS
        at = 2 * round((turn.beat + 2 - turn.span) * BEAT_SECONDS * AUDIO_RATE)
        if turn.flush:
            del self._agent[at:]
        if turn.audio:
            self._agent += bytes(max(0, at - len(self._agent)))
            self._agent[at:] = turn.audio

    def write(self, path: Path, person: bytes, pushed: float) -> float:
        """`pushed`: when the person began, on the loop's clock. Returns the seconds written."""
        before = round(max(0.0, pushed - self.began) * AUDIO_RATE)
        left = bytes(2 * before) + person
        size = max(len(left), len(self._agent))
        both = array("h", bytes(2 * size))
        both[::2] = array("h", left + bytes(size - len(left)))
        both[1::2] = array("h", bytes(self._agent) + bytes(size - len(self._agent)))
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(AUDIO_RATE)
            file.writeframes(both.tobytes())
        return size / 2 / AUDIO_RATE


async def aloud(runtime: Runtime, options: Options) -> None:
    """Raises `ConfigurationError` for a file that cannot be read or written."""
    question = Path(options.wav or "")
    sound = await anyio.to_thread.run_sync(read_wav, question, AUDIO_RATE)
    if len(sound) > 2 * AUDIO_RATE * LONGEST_QUESTION_SECONDS:
        raise ConfigurationError(f"--wav: {question} is longer than {LONGEST_QUESTION_SECONDS:.0f} s")
    answer = Path(options.answer or question.with_suffix(".answer.wav"))
    tape = Tape()
    async with shown(runtime, print, options, greeting="", watch=tape.turn) as (session, narrator):
        await tape.running.wait()
        pushed = anyio.current_time()
        await _say(session, sound)
        await _finish(session)
    try:
        seconds = await anyio.to_thread.run_sync(tape.write, answer, sound, pushed)
    except OSError as error:
        raise ConfigurationError(f"--answer: {answer} cannot be written: {error}") from error
    print()
    print("\n".join(narrator.summary()))
    report(f"{answer}: {seconds:.1f} s, the person on the left, the agent on the right")


async def _say(session: Session, sound: bytes) -> None:
    """In pieces of 20 ms, as a microphone does."""
    size = 2 * round(PIECE_SECONDS * AUDIO_RATE)
    start = anyio.current_time()
    for number in range(-(-len(sound) // size)):
        await anyio.sleep_until(start + (number + 1) * PIECE_SECONDS)
        piece = sound[number * size : (number + 1) * size]
        session.push(AudioChunk(piece, number, number * PIECE_SECONDS))


async def _finish(session: Session) -> None:
    """Until nothing has happened for a while: an answer that is looked up takes its time, but not for ever."""
    with anyio.move_on_after(LONGEST_SECONDS):
        quiet = 0.0
        while quiet < QUIET_SECONDS:
            await anyio.sleep(BEAT_SECONDS)
            quiet = quiet + BEAT_SECONDS if session.at_rest else 0.0
