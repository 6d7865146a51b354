"""The model beat by beat. The state is passed in and handed back; greedy by default, and equal to the batch pass to
rounding.

Keys and values stay in memory as long as anything may see them: the sliding window, what was said within the pinned
span, the first beats. So a conversation runs for hours in bounded memory and time. A state's buffers are reused:
after a step only the state that it returned is valid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import BANDS, FRAMES_PER_BEAT
from counterpoint.interaction.nn.eyes import Sight
from counterpoint.interaction.nn.layers import penalty, rotation
from counterpoint.interaction.nn.model import InteractionNet, latest_words, words_before

if TYPE_CHECKING:
    from counterpoint.interaction.nn.layers import Block

NOTES_PER_BEAT = 4


@dataclass(frozen=True)
class Decoding:
    """Added to the logits of padding before the greedy choice: above 0 the model understands or says less, below 0
    more.
    """

    understood_padding: float = 0.0
    said_padding: float = 0.0


GREEDY = Decoding()


@dataclass(frozen=True)
class StreamState:
    """Everything that B parallel streams carry from beat to beat."""

    beat: int
    """Index of the next beat."""
    start: int
    """Beat number of the first one; rotary positions count from here."""
    keys: Tensor
    """[layers, B, heads, capacity, size]; `values` alike."""
    values: Tensor
    used: int
    beats: Tensor
    """[capacity], the beat of each entry."""
    present: Tensor
    """[B, capacity], whether the entry exists in the row."""
    pinned: Tensor
    """[B, capacity], whether it carries a word."""
    sink: Tensor
    """[capacity], whether it belongs to the first beats."""
    context: Tensor
    """uint8 [B, context_frames, 80], the last frames heard."""
    heard_words: Tensor
    """int64 [B, trail], the last words understood, the latest first; `note_words` and `said_words` alike."""
    note_words: Tensor
    said_words: Tensor
    said: Tensor
    """int64 [B], the model's word of the last beat. Replace it where what was really said differs."""
    sight: Sight


@dataclass(frozen=True)
class Step:
    """One beat's outcome: the words chosen and the logits they were chosen from, [B] and [B, vocabulary.USED]."""

    understood: Tensor
    said: Tensor
    understood_logits: Tensor
    said_logits: Tensor


@dataclass(frozen=True)
class Pictures:
    """What is seen in this beat: pixels uint8 [B, 80, 80, 3], `present` bool [B]."""

    pixels: Tensor
    present: Tensor


@dataclass(frozen=True)
class Notes:
    """Words laid into the X slot in this beat, at most NOTES_PER_BEAT a row: tokens and sources int64 [B, n],
    `present` bool [B, n].
    """

    tokens: Tensor
    sources: Tensor
    present: Tensor


def open_state(model: InteractionNet, streams: int = 1, start: int = 0, capacity: int = 256) -> StreamState:
    """The state before the first beat."""
    config = model.config
    device = model.words.device
    shape = (config.layers, streams, config.heads, capacity, config.width // config.heads)
    return StreamState(
        beat=0, start=start, keys=torch.zeros(shape, device=device), values=torch.zeros(shape, device=device), used=0,
        beats=torch.zeros(capacity, dtype=torch.int64, device=device),
        present=torch.zeros(streams, capacity, dtype=torch.bool, device=device),
        pinned=torch.zeros(streams, capacity, dtype=torch.bool, device=device),
        sink=torch.zeros(capacity, dtype=torch.bool, device=device),
        context=torch.zeros(streams, config.context_frames, BANDS, dtype=torch.uint8, device=device),
        heard_words=torch.full((streams, config.trail), v.PAD, dtype=torch.int64, device=device),
        note_words=torch.full((streams, config.trail), v.PAD, dtype=torch.int64, device=device),
        said_words=torch.full((streams, config.trail), v.PAD, dtype=torch.int64, device=device),
        said=torch.full((streams,), v.PAD, dtype=torch.int64, device=device),
        sight=model.eyes.begin(streams),
    )  # fmt: skip


@torch.no_grad()
def step(
    model: InteractionNet,
    state: StreamState,
    levels: Tensor | None,
    *,
    notes: Notes | None = None,
    typed: Tensor | None = None,
    pictures: Pictures | None = None,
    decoding: Decoding = GREEDY,
) -> tuple[Step, StreamState]:
    """One beat.

    `levels`: uint8 [B, 8, 80], None where there is no microphone. `typed`: int64 [B], words that the person typed,
    taken as understood; -1 where the model decides by what it hears. `pictures`: None where nobody has one.
    """
    streams = len(state.said)
    hears = torch.full((streams,), levels is not None, dtype=torch.bool, device=state.said.device)
    if levels is None:
        levels = state.context.new_zeros(streams, FRAMES_PER_BEAT, BANDS)
    heard = torch.cat([state.context, levels], 1)
    _, said_words = follow(state.said_words, state.said[:, None])
    own = model.embed_latest(said_words[:, None])
    audio = model.embed_audio(heard, hears, state.said[:, None]) + own
    looked, sight = _look(model, state.sight, pictures)
    if looked is not None:
        audio = audio + looked
    spoke = state.said[:, None] != v.PAD
    always = torch.ones_like(spoke)
    state = replace(state, context=heard[:, -model.config.context_frames :], said_words=said_words, sight=sight)
    if notes is not None and notes.tokens.shape[1]:
        tokens = torch.where(notes.present, notes.tokens, v.PAD)
        before, latest = follow(state.note_words, tokens)
        state = replace(state, note_words=latest)
        parts = torch.cat([model.embed_notes(notes.tokens, notes.sources, before), audio], 1)
        first = (
            parts,
            torch.cat([notes.present, always], 1),
            torch.cat([notes.present, spoke], 1),
            notes.tokens.shape[1],
        )
    else:
        first = (audio, always, spoke, 0)
    hidden, state = _extend(model, state, *first)
    understood_logits = model.understood_logits(hidden)
    understood = _choose(understood_logits, decoding.understood_padding)
    if typed is not None:
        understood = torch.where(typed >= 0, typed, understood)
    before, latest = follow(state.heard_words, understood[:, None])
    state = replace(state, heard_words=latest)
    embedded = model.embed_understood(understood[:, None], before) + own
    hidden, state = _extend(model, state, embedded, always, understood[:, None] != v.PAD, 0)
    said_logits = model.said_logits(hidden)
    said = _choose(said_logits, decoding.said_padding)
    return Step(understood, said, understood_logits, said_logits), replace(state, beat=state.beat + 1, said=said)


def _look(model: InteractionNet, sight: Sight, pictures: Pictures | None) -> tuple[Tensor | None, Sight]:
    """What is seen, as [B, 1, width]; None, and no work, where no picture came in this beat or shortly before."""
    if pictures is None and not sight.seen.any():
        return None, sight
    if pictures is None:
        pictures = Pictures(sight.last.new_zeros(*sight.last.shape, 3, dtype=torch.uint8), torch.zeros_like(sight.ever))
    seen, after = model.eyes(pictures.pixels[:, None], pictures.present[:, None], sight)
    return cast("Tensor", seen), cast("Sight", after)


def follow(last: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
    """The words before each of the tokens [B, n], as [B, n, trail], and the last words after them; padding is no
    word.
    """
    trail = last.shape[1]
    if not trail:
        return tokens.new_zeros(*tokens.shape, 0), last
    line = torch.cat([last.flip(1), tokens], 1)
    return words_before(line, trail)[:, trail:], latest_words(line, trail)[:, -1]


def _choose(logits: Tensor, padding: float) -> Tensor:
    if padding:
        logits = logits.clone()
        logits[:, v.PAD] += padding
    return logits.argmax(-1)


def _extend(
    model: InteractionNet, state: StreamState, x: Tensor, present: Tensor, pinned: Tensor, notes: int
) -> tuple[Tensor, StreamState]:
    """Runs n new places [B, n, width], the first `notes` of them X; returns the last one's hidden vector [B, width]."""
    config = model.config
    count = x.shape[1]
    state = _make_room(model, state, count)
    begin, end = state.used, state.used + count
    state.beats[begin:end] = state.beat
    state.present[:, begin:end] = present
    state.pinned[:, begin:end] = pinned
    state.sink[begin:end] = state.beat < config.sinks
    state.sink[begin : begin + notes] = False
    sees = _live(model, state, end)[:, None, None].repeat(1, 1, count, 1)
    sees[..., begin:] &= torch.ones(count, count, dtype=torch.bool, device=x.device).tril()
    mask = penalty(sees)
    when = torch.full((1, count), state.start + state.beat, device=x.device)
    by = rotation(when, config.width // config.heads, config.rope_base, config.still)
    for number, module in enumerate(model.blocks):
        block = cast("Block", module)
        query, key, value = block.attention.project(block.attention_norm(x), by)
        state.keys[number, :, :, begin:end] = key
        state.values[number, :, :, begin:end] = value
        x = x + block.attention.attend(query, state.keys[number, :, :, :end], state.values[number, :, :, :end], mask)
        x = x + block.feed(x)
    return model.norm(x[:, -1]), replace(state, used=end)


def _live(model: InteractionNet, state: StreamState, end: int) -> Tensor:
    """Mask [B, end]: the entries that this beat may see."""
    config = model.config
    age = state.beat - state.beats[:end]
    return state.present[:, :end] & (
        (age < config.window) | (state.pinned[:, :end] & (age < config.pinned)) | state.sink[:end]
    )


def _make_room(model: InteractionNet, state: StreamState, count: int) -> StreamState:
    """When the buffers are full: drops what can never be seen again; where that frees less than a quarter, doubles
    them.
    """
    capacity = len(state.beats)
    if state.used + count <= capacity:
        return state
    keep = _live(model, state, state.used).any(0).nonzero().flatten()
    grown = capacity * 2 if len(keep) + count > capacity * 3 // 4 else capacity

    def move(old: Tensor, axis: int) -> Tensor:
        shape = list(old.shape)
        shape[axis] = grown
        new = old.new_zeros(shape)
        new.narrow(axis, 0, len(keep)).copy_(old.index_select(axis, keep))
        return new

    return replace(
        state, used=len(keep), keys=move(state.keys, 3), values=move(state.values, 3), beats=move(state.beats, 0),
        present=move(state.present, 1), pinned=move(state.pinned, 1), sink=move(state.sink, 0),
    )  # fmt: skip
