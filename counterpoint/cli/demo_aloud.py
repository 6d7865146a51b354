"""`counterpoint demo` with our own model: a bundled voice that it was never trained on streams in, in real time; with
`--watch` a film as well. What comes of it is shown, and kept as a stereo WAV and a picture of the score.
"""

from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from counterpoint.cli.aloud import QUIET_SECONDS, answer_of, ask, kept, recording
from counterpoint.cli.demo_film import load_sights, project
from counterpoint.cli.demo_heard import Heard
from counterpoint.cli.demo_performed import BLIND, Performed, Seen
from counterpoint.cli.demo_script import SCRIPT, WATCHING
from counterpoint.cli.demo_search import NAME, SEARCH_SECONDS
from counterpoint.cli.options import Options, report
from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.items import Item, load_items
from counterpoint.evaluation.video import read_frames
from counterpoint.interaction.model import Modality
from counterpoint.runtime import Runtime
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.reading import reading

ANSWER: Final = Path("counterpoint-demo.wav")
WATCHED_ANSWER: Final = Path("counterpoint-watch.wav")
"""In the folder that the command is called in, unless said otherwise."""


async def demo_aloud(runtime: Runtime, options: Options) -> None:
    """Raises `ConfigurationError` where nothing can be written; Ctrl-C ends it with what there is by then."""
    folder = WATCHING if options.watch else SCRIPT
    if options.watch:
        _check_seeing(runtime, options)
    answer = await answer_of(options, WATCHED_ANSWER if options.watch else ANSWER)
    picture = answer.with_suffix(".svg")
    (item,) = await anyio.to_thread.run_sync(load_items, folder)
    sound = await recording(folder / item.sound, runtime)
    seen = await anyio.to_thread.run_sync(_seen, folder, item) if item.frames else BLIND
    _introduce(runtime, options, item)
    heard = Heard(runtime.interaction.capabilities.audio_rate)
    filmed = partial(project, seen.frames)
    asked = await ask(runtime, options, sound, heard=heard.take, meanwhile=filmed, patience=QUIET_SECONDS)
    seconds = await kept(asked.card, answer)
    log = await _log(runtime, asked.conversation)
    performed = Performed(item, heard, asked.card.both(), asked.card.rate, log, seen)
    try:
        await anyio.Path(picture).write_text(await anyio.to_thread.run_sync(performed.picture))
    except OSError as error:
        raise ConfigurationError(f"{picture} cannot be written: {error}") from error
    print()
    print("\n".join(performed.account()))
    print("\n".join(asked.narrator.summary()))
    report(f"{answer}: {seconds:.1f} s, the person on the left, the agent on the right")
    report(f"{picture}: the score")


def _check_seeing(runtime: Runtime, options: Options) -> None:
    if Modality.VIDEO not in runtime.interaction.capabilities.perceives:
        raise ConfigurationError(
            f"--watch: {options.interaction} does not see: its weights were made without a camera; "
            "without --watch it is only spoken to"
        )


def _seen(folder: Path, item: Item) -> Seen:
    return Seen(read_frames(folder / item.frames, item.frame_rate), load_sights(folder))


def _introduce(runtime: Runtime, options: Options, item: Item) -> None:
    film = " and of a drawn film" if item.frames else ""
    report(
        f"{item.seconds:.0f} s of a recorded voice ({item.voice}) that the model was never trained on{film} stream in, "
        "in real time. Below the person stands what the model understood."
    )
    if NAME in options.tools and not item.frames:
        report(f"The search takes {SEARCH_SECONDS:.0f} s, as one over a network may; it is in {SCRIPT / 'documents'}.")
    if Modality.AUDIO not in runtime.interaction.capabilities.expresses:
        report("The weights of its voice are missing: it will only write.")


async def _log(runtime: Runtime, conversation: ConversationId) -> list[Stored]:
    async with aclosing(reading(runtime.store, conversation)) as entries:
        return [each async for each in entries if isinstance(each, Stored)]
