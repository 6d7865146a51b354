"""`counterpoint forget`: removes everything of one conversation, after asking, and says what there was."""

import sys
from contextlib import aclosing

import anyio.to_thread
import msgspec

from counterpoint.cli.options import kept_elsewhere
from counterpoint.errors import ConfigurationError, CorruptRecord, UnknownConversation
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.entries import Asked, Stored, Turn
from counterpoint.shared_context.escaping import shown
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.reading import reading
from counterpoint.shared_context.store import ContextStore
from counterpoint.shared_context.timeline import Timeline


class ForgetOptions(msgspec.Struct, frozen=True):
    """As on the command line; `yes`: nobody is asked."""

    conversation: str
    store: str
    yes: bool = False


async def forget(options: ForgetOptions) -> None:
    """Forgetting what is not kept is no error. Raises `ConfigurationError` where nobody can be asked."""
    conversation = ConversationId(options.conversation)
    named = shown(repr(options.conversation))
    async with connect(kept_elsewhere(options.store)) as store:
        there = await _there(store, conversation)
        if there and not options.yes and not await _agreed(f"Forget {named} for good: {there}? [y/N] "):
            print("nothing was forgotten")
            return
        await store.forget(conversation)
    print(f"forgotten: {named}, {there}" if there else f"nothing of {named} was kept")


async def _there(store: ContextStore, conversation: ConversationId) -> str:
    """What is kept of it, in words; empty if nothing is."""
    try:
        snapshot = await store.last_snapshot(conversation)
        timeline = Timeline(conversation) if snapshot is None else _restored(snapshot.data, conversation)
        entries = unreadable = media = 0
        queues: set[str] = set()
        async with aclosing(reading(store, conversation)) as log:
            async for each in log:
                if not isinstance(each, Stored):
                    unreadable += each.last - each.first + 1
                    continue
                entries += 1
                timeline.apply(each)
                if isinstance(each.entry.body, Asked):
                    queues.add(each.entry.body.delegation.queue)
                media += len(each.entry.body.media) if isinstance(each.entry.body, Turn) else 0
    except UnknownConversation:
        return ""
    letters = [letter for queue in queues for letter in await store.dead(queue)]
    counts = (
        (entries, "entry", "entries"),
        (unreadable, "that cannot be read", "that cannot be read"),
        (int(snapshot is not None), "snapshot", ""),
        (media, "media object", "media objects"),
        (0 if timeline.closed else len(timeline.unsettled()), "unsettled delegation", "unsettled delegations"),
        (sum(letter.delegation.conversation == conversation for letter in letters), "dead letter", "dead letters"),
    )
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count) or "an empty log"


def _restored(data: bytes, conversation: ConversationId) -> Timeline:
    """A snapshot that cannot be read is forgotten all the same."""
    try:
        return Timeline.restore(data)
    except CorruptRecord:
        return Timeline(conversation)


async def _agreed(question: str) -> bool:
    if not sys.stdin.isatty():
        raise ConfigurationError("forgetting cannot be undone: say --yes where nobody can be asked")
    answer = await anyio.to_thread.run_sync(input, question)
    return answer.strip().casefold() in ("y", "yes")
