"""A log followed for good: across outages of its store, and when the store comes back without its last writes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import anyio

from counterpoint.errors import Rewound, StoreUnavailable, UnknownConversation
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.ids import ConversationId, Position
from counterpoint.shared_context.seen import Seen
from counterpoint.shared_context.store import ContextStore

AGAIN_SECONDS: Final = 0.2

MISSING_TRIES: Final = 25
"""For so long a conversation that was there may be missing: a server that came back empty is given it again."""


async def following(store: ContextStore, conversation: ConversationId) -> AsyncGenerator[Stored, None]:
    """Every entry once, in the order in which it comes; for whoever only looks on. Ends when the conversation is closed
    or forgotten, or missing for some seconds. Positions may come twice, if a store was set back and others wrote then.
    """
    seen, after, stamp, missing = Seen(), Position(0), 0, 0
    while True:
        try:
            async with aclosing(store.follow(conversation, after, stamp)) as entries:
                async for stored in entries:
                    after, stamp, missing = stored.position, stored.stamp, 0
                    if seen.take(stored.entry):
                        yield stored
        except StoreUnavailable:
            await anyio.sleep(AGAIN_SECONDS)
        except Rewound:
            await anyio.sleep(AGAIN_SECONDS)  # its host is giving back what is missing
            after, stamp = Position(0), 0
        except UnknownConversation:
            missing += 1
            if not after or missing > MISSING_TRIES:
                return
            await anyio.sleep(AGAIN_SECONDS)
        else:
            return
