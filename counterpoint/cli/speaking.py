"""The interaction model of a command: as it is named, or with the ears and the voice that are named with it."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Protocol

import anyio.to_thread

from counterpoint.engines.smollm2 import Progress
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.model import InteractionModel
from counterpoint.interaction.speech.load import load_ears, load_voice, paced
from counterpoint.interaction.speech.spoken import SpokenInteraction


class Speech(Protocol):
    @property
    def interaction(self) -> str: ...
    @property
    def ears(self) -> str | None: ...
    @property
    def voice(self) -> str | None: ...


@asynccontextmanager
async def speaking(named: Speech, progress: Progress) -> AsyncGenerator[InteractionModel, None]:
    """Loads, and closes afterwards. Raises `ConfigurationError` and its kin with what to change."""
    if named.ears is None and named.voice is None:
        yield await anyio.to_thread.run_sync(partial(load_interaction, named.interaction, progress=progress))
        return
    if named.ears is None or named.voice is None:
        raise ConfigurationError("--ears and --voice belong together: who is spoken to answers aloud")
    ears = await anyio.to_thread.run_sync(load_ears, named.ears)
    try:
        voice = await anyio.to_thread.run_sync(load_voice, named.voice)
        try:
            load = partial(load_interaction, paced(named.interaction), progress=progress)
            yield SpokenInteraction(await anyio.to_thread.run_sync(load), ears, voice)
        finally:
            await anyio.to_thread.run_sync(voice.close)
    finally:
        ears.close()
