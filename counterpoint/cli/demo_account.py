"""The demo's account: what was expected when, and what was heard instead or in time. Pure; what sounded counts."""

import statistics
from collections.abc import Sequence
from difflib import SequenceMatcher

import msgspec

from counterpoint.cli.demo_heard import Heard, Said
from counterpoint.cli.score import clock
from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation.items import Hand, Item, Recite, Say, Stop


class Handed(msgspec.Struct, frozen=True):
    """A delegation, in seconds of the recording. `found`: when its result was there, None if it never was."""

    at: float
    request: str
    found: float | None = None


class Row(msgspec.Struct, frozen=True):
    """`seconds`: from the end of its cue to the sound, where that is what counts."""

    at: float
    what: str
    came: str
    seconds: float | None = None


class Account:
    """`played`: the samples of the model's side. `until`: how far the conversation went; what was expected later is
    left out.
    """

    def __init__(self, item: Item, heard: Heard, played: Sequence[int], handed: Sequence[Handed], until: float) -> None:
        self._item = item
        self._heard = heard
        self._played = played
        self._handed = handed
        self._until = until
        self.said = heard.said(played)

    def lines(self) -> list[str]:
        rows = self.rows()
        lines = [self._understood()]
        lines += [f"  {clock(round(row.at / BEAT_SECONDS))}  {row.what}: {row.came}" for row in rows]
        cues = [row.seconds for row in rows if row.what == "cue" and row.seconds is not None]
        if cues:
            lines.append(
                f"  from the end of a cue to the sound: {statistics.median(cues):.2f} s, median of {len(cues)}"
            )
        return lines

    def rows(self) -> list[Row]:
        rows: list[Row] = []
        for each in self._item.expect:
            if isinstance(each, Say) and each.end < self._until:
                rows.append(self._answered(each))
            elif isinstance(each, Hand) and each.end < self._until:
                rows.append(self._delegated(each))
            elif isinstance(each, Recite) and each.end < self._until:
                rows.append(self._told(each))
            elif isinstance(each, Stop) and each.by < self._until:
                rows.append(self._stopped(each))
        return rows

    def _understood(self) -> str:
        spoken = [each.word for each in self._item.words if each.end < self._until]
        heard = [word for line in self._heard.understood() for word in line.words]
        same = sum(block.size for block in SequenceMatcher(None, spoken, heard, autojunk=False).get_matching_blocks())
        return f"understood {same} of {len(spoken)} words, and {len(heard) - same} that nobody said"

    def _answered(self, wanted: Say) -> Row:
        near = [each for each in self.said if wanted.begin <= each.begin <= wanted.end]
        right = next((each for each in near if each.words[: len(wanted.words)] == wanted.words), None)
        if right is None:
            return Row(wanted.due, wanted.category, f'"{" ".join(wanted.words)}" was due; {_instead(near)}')
        late = right.begin - wanted.due
        return Row(right.begin, wanted.category, f'"{right.text}", {_after(late, wanted.category)}', late)

    def _delegated(self, wanted: Hand) -> Row:
        handed = next((each for each in self._handed if wanted.begin <= each.at <= wanted.end + BEAT_SECONDS), None)
        if handed is None:
            return Row(wanted.begin, "handed over", "nothing")
        return Row(handed.at, "handed over", f'"{handed.request}"')

    def _told(self, wanted: Recite) -> Row:
        near = [each for each in self.said if wanted.begin <= each.begin <= wanted.end]
        if not near:
            return Row(wanted.begin, "result", "nothing was told")
        paused = max((end for _, end in self._item.speaking if end <= near[0].begin), default=0.0)
        told = f'"{" ".join(each.text for each in near)}", {near[0].begin - paused:.2f} s after the person paused'
        found = [each.found for each in self._handed if each.found is not None and each.found <= near[0].begin]
        since = f", {near[0].begin - found[-1]:.2f} s after it was found" if found else ""
        return Row(near[0].begin, "result", told + since)

    def _stopped(self, wanted: Stop) -> Row:
        stop = [each.end for each in self._item.words if each.word == "stop" and each.end <= wanted.by]
        since = stop[-1] if stop else wanted.by
        silent = self._heard.silent_from(self._played, since, min(wanted.until, self._until))
        return Row(silent, "stop", f"silent {silent - since:.2f} s after the word")


def _instead(near: Sequence[Said]) -> str:
    return f'"{" ".join(each.text for each in near)}" was said' if near else "nothing was said"


def _after(seconds: float, category: str) -> str:
    since = "it was due" if category == "timed" else "the person's last word"
    return f"{seconds:.2f} s after {since}" if seconds >= 0 else f"{-seconds:.2f} s before {since}"
