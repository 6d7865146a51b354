"""What the commands share: the options as given, and the runtime made of them, with progress while models load."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio.to_thread
import msgspec

from counterpoint.background.engines.load import load_background
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.runtime import Runtime
from counterpoint.shared_context.connect import connect
from counterpoint.tools.search import documents
from counterpoint.tools.toolbox import Toolbox, load_tools


class Options(msgspec.Struct, frozen=True):
    """As on the command line; `docs` is a folder or None, `tools` are `module:name`."""

    interaction: str = "local:smollm2"
    background: str | None = "retrieval"
    tools: tuple[str, ...] = ()
    docs: str | None = None
    store: str = "memory://"
    color: bool = False


def report(line: str) -> None:
    """Progress goes to stderr, so that the conversation can be piped."""
    print(line, file=sys.stderr, flush=True)


@asynccontextmanager
async def setting_up(options: Options) -> AsyncGenerator[Runtime, None]:
    """A runtime that has been entered. Raises `ConfigurationError` and its kin with what to change."""
    toolbox = _toolbox(options)
    store = connect(options.store)
    background = None
    if options.background is not None:
        background = await anyio.to_thread.run_sync(load_background, options.background)
    report(f"loading {options.interaction} ...")
    load = partial(load_interaction, options.interaction, progress=_progress)
    interaction = await anyio.to_thread.run_sync(load)
    async with Runtime(interaction, background, tools=toolbox, store=store) as runtime:
        yield runtime


def _progress(what: str, share: float) -> None:
    report(f"  {share:4.0%} {what}")


def _toolbox(options: Options) -> Toolbox:
    tools = Toolbox([tool for name in options.tools for tool in load_tools(name)])
    if options.docs is None:
        return tools
    folder = Path(options.docs)
    if not folder.is_dir():
        raise ConfigurationError(f"--docs: {options.docs} is not a folder")
    return Toolbox([*tools, documents(folder)])
