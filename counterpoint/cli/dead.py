"""`counterpoint dead`: the delegations that were given up after too many attempts, and another try for them.

What was asked is not shown: it stands in the log of the conversation.
"""

from collections.abc import Sequence
from urllib.parse import quote, unquote

import msgspec

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.ids import ConversationId, DelegationId
from counterpoint.shared_context.store import DeadLetter


class DeadOptions(msgspec.Struct, frozen=True):
    """As on the command line; `retry`: places as they are listed."""

    store: str
    queue: str = "default"
    retry: tuple[str, ...] = ()


async def dead(options: DeadOptions) -> None:
    """Lists, or retries, one line each. Raises `UnknownDelegation` for what is not among the dead letters."""
    if options.store.rstrip("/") in ("memory:", "embedded:"):
        raise ConfigurationError("--store: such a store begins empty; dead letters are in the one that was worked with")
    places = [place(text) for text in options.retry]
    async with connect(options.store) as store:
        for conversation, delegation in places:
            await store.retry(conversation, delegation)
            print(f"queued again: {shown(conversation, delegation)}")
        if not places:
            print("\n".join(lines(await store.dead(options.queue))) or "no dead letters")


def lines(letters: Sequence[DeadLetter]) -> list[str]:
    return [
        f"{shown(each.delegation.conversation, each.delegation.id)}  attempts={each.delegation.attempts}  "
        f"priority={each.delegation.priority.name.lower()}  {each.reason}"
        for each in letters
    ]


def shown(conversation: ConversationId, delegation: DelegationId) -> str:
    """In one word without control characters, whatever the ids are; `place` reads it back."""
    return f"{_quoted(conversation)}/{_quoted(delegation)}"


def place(text: str) -> tuple[ConversationId, DelegationId]:
    """Raises `ConfigurationError` for what is not CONVERSATION/DELEGATION."""
    conversation, _, delegation = text.rpartition("/")
    if not conversation or not delegation:
        raise ConfigurationError(f"--retry wants CONVERSATION/DELEGATION, as they are listed, not {text!r}")
    return ConversationId(_unquoted(conversation)), DelegationId(_unquoted(delegation))


def _quoted(name: str) -> str:
    return quote(name, safe=":@+=,", errors="surrogatepass")


def _unquoted(name: str) -> str:
    return unquote(name, errors="surrogatepass")
