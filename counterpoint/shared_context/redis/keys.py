"""Where things are in Redis: the keys of one conversation, and those of the queues of waiting work.

All keys of a conversation have its hash tag, so one script may touch them all, also in a Cluster. Ids are quoted: no
conversation can name another's keys. Work is spread over a few tags of its own, so that whoever waits for work looks
into a handful of places, however many conversations there are.
"""

from typing import Final, NamedTuple
from urllib.parse import quote, unquote
from zlib import crc32

from counterpoint.shared_context.ids import ConversationId, DelegationId, MediaId

WORK_TAGS: Final = 4
"""Hash tags of waiting work. All hosts and workers of one server have to agree on it."""

PRIORITIES: Final = 3

_PARTS = ("log", "work", "runs", "snapshot", "ended", "media")


class ConversationKeys:
    """`all`: META, LOG, WORK, RUNS, SNAP, ENDED, MEDIA, in the order in which the scripts take them."""

    __slots__ = ("_base", "all", "channel")

    def __init__(self, prefix: str, conversation: ConversationId) -> None:
        self._base = f"{prefix}:{{{quoted(conversation) or '%'}}}"
        self.all = (f"{self._base}:meta", *(f"{self._base}:{part}" for part in _PARTS))
        self.channel = self._base

    @property
    def media(self) -> str:
        """What the keys of media objects begin with; their ids follow, quoted."""
        return f"{self._base}:media:"

    def media_object(self, media: MediaId) -> str:
        return self.media + quoted(media)


class QueueKeys(NamedTuple):
    """One queue under one tag: hints that wait, by priority; hints that come up at a time; places of dead letters."""

    waiting: tuple[str, ...]
    due: str
    dead: str

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.waiting, self.due, self.dead)

    @property
    def hints(self) -> tuple[str, ...]:
        return (*self.waiting, self.due)


def queue_keys(prefix: str, queue: str, tag: int) -> QueueKeys:
    base = f"{prefix}:{{+work{tag}}}:{quoted(queue)}"
    return QueueKeys(tuple(f"{base}:{prio}" for prio in range(PRIORITIES)), f"{base}:due", f"{base}:dead")


def taken_key(prefix: str, tag: int, request: str) -> str:
    """What a request took, for as long as it may be sent again. No queue's name has a plus in it."""
    return f"{prefix}:{{+work{tag}}}:+taken:{request}"


def queue_channel(prefix: str, queue: str) -> str:
    return f"{prefix}:+work:{quoted(queue)}"


def work_tag(conversation: ConversationId) -> int:
    return crc32(quoted(conversation).encode()) % WORK_TAGS


class Place(NamedTuple):
    """Where a delegation is kept."""

    conversation: ConversationId
    delegation: DelegationId

    def __str__(self) -> str:
        return f"{quoted(self.conversation)}/{quoted(self.delegation)}"


def place(text: str) -> Place:
    conversation, _, delegation = text.partition("/")
    return Place(ConversationId(_unquoted(conversation)), DelegationId(_unquoted(delegation)))


def quoted(name: str) -> str:
    return quote(name, safe="", errors="surrogatepass")


def _unquoted(name: str) -> str:
    return unquote(name, errors="surrogatepass")
