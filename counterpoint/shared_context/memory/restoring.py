"""What a host gives back to a conversation that was set back, put where it belongs.

It knows neither queues nor time.
"""

from collections.abc import Callable

from counterpoint.errors import WriteRefused
from counterpoint.shared_context.codec import encode
from counterpoint.shared_context.entries import Stored
from counterpoint.shared_context.memory.conversation import Conversation
from counterpoint.shared_context.memory.ledger import Ledger
from counterpoint.shared_context.store import Fence, Restoration


def restore_log(kept: Conversation, fence: Fence, given: Restoration, stamp: Callable[[], int]) -> None:
    """The log, the snapshot and the ledgers; `stamp` makes one for an entry that gets another place than it had."""
    own = kept.host_again(fence)
    if kept.log.tail < given.base:
        if given.snapshot is None or given.snapshot.upto < given.base:
            raise WriteRefused(f"the log ends at {kept.log.tail}, and no snapshot covers it up to {given.base}")
        kept.log.skip_to(given.base)
    for stored in given.entries:
        _put_back(kept, stored, stamp)
    own.skip_to(given.last)
    covered = kept.snapshot.upto if kept.snapshot else 0
    if given.snapshot is not None and covered < given.snapshot.upto <= kept.log.tail:
        kept.snapshot = given.snapshot


def _put_back(kept: Conversation, stored: Stored, stamp: Callable[[], int]) -> None:
    header = stored.entry.header
    ledger = kept.ledger_of(header.role, header.writer, header.epoch) or Ledger()
    if header.seq <= ledger.last:
        return
    ledger.skip_to(header.seq - 1)
    in_place = stored.position == kept.log.tail + 1 and stored.stamp
    ledger.add(kept.log.append(encode(stored.entry), stored.stamp if in_place else stamp()))
