"""What is played becomes heard: what the agent expressed, against what the listener says it has played of it.

Micro-turns are played in order, so that a report about one says that those before it are over. What nobody reports is
taken for heard in time; what was flushed is cut where the listener stopped. Every micro-turn is settled once, as heard
or as unheard from some word on, and then forgotten. A report that comes too late, or too early, changes nothing.
"""

from typing import Final

import msgspec

from counterpoint.interaction.said import Said
from counterpoint.shared_context.entries import Played, Unheard
from counterpoint.shared_context.expressed import Voiced
from counterpoint.shared_context.ids import Beat, NoteId

REMEMBERED_NOTES: Final = 256
"""Notes whose hearing is remembered after everything of them is settled."""


class Hearing(msgspec.Struct, frozen=True):
    """`heard` characters of a note were played. `cut`: more of it was spoken, and will never be played."""

    note: NoteId
    heard: int
    cut: bool = False


class Playback:
    """In beats, `horizon`: how far output may run ahead of playback; `buffer`: what the listener holds besides."""

    __slots__ = ("_acknowledges", "_buffer", "_changed", "_deadlines", "_horizon", "_notes", "_said", "_unheard")

    def __init__(self, horizon: int, buffer: int) -> None:
        self._horizon = horizon
        self._buffer = buffer
        self._said: dict[tuple[Beat, int], Said] = {}
        self._deadlines: dict[Beat, Beat] = {}
        self._acknowledges = False
        self._unheard: Unheard | None = None
        self._notes: dict[NoteId, int] = {}
        self._changed: dict[NoteId, bool] = {}

    def expressed(self, beat: Beat, part: int, span: int, text: str, samples: int, voiced: tuple[Voiced, ...]) -> None:
        """A micro-turn whose last beat is `beat` went out; `span`: the beats that it lasts."""
        if not text and not samples:
            return
        due = beat + max(span, 1) + self._horizon + self._buffer
        if self._said and (last := next(reversed(self._said.values()))).flushed is None:
            due = max(due, last.due)
        self._said[beat, part] = Said(beat, part, text, samples, voiced, due)

    def played(
        self, beat: Beat, part: int = 0, *, words: int | None = None, samples: int | None = None, now: Beat
    ) -> list[Played]:
        """The listener has played so much of a micro-turn; all of it, if neither count is given. What is news in that.

        After a flush a report of less than everything is the listener's answer: the next `tick` cuts the rest.
        """
        said = self._said.get((beat, part))
        if said is None:
            return []
        news = said.advance(words, samples) or not self._acknowledges
        self._acknowledges = True
        bodies = self._pass(said)
        news = news or said.answered is not (said.flushed is not None)
        said.answered = said.flushed is not None
        if said.complete:
            bodies.append(self._settle(said))
        else:
            if said.flushed is not None:
                self._deadlines[said.flushed] = min(self._deadlines[said.flushed], now)
            if news:
                self._note_heard(said)
                bodies.append(said.reported(words, samples))
        return bodies

    def flush(self, beat: Beat, part: int = 0) -> None:
        """The micro-turn (`beat`, `part`) says so: nothing from before it shall be played any more.

        What the listener doesn't answer within the horizon is cut.
        """
        flushed = [said for key, said in self._said.items() if said.flushed is None and key != (beat, part)]
        for said in flushed:
            said.flushed = beat
        if flushed:
            self._deadlines.setdefault(beat, Beat(beat + self._horizon))

    def tick(self, beat: Beat) -> list[Played]:
        """Settle what is due at `beat`: flushes that were answered or never will be, and what nobody reported."""
        if not self._said:
            return []
        bodies: list[Played] = []
        for flush in [flush for flush, deadline in self._deadlines.items() if deadline <= beat]:
            bodies += self._settle_flushed(flush)
        for said in list(self._said.values()):
            if said.flushed is None:
                if said.due > beat:
                    break
                said.finish()
                bodies.append(self._settle(said, assumed=True))
        return bodies

    def rejoined(self, unheard: Unheard | None) -> None:
        """The listener of an earlier session has come back with a token: it says how far it plays. `unheard`: what it
        has not.
        """
        self._acknowledges = True
        self._unheard = unheard

    def unheard(self) -> Unheard | None:
        """What was cut since the last call."""
        unheard, self._unheard = self._unheard, None
        return unheard

    def hearings(self) -> tuple[Hearing, ...]:
        """Notes of which more was heard, or something was cut, since the last call."""
        if not self._changed:
            return ()
        changed, self._changed = self._changed, {}
        return tuple(Hearing(note, self.heard_of(note), cut) for note, cut in changed.items())

    def heard_of(self, note: NoteId) -> int:
        """Characters of a note that were heard, counted from its start."""
        return self._notes.get(note, 0)

    @property
    def settled(self) -> bool:
        """Everything that was expressed is known, or taken, to be heard or unheard."""
        return not self._said

    def _pass(self, said: Said) -> list[Played]:
        """Settle what comes before a micro-turn that was reported."""
        if not said.begun and said.flushed is None:
            return []
        bodies: list[Played] = []
        for earlier in self._before(said):
            if earlier.flushed != said.flushed and earlier.flushed is not None:
                bodies.append(self._settle(earlier, cut=True))
            elif said.begun or not earlier.answered:
                earlier.finish()
                bodies.append(self._settle(earlier, assumed=True))
        return bodies

    def _before(self, said: Said) -> list[Said]:
        earlier: list[Said] = []
        for each in self._said.values():
            if each is said:
                break
            earlier.append(each)
        return earlier

    def _settle_flushed(self, flush: Beat) -> list[Played]:
        """Cut what was flushed. A listener that never reports anything is judged by the clock instead: what had its
        time before the flush was heard.
        """
        flushed = [said for said in self._said.values() if said.flushed == flush]
        assumed = not any(said.answered for said in flushed)
        for said in flushed:
            if not self._acknowledges and said.due - self._horizon <= flush:
                said.finish()
        return [self._settle(said, assumed=assumed, cut=not said.complete) for said in flushed]

    def _settle(self, said: Said, *, assumed: bool = False, cut: bool = False) -> Played:
        del self._said[said.beat, said.part]
        if said.flushed is not None and all(each.flushed != said.flushed for each in self._said.values()):
            del self._deadlines[said.flushed]
        self._note_heard(said)
        if cut:
            self._note_cut(said)
        return said.report(assumed=assumed, cut=cut)

    def _note_cut(self, said: Said) -> None:
        before = self._unheard
        if before is not None:
            self._unheard = Unheard(before.since, before.text + said.rest)
        elif said.samples or said.rest.strip():
            self._unheard = Unheard(said.beat, said.rest)
        for voiced in said.voiced:
            if said.heard_of(voiced) < voiced.end:
                self._changed[voiced.note] = True

    def _note_heard(self, said: Said) -> None:
        for voiced in said.voiced:
            end = said.heard_of(voiced)
            if end > max(voiced.start, self._notes.get(voiced.note, 0)):
                self._remember(voiced.note, end)
                self._changed.setdefault(voiced.note, False)

    def _remember(self, note: NoteId, heard: int) -> None:
        self._notes.pop(note, None)
        self._notes[note] = heard
        if len(self._notes) > REMEMBERED_NOTES:
            del self._notes[next(iter(self._notes))]
