"""Which entries a reader has taken: by their writers' numbers, which outlast a log that was written again."""

from counterpoint.shared_context.entries import Entry, Role
from counterpoint.shared_context.ids import WriterId


class Seen:
    """A writer's entries are in its order in every log, so its newest number is enough."""

    __slots__ = ("_newest",)

    def __init__(self) -> None:
        self._newest: dict[tuple[Role, WriterId, int], int] = {}

    def take(self, entry: Entry) -> bool:
        """The entry was not taken before, and is from now on."""
        header = entry.header
        writer = (header.role, header.writer, header.epoch)
        if header.seq <= self._newest.get(writer, 0):
            return False
        self._newest[writer] = header.seq
        return True
