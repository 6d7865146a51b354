"""Items lived through and judged by one process or several, each with a model, a judge and a voice of its own."""

import multiprocessing
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from queue import Empty
from typing import Any, Final
from zlib import crc32

import anyio.to_thread
import msgspec

from counterpoint.cli.speaking import speaking
from counterpoint.errors import ConfigurationError, CounterpointError
from counterpoint.evaluation.items import Item, Suite
from counterpoint.evaluation.judge import Judge, load_judge
from counterpoint.evaluation.lived import Lived
from counterpoint.evaluation.living import lacks, live
from counterpoint.evaluation.oracle import spoken
from counterpoint.evaluation.report import Result, result_of
from counterpoint.evaluation.sound import read_wav, write_pair
from counterpoint.interaction.model import Capabilities, Modality
from counterpoint.interaction.speech.load import load_voice
from counterpoint.interaction.speech.voice import Voice

CEILING_ITEMS: Final = 40
"""Items of each suite and split whose oracle is spoken and judged: the judge's ceiling needs no more."""

SOUNDS_KEPT: Final = 30
"""Of the items, chosen by a checksum of their names: random, and the same for every model."""

_LOOKS_EVERY: Final = 2.0
"""Seconds between looks at whether the processes are alive."""

Done = Callable[[int, Result | str], None]
"""Told the number of an item, and what came of it: a result, or why the model cannot live through it."""


class Work(msgspec.Struct, frozen=True):
    """`judge`: "words", "sound", or "auto": by sound if the model speaks. `oracle_voice`: "none" for no ceiling.
    `sounds`: a folder for what is heard of `SOUNDS_KEPT` items, if any. `echo`: the model hears itself, so many dB
    quieter than it speaks; None: not at all.
    """

    interaction: str
    folder: Path
    ears: str | None = None
    voice: str | None = None
    judge: str = "auto"
    oracle_voice: str = "pico"
    sounds: Path | None = None
    echo: float | None = None

    @property
    def real_time(self) -> bool:
        """Ears and a voice work in threads of their own: faster than life they would be late."""
        return self.ears is not None or self.voice is not None


class _Failed(msgspec.Struct, frozen=True):
    message: str


async def evaluate_all(work: Work, items: Sequence[Item], jobs: int, done: Done) -> None:
    """Raises what the model raises; from another process, its message."""
    numbered = list(enumerate(items))
    if jobs <= 1 or len(items) <= 1:
        await _some(work, items, numbered, done)
    else:
        await anyio.to_thread.run_sync(_spread, work, items, min(jobs, len(items)), done)


async def _some(work: Work, items: Sequence[Item], mine: Sequence[tuple[int, Item]], done: Done) -> None:
    with ExitStack() as closing:
        async with speaking(work, lambda _what, _share: None) as model:
            if work.echo is not None:
                _hears_and_speaks(model.capabilities)
            judging = Modality.AUDIO in model.capabilities.expresses if work.judge == "auto" else work.judge == "sound"
            judge = await anyio.to_thread.run_sync(load_judge, items) if judging else None
            voice = await anyio.to_thread.run_sync(_voice, work.oracle_voice) if judging else None
            if voice is not None:
                closing.callback(voice.close)
            ceiling = _first_of_each(items, CEILING_ITEMS)
            kept = _any_of(items, SOUNDS_KEPT)
            for number, item in mine:
                if reason := lacks(model.capabilities, item):
                    done(number, reason)
                else:
                    lived = await live(model, item, work.folder, real_time=work.real_time, echo=work.echo)
                    if work.sounds is not None and number in kept:
                        await anyio.to_thread.run_sync(_keep, work, item, lived)
                    speaks = voice if number in ceiling else None
                    done(number, await anyio.to_thread.run_sync(_result, item, lived, judge, speaks))


def _hears_and_speaks(capabilities: Capabilities) -> None:
    if Modality.AUDIO not in capabilities.perceives & capabilities.expresses:
        raise ConfigurationError(f"--echo is for a model that hears and speaks; {capabilities.name} does not do both")


def _first_of_each(items: Sequence[Item], most: int) -> frozenset[int]:
    """Numbers of the first items of each suite and split."""
    chosen: dict[tuple[Suite, str], list[int]] = {}
    for number, item in enumerate(items):
        chosen.setdefault((item.suite, item.split), []).append(number)
    return frozenset(number for numbers in chosen.values() for number in numbers[:most])


def _any_of(items: Sequence[Item], most: int) -> frozenset[int]:
    heard = [number for number, item in enumerate(items) if item.suite is not Suite.WORDS]
    return frozenset(sorted(heard, key=lambda number: crc32(items[number].id.encode()))[:most])


def _keep(work: Work, item: Item, lived: Lived) -> None:
    """Raises `ConfigurationError` where nothing can be written."""
    if work.sounds is None or lived.sound is None:
        return
    person = read_wav(work.folder / item.sound, lived.rate) if item.sound else b""
    try:
        work.sounds.mkdir(parents=True, exist_ok=True)
        write_pair(work.sounds / f"{item.id}.wav", person, lived.sound, lived.rate)
    except OSError as error:
        raise ConfigurationError(f"cannot keep the sound of {item.id}: {error}") from error


def _result(item: Item, lived: Lived, judge: Judge | None, voice: Voice | None) -> Result:
    if judge is None or item.suite is Suite.WORDS:
        return result_of(item, lived)
    ceiling = judge.judged(item.suite, spoken(item, voice)) if voice else None
    return result_of(item, judge.judged(item.suite, lived), ceiling)


def _voice(name: str) -> Voice | None:
    return None if name == "none" else load_voice(name)


def _spread(work: Work, items: Sequence[Item], jobs: int, done: Done) -> None:
    """Each process has every `jobs`-th item."""
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    shares = [[(number, item) for number, item in enumerate(items) if number % jobs == job] for job in range(jobs)]
    crew = [context.Process(target=_share, args=(work, items, share, told), daemon=True) for share in shares]
    for each in crew:
        each.start()
    try:
        left = len(items)
        while left:
            try:
                found = told.get(timeout=_LOOKS_EVERY)
            except Empty:
                if any(each.exitcode for each in crew):
                    raise ConfigurationError("a process of the evaluation died: try --jobs 1") from None
                continue
            if isinstance(found, _Failed):
                raise ConfigurationError(found.message)
            done(*found)
            left -= 1
    finally:
        for each in crew:
            each.terminate()
            each.join()


def _share(work: Work, items: Sequence[Item], mine: Sequence[tuple[int, Item]], told: Any) -> None:
    """In the other process."""
    try:
        anyio.run(partial(_some, work, items, mine, lambda number, result: told.put((number, result))))
    except CounterpointError as error:
        told.put(_Failed(str(error)))
