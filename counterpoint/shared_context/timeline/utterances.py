"""Utterances: how the pieces that were said beat by beat are joined, and where one ends and the next begins. Pure.

Typed text is one utterance until it is sent; recognised words get spaces between them; what the agent says and what a
model understood are streams of characters, joined as they are.
"""

import enum
from collections.abc import Iterable

import msgspec

from counterpoint.shared_context.expressed import Boundary, Voiced
from counterpoint.shared_context.hearing import Report
from counterpoint.shared_context.ids import Beat, Position
from counterpoint.shared_context.package import Speaker, Utterance

PAUSE_BEATS = 2
"""So many silent beats of a side end its utterance."""

UTTERANCE_BEATS = 300
"""Who speaks for a minute without a pause goes on in a new utterance, so that details can be folded away."""

UTTERANCE_CHARACTERS = 16_000
"""Likewise for text that is pasted in several chunks. One chunk is never split."""


class Track(enum.Enum):
    """Where words come from: the agent, the person's keys, somebody's ears, or the model's own understanding."""

    AGENT = "agent"
    TYPED = "typed"
    WORDS = "words"
    UNDERSTOOD = "understood"


class Piece(msgspec.Struct, omit_defaults=True):
    """The words of one side in one micro-turn (`beat`, `part`), which began in beat `first`. `reported`: characters
    that were heard as the listener has said.
    """

    first: Beat
    beat: Beat
    text: str
    position: Position
    part: int = 0
    boundary: Boundary = Boundary.NONE
    samples: int = 0
    voiced: tuple[Voiced, ...] = ()
    heard: int = 0
    report: Report = Report.NONE
    reported: int = 0


class Stretch(msgspec.Struct, omit_defaults=True):
    """Pieces of one track without a pause. `done`: nothing will be added. `overlaps`: with one already folded away."""

    track: Track
    pieces: list[Piece]
    last: Beat
    size: int = 0
    done: bool = False
    overlaps: bool = False

    @property
    def unfinished(self) -> bool:
        """Typed, and not sent yet."""
        return self.track is Track.TYPED and not self.done

    def ends_before(self, piece: Piece) -> bool:
        """The piece belongs to a new utterance."""
        if self.size + len(piece.text) > UTTERANCE_CHARACTERS:
            return True
        if self.track is Track.TYPED:
            return False
        return piece.first > self.last + PAUSE_BEATS or piece.first >= self.pieces[0].first + UTTERANCE_BEATS

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.size += len(piece.text)
        self.last = max(self.last, piece.beat)


class Placed(msgspec.Struct, frozen=True):
    """An utterance and the log position at which it began."""

    position: Position
    utterance: Utterance


def _gap(track: Track, before: Piece, after: Piece) -> str:
    """The space that is missing between two pieces."""
    if before.text[-1:].isspace() or after.text[:1].isspace():
        return ""
    words = track is Track.WORDS or (track is Track.AGENT and before.boundary is not Boundary.NONE)
    return " " if words else ""


def utterances_of(stretch: Stretch) -> list[Placed]:
    """What a stretch comes to, usually one utterance; a new one begins after words of the agent that went unheard."""
    runs: list[list[Piece]] = []
    for piece in stretch.pieces:
        cut = runs and piece.heard and runs[-1][-1].heard < len(runs[-1][-1].text)
        if cut or not runs:
            runs.append([])
        runs[-1].append(piece)
    return [placed for run in runs if (placed := _utterance(stretch, run))]


def _joined(track: Track, run: list[Piece]) -> tuple[str, int]:
    """The words of a run, and how many of their characters were heard."""
    text, heard, before = "", 0, run[0]
    for piece in run:
        if not piece.text:
            continue
        gap = _gap(track, before, piece) if text else ""
        heard += len(gap) + piece.heard if piece.heard else 0
        text += gap + piece.text
        before = piece
    return text, heard


def _utterance(stretch: Stretch, run: list[Piece]) -> Placed | None:
    text, heard = _joined(stretch.track, run)
    words = text.strip()
    if not words:
        return None
    agent = stretch.track is Track.AGENT
    utterance = Utterance(
        speaker=Speaker.AGENT if agent else Speaker.PERSON,
        first=min(piece.first for piece in run),
        last=max(piece.beat for piece in run),
        text=words,
        heard=min(max(0, heard - (len(text) - len(text.lstrip()))), len(words)) if agent else None,
        overlaps=stretch.overlaps,
        understood=stretch.track is Track.UNDERSTOOD,
    )
    return Placed(run[0].position, utterance)


def with_overlaps(placed: Iterable[Placed]) -> list[Placed]:
    """In order of time, those marked that share a beat with one of the other side."""
    rows = sorted(placed, key=lambda each: (each.utterance.first, each.position))
    marked = _reached_into(rows) | _reaching_into(rows)
    return [_marked(row) if index in marked else row for index, row in enumerate(rows)]


def _marked(row: Placed) -> Placed:
    utterance = row.utterance
    if utterance.overlaps:
        return row
    return Placed(row.position, msgspec.structs.replace(utterance, overlaps=True))


def _reached_into(rows: list[Placed]) -> set[int]:
    """Those during whose first beat an earlier one of the other side still goes on."""
    latest = {True: -1, False: -1}
    found: set[int] = set()
    for index, row in enumerate(rows):
        utterance = row.utterance
        agent = utterance.speaker is Speaker.AGENT
        if latest[not agent] >= utterance.first:
            found.add(index)
        latest[agent] = max(latest[agent], utterance.last)
    return found


def _reaching_into(rows: list[Placed]) -> set[int]:
    """Those that still go on when the next one of the other side begins."""
    following: dict[bool, int | None] = {True: None, False: None}
    found: set[int] = set()
    for index in reversed(range(len(rows))):
        utterance = rows[index].utterance
        agent = utterance.speaker is Speaker.AGENT
        following_first = following[not agent]
        if following_first is not None and following_first <= utterance.last:
            found.add(index)
        following[agent] = utterance.first
    return found
