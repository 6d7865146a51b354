"""A conversation in sound: `counterpoint talk --audio` with the machine's microphone and speaker, and `--wav FILE`, a
question that is asked in real time, with what was heard as a stereo file.
"""

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from counterpoint.cli.conversation import GREETING, shown
from counterpoint.cli.narrator import Narrator
from counterpoint.cli.options import Options, report
from counterpoint.cli.sound_card import sound_card
from counterpoint.cli.sound_path import SoundPath
from counterpoint.cli.wav_card import WavCard
from counterpoint.config import BEAT_SECONDS
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.sound import read_wav
from counterpoint.interaction.session import Session
from counterpoint.runtime import Runtime
from counterpoint.shared_context.expressed import Floor

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
        async with _sounding(runtime, options, path, greeting=GREETING) as (session, narrator):
            trouble = await path.carry(session, card)
        gaps = path.loudspeaker.gaps
    print("\n".join(narrator.summary()))
    if gaps:
        report(f"sound ran out in the middle of speech, {gaps} times")
    if trouble:
        raise ConfigurationError(trouble)


async def by_file(runtime: Runtime, options: Options) -> None:
    rate = runtime.interaction.capabilities.audio_rate
    question = Path(options.wav or "")
    sound = await anyio.to_thread.run_sync(read_wav, question, rate)
    if len(sound) > 2 * rate * LONGEST_QUESTION_SECONDS:
        raise ConfigurationError(f"--wav: {question} is longer than {LONGEST_QUESTION_SECONDS:.0f} s")
    answer = Path(options.answer or question.with_suffix(".answer.wav"))
    path = SoundPath(rate, rate)
    card = WavCard(path, sound)
    async with (
        _sounding(runtime, options, path, greeting="") as (session, narrator),
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(card.run)
        tasks.start_soon(path.carry, session, card)
        await until_quiet(session, card, path)
        tasks.cancel_scope.cancel()
    try:
        seconds = await anyio.to_thread.run_sync(card.write, answer)
    except OSError as error:
        raise ConfigurationError(f"--answer: {answer} cannot be written: {error}") from error
    print()
    print("\n".join(narrator.summary()))
    report(f"{answer}: {seconds:.1f} s, the person on the left, the agent on the right")


def _sounding(
    runtime: Runtime, options: Options, path: SoundPath, *, greeting: str
) -> AbstractAsyncContextManager[tuple[Session, Narrator]]:
    return shown(runtime, print, options, greeting=greeting, hear=path.hear, held=HELD_SECONDS)


async def until_quiet(session: Session, card: WavCard, path: SoundPath) -> None:
    """Until nothing has happened for a while: an answer that is looked up takes its time, and one that
    a model was given and does not tell is waited for as one that was not given.
    """
    await card.asked.wait()
    with anyio.move_on_after(LONGEST_SECONDS):
        quiet = 0.0
        while quiet < (QUIET_SECONDS if path.answered and session.at_rest else UNANSWERED_SECONDS):
            await anyio.sleep(BEAT_SECONDS)
            still = not session.unsettled and not path.loudspeaker.playing and path.floor is Floor.OPEN
            quiet = quiet + BEAT_SECONDS if still else 0.0
