"""What the commands share: the options as given, and the runtime made of them, with progress while models load."""

import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio.to_thread
import msgspec

from counterpoint.background.engines.load import load_background
from counterpoint.cli.models import check
from counterpoint.cli.speaking import speaking
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.model import InteractionModel, Modality
from counterpoint.interaction.speech.load import EARS, VOICES
from counterpoint.runtime import Runtime
from counterpoint.shared_context.connect import connect
from counterpoint.tools.search import documents
from counterpoint.tools.toolbox import Toolbox, load_tools


class Options(msgspec.Struct, frozen=True):
    """As on the command line; `docs` is a folder or None, `tools` are `module:name`. `served`: workers in other
    processes take the delegations; the tools, which are theirs then, are named to the interaction model.
    `conversation`: its id, to be taken up again later; `record`: a folder. `ears` and `voice`, both or neither: for an
    interaction model that only reads and writes. `audio`: through a microphone and a speaker; `wav`: the file that the
    person says; `answer`: where to write what is heard. `watch`: the demo with a camera.
    """

    interaction: str = "local:smollm2"
    background: str | None = "retrieval"
    tools: tuple[str, ...] = ()
    docs: str | None = None
    store: str = "memory://"
    served: bool = False
    queue: str = "default"
    color: bool = False
    conversation: str | None = None
    record: str | None = None
    ears: str | None = None
    voice: str | None = None
    audio: bool = False
    wav: str | None = None
    answer: str | None = None
    watch: bool = False


def report(line: str) -> None:
    """Progress goes to stderr, so that the conversation can be piped."""
    print(line, file=sys.stderr, flush=True)


@asynccontextmanager
async def setting_up(options: Options) -> AsyncGenerator[Runtime, None]:
    """A runtime that has been entered. Raises `ConfigurationError` and its kin with what to change."""
    toolbox = toolbox_of(options.tools, options.docs)
    store = connect(reachable(options.store) if options.served else options.store)
    background = None
    if options.background is not None:
        background = await anyio.to_thread.run_sync(load_background, options.background)
    report(f"loading {options.interaction} ...")
    async with speaking(options, _progress) as interaction:
        _check_hearing(interaction, options)
        await check(background, interaction)
        served = options.served or background is not None
        async with Runtime(
            interaction, background, tools=toolbox, store=store, served=served, queue=options.queue
        ) as runtime:
            yield runtime


def _check_hearing(interaction: InteractionModel, options: Options) -> None:
    spoken_to = options.audio or options.wav is not None
    if spoken_to and Modality.AUDIO not in interaction.capabilities.perceives:
        raise ConfigurationError(
            f"{options.interaction} does not hear: say who hears for it, --ears ({EARS}), and who speaks, "
            f"--voice ({VOICES})"
        )


def _progress(what: str, share: float) -> None:
    report(f"  {share:4.0%} {what}")


def reachable(url: str) -> str:
    """A URL that another process can use as well. Raises `ConfigurationError` for stores of this process alone."""
    scheme = url.partition("://")[0]
    if scheme in ("memory", "embedded"):
        raise ConfigurationError(
            f"--store: no other process could reach {scheme}://; hosts and workers meet on a server: "
            "redis://, rediss://, redis+cluster:// or unix://"
        )
    return url


def kept_elsewhere(url: str) -> str:
    """A URL of a store that outlives this command. Raises `ConfigurationError` for those that begin empty."""
    if url.rstrip("/") in ("memory:", "embedded:"):
        raise ConfigurationError(f"--store: {url} begins empty; name the store that the conversation is kept in")
    return url


def toolbox_of(tools: Sequence[str], docs: str | None) -> Toolbox:
    """`tools`: as `module:name`. `docs`: a folder to search in."""
    loaded = Toolbox([tool for name in tools for tool in load_tools(name)])
    if docs is None:
        return loaded
    folder = Path(docs)
    if not folder.is_dir():
        raise ConfigurationError(f"--docs: {docs} is not a folder")
    return Toolbox([*loaded, documents(folder)])
