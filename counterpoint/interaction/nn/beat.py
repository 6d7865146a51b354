"""One conversation with the native model, beat by beat: 200 ms of samples, a picture, typed words and notes in; the
word understood and the word to say out.

The state is a value, passed in and handed back; words that do not fit into a beat (four of a note, one typed) wait in
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import FRAMES_PER_BEAT, HOP, Levels, LogMel
from counterpoint.interaction.nn.eyes import picture_of
from counterpoint.interaction.nn.model import SOURCES, InteractionNet
from counterpoint.interaction.nn.streaming import (
    GREEDY,
    NOTES_PER_BEAT,
    Decoding,
    Notes,
    Pictures,
    StreamState,
    open_state,
    step,
)

SAMPLES_PER_BEAT = HOP * FRAMES_PER_BEAT

_MEL = LogMel()


@dataclass(frozen=True)
class Conversing:
    """What a conversation carries from beat to beat."""

    stream: StreamState
    tail: NDArray[np.float32]
    """The last samples, which the next frame still sees."""
    notes: tuple[tuple[int, int], ...] = ()
    """(token, source) of note words that wait for their beat."""
    typed: tuple[int, ...] = ()
    """Typed words that wait for their beat."""


@dataclass(frozen=True)
class Beat:
    """What one beat brought: words or controls (`<delegate>`, ...) as strings, empty where there is none."""

    understood: str
    said: str
    control: str


@dataclass(frozen=True)
class Incoming:
    """What arrives with a beat. `samples`: 3,200 float32 at 16 kHz, None without a microphone; `typed`: text;
    `notes`: (kind, text, source); `picture`: uint8 [height, width, 3] of any size, None where none came.
    """

    samples: NDArray[np.float32] | None = None
    typed: str = ""
    notes: Sequence[tuple[str, str, str]] = field(default=())
    picture: NDArray[Any] | None = None


def begin(model: InteractionNet) -> Conversing:
    """The state before the first beat."""
    return Conversing(open_state(model), _MEL.initial_state())


def advance(
    model: InteractionNet, state: Conversing, incoming: Incoming, decoding: Decoding = GREEDY
) -> tuple[Beat, Conversing]:
    """One beat. Raises ValueError for anything but 3,200 samples, and for a picture that is none; notes keep their
    order and are read four words a beat.
    """
    notes = [*state.notes, *(word for note in incoming.notes for word in _note_words(*note))]
    typed = [*state.typed, *v.encode(incoming.typed)]
    levels, tail = _levels(model, incoming.samples, state.tail)
    found, stream = step(
        model,
        state.stream,
        levels,
        notes=_notes(notes[:NOTES_PER_BEAT]),
        typed=torch.tensor([typed[0]]) if typed else None,
        pictures=_picture(incoming.picture),
        decoding=decoding,
    )
    said = v.TOKENS[int(found.said)]
    control = said.startswith("<")
    understood = int(found.understood)
    beat = Beat(
        understood=v.TOKENS[understood] if v.is_word(understood) else "",
        said="" if control else said,
        control=said if control and said != v.TOKENS[v.PAD] else "",
    )
    return beat, replace(state, stream=stream, tail=tail, notes=tuple(notes[NOTES_PER_BEAT:]), typed=tuple(typed[1:]))


def having_said(state: Conversing, word: str) -> Conversing:
    """The state in which the model's word of the last beat was this one (empty: none), whatever it had chosen.

    Raises KeyError for a word outside the vocabulary.
    """
    token = v.IDS[word] if word else v.PAD
    said = torch.full_like(state.stream.said, token)
    return replace(state, stream=replace(state.stream, said=said))


def after(state: Conversing, beats: int) -> Conversing:
    """The state after so many beats that nobody lived through: what was before them is that much older."""
    stream = state.stream
    return replace(state, stream=replace(stream, beat=stream.beat + beats, sight=stream.sight.later(beats)))


def use_one_core() -> None:
    """For the thread that calls it: operations this small only wait for each other on several cores."""
    torch.set_num_threads(1)


def _levels(
    model: InteractionNet, samples: NDArray[np.float32] | None, tail: NDArray[np.float32]
) -> tuple[torch.Tensor | None, NDArray[np.float32]]:
    if samples is None:
        return None, np.zeros_like(tail)
    if samples.shape != (SAMPLES_PER_BEAT,):
        raise ValueError(f"a beat is {SAMPLES_PER_BEAT} samples of one channel, got an array of shape {samples.shape}")
    frames, tail = _MEL(samples, tail)
    config = model.config
    levels = Levels(config.low, config.high, config.levels).quantise(frames)
    return torch.from_numpy(levels)[None], tail  # pyright: ignore[reportUnknownMemberType]  (untyped there)


def _picture(pixels: NDArray[Any] | None) -> Pictures | None:
    if pixels is None:
        return None
    seen = torch.from_numpy(picture_of(pixels))  # pyright: ignore[reportUnknownMemberType]  (untyped there)
    return Pictures(seen[None], torch.ones(1, dtype=torch.bool))


def _note_words(kind: str, text: str, source: str) -> list[tuple[int, int]]:
    """A note's kind (`<result>`, `<progress>`, ...) and its words; control tokens inside its text are only words."""
    words = [token if v.is_word(token) else v.UNKNOWN for token in v.encode(text)]
    return [(token, SOURCES.index(source)) for token in (v.IDS[kind], *words)]


def _notes(words: Sequence[tuple[int, int]]) -> Notes | None:
    if not words:
        return None
    tokens, sources = torch.tensor(words).T
    return Notes(tokens[None], sources[None], torch.ones(1, len(words), dtype=torch.bool))
