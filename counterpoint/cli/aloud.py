"""A conversation in sound: `counterpoint talk --audio` with the machine's microphone and speaker, and `--wav FILE`, a
question that is asked in real time, with what was heard as a stereo file.
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
import msgspec

from counterpoint.cli.conversation import shown
from counterpoint.cli.narrator import Narrator
from counterpoint.cli.options import Options, report
from counterpoint.cli.sound_card import sound_card
from counterpoint.cli.sound_path import SoundPath
from counterpoint.cli.wav_card import WavCard
from counterpoint.config import BEAT_SECONDS
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.sound import read_wav
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.expressed import Floor
from counterpoint.shared_context.ids import ConversationId

QUIET_SECONDS: Final = 3.0
"""After the question: how long nothing may have happened before the conversation is over."""

UNANSWERED_SECONDS: Final = 15.0
"""The same where something still waits to be said, or nothing was said yet to what was understood: a model behind a
server takes its time.
"""

LONGEST_SECONDS: Final = 90.0
LONGEST_QUESTION_SECONDS: Final = 300.0

HELD_SECONDS: Final = 0.2
"""What a sound device holds, in whole beats: some tens of milliseconds, and what is kept ready for it."""


async def aloud(runtime: Runtime, options: Options) -> None:
    """Raises `ConfigurationError` for a file or a device that cannot be used."""
    await (by_device if options.audio else by_file)(runtime, options)


async def by_device(runtime: Runtime, options: Options) -> None:
    """Until Ctrl-C, or until the device or the conversation ends."""
    trouble, gaps = "", 0
    with sound_card(runtime.interaction.capabilities.audio_rate) as (card, path):
        report("Speak; Ctrl-C ends the conversation. Wear headphones: else it hears itself, and stops.")
        async with shown(runtime, print, options, hear=path.hear, held=HELD_SECONDS) as (session, narrator):
            trouble = await path.carry(session, card)
        gaps = path.loudspeaker.gaps
    print("\n".join(narrator.summary()))
    if gaps:
        report(f"sound ran out in the middle of speech, {gaps} times")
    if trouble:
        raise ConfigurationError(trouble)


async def by_file(runtime: Runtime, options: Options) -> None:
    question = Path(options.wav or "")
    answer = await answer_of(options, question.with_suffix(".answer.wav"))
    sound = await recording(question, runtime)
    asked = await ask(runtime, options, sound)
    seconds = await kept(asked.card, answer)
    print()
    print("\n".join(asked.narrator.summary()))
    report(f"{answer}: {seconds:.1f} s, the person on the left, the agent on the right")


async def answer_of(options: Options, unless: Path) -> Path:
    """Where the answer is written. Raises `ConfigurationError` if that cannot be, before anything is said."""
    answer = Path(options.answer) if options.answer else unless
    if not await anyio.Path(answer.parent).is_dir():
        raise ConfigurationError(f"--answer: {answer} cannot be written: {answer.parent} is not a folder")
    return answer


async def recording(question: Path, runtime: Runtime) -> bytes:
    """PCM16 at the rate that the model hears. Raises `ConfigurationError` for what cannot be read or is too long."""
    rate = runtime.interaction.capabilities.audio_rate
    sound = await anyio.to_thread.run_sync(read_wav, question, rate)
    if len(sound) > 2 * rate * LONGEST_QUESTION_SECONDS:
        raise ConfigurationError(f"--wav: {question} is longer than {LONGEST_QUESTION_SECONDS:.0f} s")
    return sound


class AskedAloud(msgspec.Struct, frozen=True):
    """What came of it, whole or as far as it got before Ctrl-C."""

    card: WavCard
    narrator: Narrator
    conversation: ConversationId


async def ask(
    runtime: Runtime,
    options: Options,
    sound: bytes,
    *,
    heard: Callable[[MicroTurn, float], None] | None = None,
    meanwhile: Callable[[Session], Coroutine[Any, Any, None]] | None = None,
    patience: float = UNANSWERED_SECONDS,
) -> AskedAloud:
    """Streams the sound in as it would be said, until all is answered. `heard`: is told each micro-turn, and how many
    seconds had been recorded when it came. `meanwhile`: begins with the sound. `patience`: where nothing was said to
    what was understood last.
    """
    rate = runtime.interaction.capabilities.audio_rate
    path = SoundPath(rate, rate)
    card = WavCard(path, sound)
    asked: AskedAloud | None = None

    def hear(turn: MicroTurn) -> None:
        path.hear(turn)
        if heard is not None:
            heard(turn, card.seconds)

    async with (
        shown(runtime, print, options, greeting="", hear=hear, held=HELD_SECONDS) as (session, narrator),
        anyio.create_task_group() as tasks,
    ):
        asked = AskedAloud(card, narrator, session.conversation)
        tasks.start_soon(card.run)
        if meanwhile is not None:
            tasks.start_soon(meanwhile, session)
        tasks.start_soon(path.carry, session, card)
        await until_quiet(session, card, path, patience)
        tasks.cancel_scope.cancel()
    if asked is None:
        raise KeyboardInterrupt
    return asked


async def kept(card: WavCard, answer: Path) -> float:
    """Writes both sides; returns the seconds. Raises `ConfigurationError`."""
    try:
        return await anyio.to_thread.run_sync(card.write, answer)
    except OSError as error:
        raise ConfigurationError(f"--answer: {answer} cannot be written: {error}") from error


async def until_quiet(session: Session, card: WavCard, path: SoundPath, patience: float = UNANSWERED_SECONDS) -> None:
    """Until nothing has happened for a while: an answer that is looked up takes its time, and one that
    a model was given and does not tell is waited for as one that was not given.
    """
    await card.asked.wait()
    with anyio.move_on_after(LONGEST_SECONDS):
        quiet = 0.0
        while quiet < _long_enough(session, path, patience):
            await anyio.sleep(BEAT_SECONDS)
            still = not session.unsettled and not path.loudspeaker.playing and path.floor is Floor.OPEN
            quiet = quiet + BEAT_SECONDS if still else 0.0


def _long_enough(session: Session, path: SoundPath, patience: float) -> float:
    if not session.at_rest:
        return UNANSWERED_SECONDS
    return QUIET_SECONDS if path.answered else patience
