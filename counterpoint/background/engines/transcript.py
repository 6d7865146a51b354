"""What an instruct model writes, as sentences to be said and calls to be made, each as soon as it is whole. Pure."""

import codecs
from collections.abc import Callable, Sequence

from counterpoint.background.engines.calling import CallReader, Spoken, Written
from counterpoint.background.engines.spoken_text import sentences_of, whole_sentences, without_markup


def _anything(_sentence: str) -> bool:
    return True


class Transcript:
    """`passes`: which sentences may be said. `single_line`: a line end is all that the model ends its turn with.

    `over`: it has ended its turn, goes on after a call as if it knew the result, or repeats itself, which small models
    do not stop doing by themselves.
    """

    def __init__(self, passes: Callable[[str], bool] = _anything, *, single_line: bool = False) -> None:
        self.said: list[str] = []
        self.calls = 0
        self.over = False
        self._passes = passes
        self._single_line = single_line
        self._heard: set[str] = set()
        self._reader = CallReader()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = ""

    def hear(self, piece: bytes) -> list[Spoken | Written]:
        return self._sorted(self._reader.feed(self._decoder.decode(piece)))

    def end(self, *, complete: bool) -> list[Spoken | Written]:
        """`complete`: the model stopped by itself; otherwise half a sentence is only said if there is nothing else."""
        pieces = self._sorted(self._reader.finish())
        rest, self._waiting = sentences_of(self._waiting), ""
        if rest and not complete:
            rest = [*rest[:-1], *([] if self._heard or rest[:-1] else [f"{rest[-1]}…"])]
        return [*pieces, *self._new(rest)]

    def _sorted(self, pieces: Sequence[Spoken | Written]) -> list[Spoken | Written]:
        whole: list[Spoken | Written] = []
        for piece in pieces:
            if isinstance(piece, Written):
                whole += [*self._new(sentences_of(self._waiting)), piece]
                self._waiting = ""
                self.calls += 1
            else:
                whole += self._spoken(piece.text)
        return whole

    def _spoken(self, text: str) -> list[Spoken]:
        self._waiting += text
        lines, ended, line = self._waiting.rpartition("\n")
        if self._single_line and ended and lines.strip():
            spoken = self._new(sentences_of(lines.strip().splitlines()[0]))
            self.over, self._waiting = True, ""
            return spoken
        sentences, self._waiting = whole_sentences(line)
        return self._new([*sentences_of(lines), *map(without_markup, sentences)])

    def _new(self, sentences: Sequence[str]) -> list[Spoken]:
        new: list[Spoken] = []
        for sentence in sentences:
            if self.over or self.calls or sentence in self._heard:
                self.over = True
                break
            self._heard.add(sentence)
            if self._passes(sentence):
                self.said.append(sentence)
                new.append(Spoken(sentence))
        return new
