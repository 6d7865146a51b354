"""Ids of the notes that come from a host itself."""

from counterpoint.shared_context.ids import NoteId


class NoteIds:
    """Counted apart for each `source`: which numbers the host's own notes ("h") have must not depend on when the
    application ("a") laid its. `epoch`: of the host.
    """

    def __init__(self, source: str, epoch: int) -> None:
        self._begin = f"{source}{epoch}."
        self._count = 0

    def __call__(self) -> NoteId:
        self._count += 1
        return NoteId(f"{self._begin}{self._count}")
