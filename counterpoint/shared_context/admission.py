"""Which entries an operation of a store takes. It knows the records and no store: all stores refuse alike."""

from collections.abc import Sequence
from math import inf
from typing import Final, TypeVar

from counterpoint.errors import ConfigurationError, MediaTooLarge, WriteRefused
from counterpoint.shared_context.delegations import Delegation
from counterpoint.shared_context.entries import (
    Amended,
    Asked,
    Body,
    Closed,
    Entry,
    Role,
    Settled,
    Withdrawn,
)
from counterpoint.shared_context.ids import DelegationId, MediaId
from counterpoint.shared_context.store import Fence

B = TypeVar("B", bound=Body)

MAX_NAME: Final = 256
"""Characters in the name of a conversation, a writer, a queue, a delegation, a media object."""

MAX_MEDIA_BYTES: Final = 16 << 20
"""Of one media object, where a store is not told otherwise."""

_OPERATIONS: dict[type, str] = {
    Asked: "offer",
    Amended: "amend",
    Withdrawn: "withdraw",
    Settled: "settle",
    Closed: "close",
}
"""Entries that do something besides being in the log, and the operation that does it."""


def check_names(*names: str) -> None:
    """Of whoever opens or leases; they may hold any characters."""
    if too_long := [name for name in names if len(name) > MAX_NAME]:
        raise ConfigurationError(f"{_name(too_long[0])}: a name has at most {MAX_NAME} characters")


def check_written_name(name: str) -> None:
    if len(name) > MAX_NAME:
        raise WriteRefused(f"{_name(name)}: a name has at most {MAX_NAME} characters")


def _name(name: str) -> str:
    return f"{name[:20]!r}... has {len(name)} characters"


def check_media(media: MediaId, data: bytes, most: int, *, ttl: float | None = None) -> None:
    """`most`: bytes. `ttl`: seconds, where whoever puts it says so."""
    check_written_name(media)
    if len(data) > most:
        raise MediaTooLarge(f"media {media!r} has {len(data)} bytes, {most} are kept at most")
    if ttl is not None and not 0 < ttl < inf:
        raise WriteRefused(f"media are kept for a limited time, not for {ttl} seconds")


def check_headers(fence: Fence, entries: Sequence[Entry]) -> None:
    """The entries were made under this fence."""
    role = Role.HOST if fence.delegation is None else Role.WORKER
    for entry in entries:
        header = entry.header
        if header.writer != fence.writer or header.epoch != fence.epoch or header.role is not role:
            raise WriteRefused(
                f"an entry by {header.role.value} {header.writer!r} in epoch {header.epoch} came with the fence of "
                f"{role.value} {fence.writer!r} in epoch {fence.epoch}"
            )


def check_plain(entries: Sequence[Entry]) -> None:
    """`append` takes nothing that has an operation of its own."""
    for entry in entries:
        if operation := _OPERATIONS.get(type(entry.body)):
            raise WriteRefused(f"{type(entry.body).__name__} is not appended: use `{operation}`, which acts on it too")


def only(entry: Entry, kind: type[B]) -> B:
    """The body, which has to be of the kind that an operation is for."""
    if not isinstance(entry.body, kind):
        raise WriteRefused(f"`{_OPERATIONS[kind]}` takes {kind.__name__}, not {type(entry.body).__name__}")
    return entry.body


def check_settling(delegation: DelegationId, entries: Sequence[Entry]) -> None:
    """The last entries of an attempt settle its delegation, exactly once."""
    check_plain([entry for entry in entries if not isinstance(entry.body, Settled)])
    settled = [entry.body for entry in entries if isinstance(entry.body, Settled)]
    if len(settled) != 1:
        raise WriteRefused(f"`settle` takes one Settled among its entries, not {len(settled)}")
    if settled[0].delegation != delegation:
        raise WriteRefused(f"the lease is of {delegation!r}, not of {settled[0].delegation!r}")
    if not settled[0].state.settled:
        raise WriteRefused(f"{settled[0].state.value!r} settles nothing")


def check_offer(fence: Fence, delegation: Delegation) -> None:
    check_written_name(delegation.id)
    check_written_name(delegation.queue)
    if delegation.conversation != fence.conversation:
        raise WriteRefused(
            f"delegation {delegation.id!r} is of {delegation.conversation!r}, not {fence.conversation!r}"
        )


def check_hosts(fence: Fence) -> None:
    if fence.delegation is not None:
        raise WriteRefused(f"only the host of {fence.conversation!r} may do this, not worker {fence.writer!r}")
