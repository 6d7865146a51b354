"""What came of the demo in sound, as far as it got: its log in seconds of the recording, the account, the picture."""

from array import array
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from counterpoint.cli.demo_account import Account, Handed
from counterpoint.cli.demo_film import Sight
from counterpoint.cli.demo_heard import Heard
from counterpoint.cli.demo_watched import Watched
from counterpoint.cli.score import Beats, Voice
from counterpoint.cli.score_picture import STILL_SECONDS, Mark, Strip, score_picture
from counterpoint.cli.stills import stills
from counterpoint.evaluation.items import Item
from counterpoint.shared_context.chunks import VideoChunk
from counterpoint.shared_context.entries import Asked, Body, NoteLaid, Stored, ToolCalled, ToolReturned
from counterpoint.shared_context.notes import Delivery

TITLE = "counterpoint demo. Grey: what the person really said; below it what the model understood"


class Seen(msgspec.Struct, frozen=True):
    """The film, and what is to be seen in it; both empty where there is no camera."""

    frames: Sequence[VideoChunk] = ()
    sights: Sequence[Sight] = ()


BLIND: Final = Seen()


class _Timed(msgspec.Struct, frozen=True):
    at: float
    body: Body


class Performed:
    """`both`: PCM16 in stereo, the person on the left."""

    def __init__(
        self, item: Item, heard: Heard, both: bytes, rate: int, entries: Sequence[Stored], seen: Seen = BLIND
    ) -> None:
        sides = array("h", both)
        self.item = item
        self.rate = rate
        self.person, self.agent = sides[::2], sides[1::2]
        self._heard = heard
        self._seen = seen
        beats = Beats()
        self._log = [_Timed(heard.seconds(beats.of(stored)), stored.entry.body) for stored in entries]

    def account(self) -> list[str]:
        """Lines: of what was heard, then of what was seen."""
        until = len(self.agent) / self.rate
        lines = Account(self.item, self._heard, self.agent, self.handed(), until).lines()
        if self._seen.frames:
            lines += Watched(self.item, self._seen.sights, self._heard.words(self.agent), until).lines()
        return lines

    def handed(self) -> list[Handed]:
        found: list[Handed] = []
        for each in self._log:
            if isinstance(each.body, Asked):
                id = each.body.delegation.id
                ready = (
                    one.at for one in self._log if isinstance(one.body, NoteLaid) and one.body.note.delegation == id
                )
                found.append(Handed(each.at, each.body.delegation.request, next(ready, None)))
        return found

    def picture(self) -> str:
        sides: dict[Voice, Sequence[int]] = {"person": self.person, "agent": self.agent}
        return score_picture(TITLE, sides, self.rate, list(self._marks()), self._strip())

    def _strip(self) -> Strip | None:
        until = len(self.person) / self.rate
        seen = [each for each in self._seen.frames if each.media_time < until]
        if not seen:
            return None
        return Strip(stills(seen, STILL_SECONDS), [each for each in self._seen.sights if each.begin < until])

    def _marks(self) -> Iterator[Mark]:
        for begin, end in self.item.speaking:
            if begin < len(self.person) / self.rate:
                words = [each.word for each in self.item.words if begin < each.end <= end]
                yield Mark(begin, "person", " ".join(words), faint=True)
        for each in self._heard.understood():
            yield Mark(each.begin, "person", each.text)
        for each in self._heard.said(self.agent):
            yield Mark(each.begin, "agent", each.text)
        for each in self._log:
            if text := _background(each.body):
                yield Mark(each.at, "background", text)


def _background(body: Body) -> str:
    match body:
        case Asked(delegation=delegation):
            return f"asked: {delegation.request}"
        case ToolCalled(tool=tool):
            return f"{tool} is called"
        case ToolReturned(failed=failed, seconds=seconds):
            return f"it {'fails' if failed else 'returns'} after {seconds:.1f} s"
        case NoteLaid(note=note) if note.delivery is not Delivery.SILENT:
            return f"{note.kind.value}: {note.text}"
        case _:
            return ""
