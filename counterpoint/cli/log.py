"""`counterpoint log`: the score of a conversation, or its entries as JSON, one a line.

What people said is shown, because the operator asks for it; `--no-text` leaves it out.
"""

import shutil
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import anyio
import msgspec

from counterpoint.cli.options import kept_elsewhere
from counterpoint.cli.score import Beats, Score
from counterpoint.cli.withholding import withheld
from counterpoint.errors import CorruptRecord, Rewound, StoreUnavailable, UnknownConversation, lone_errors
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import Closed, Stored
from counterpoint.shared_context.ids import Beat, ConversationId, Position
from counterpoint.shared_context.portable import entry_line
from counterpoint.shared_context.reading import Unreadable, reading
from counterpoint.shared_context.store import ContextStore

AGAIN_SECONDS: Final = 1.0
"""Following across an outage of the store."""


class LogOptions(msgspec.Struct, frozen=True):
    """As on the command line. `since`, `until`: beats."""

    conversation: str
    store: str
    follow: bool = False
    json: bool = False
    since: int | None = None
    until: int | None = None
    text: bool = True
    color: bool = False


async def log(options: LogOptions) -> None:
    """To the end of the log, or with `follow` until the conversation is closed. Raises `UnknownConversation`."""
    async with connect(kept_elsewhere(options.store)) as store:
        with lone_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_interrupted, tasks.cancel_scope)
                await _shown(store, options)
                tasks.cancel_scope.cancel()


async def _shown(store: ContextStore, options: LogOptions) -> None:
    conversation = ConversationId(options.conversation)
    page: _Page = _Lines(options) if options.json else _Lanes(options)
    snapshot = await store.last_snapshot(conversation)
    began = True
    async with aclosing(_all(store, conversation, follow=options.follow)) as entries:
        async for each in entries:
            if began:
                first = each.first if isinstance(each, Unreadable) else each.position
                page.begin(first, None if snapshot is None else snapshot.upto)
                began = False
            page.put(each)
            if page.over:
                break
    page.end()


class _Page:
    """Entries are put there as they come."""

    def __init__(self, options: LogOptions) -> None:
        self._options = options
        self._beats = Beats()
        self._beat = Beat(0)
        self.over = False

    def begin(self, first: Position, covered: Position | None) -> None:
        """`first`: the oldest position that is kept. `covered`: up to where the snapshot stands for the entries."""

    def put(self, each: Stored | Unreadable) -> None:
        if isinstance(each, Unreadable):
            self.unreadable(each)
            return
        until = self._options.until
        self._beat = self._beats.of(each)
        self.over = isinstance(each.entry.body, Closed)
        if until is not None and self._beat > until:
            self.over = self.over or not self._options.follow
            return
        self.entry(each if self._options.text else withheld(each))

    def entry(self, stored: Stored) -> None: ...

    def unreadable(self, what: Unreadable) -> None: ...

    def end(self) -> None: ...


class _Lanes(_Page):
    def __init__(self, options: LogOptions) -> None:
        super().__init__(options)
        width = max(80, min(160, shutil.get_terminal_size((100, 24)).columns))
        self._score = Score(print, width=width, color=options.color, since=options.since, until=options.until)

    def begin(self, first: Position, covered: Position | None) -> None:
        self._score.head()
        if first > 1:
            told = f"; a snapshot stands for everything up to {covered}" if covered is not None else ""
            self._score.remark(f"the entries before position {first} were trimmed{told}")

    def entry(self, stored: Stored) -> None:
        self._score.entry(stored)
        sys.stdout.flush()

    def unreadable(self, what: Unreadable) -> None:
        self._score.unreadable(what)

    def end(self) -> None:
        self._score.finish()


class _Lines(_Page):
    """One JSON object per entry: `position`, `header`, and `body` with its `kind`. Bytes are base64."""

    def entry(self, stored: Stored) -> None:
        if self._options.since is None or self._beat >= self._options.since:
            self._print(entry_line(stored))

    def unreadable(self, what: Unreadable) -> None:
        self._print(msgspec.json.encode({"unreadable": what}))

    def _print(self, line: bytes) -> None:
        sys.stdout.write(line.decode() + "\n")
        sys.stdout.flush()


async def _all(
    store: ContextStore, conversation: ConversationId, *, follow: bool
) -> AsyncGenerator[Stored | Unreadable, None]:
    """What is there, and then, if wanted, what comes."""
    after = Position(0)
    while True:
        async with aclosing(reading(store, conversation, after)) as entries:
            async for each in entries:
                after = each.position if isinstance(each, Stored) else each.last
                yield each
        if not follow:
            return
        try:
            async with aclosing(store.follow(conversation, after)) as coming:
                async for stored in coming:
                    after = stored.position
                    yield stored
        except StoreUnavailable:
            await anyio.sleep(AGAIN_SECONDS)
        except (CorruptRecord, Rewound):
            continue  # read around it
        except UnknownConversation:
            return
        else:
            return


async def _interrupted(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return
