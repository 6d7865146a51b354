"""The native interaction model: one transformer over time-aligned beats that hears, understands, and decides what to
say now.

A beat has up to six positions: X (words of notes, 0-4), A (what was heard and seen in these 200 ms, and the model's own
last word), U (the word it took the person to say). A predicts U, U predicts Y, the model's own word of this beat; both
are mostly padding. No voice-activity detector, no turns.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import BANDS
from counterpoint.interaction.nn.experts import Experts, from_dense
from counterpoint.interaction.nn.eyes import PICTURE, Eyes
from counterpoint.interaction.nn.layers import Block, Deepening, Norm, penalty, rotation

SOURCES = ("background", "person", "instructions", "tool")
"""Who wrote the words of an X position."""


@dataclass(frozen=True)
class Config:
    """Shapes and memory of the model. `window`, `pinned` and `sinks` are in beats of 200 ms."""

    width: int = 256
    layers: int = 6
    heads: int = 8
    inner: int = 704
    """Hidden units that each place uses in a layer's feed-forward, also of a mixture."""
    experts: int = 0
    """0: dense. Of a mixture a place uses `chosen` and, like all places, `shared` hidden units; an expert has
    (inner - shared) / chosen.
    """
    chosen: int = 4
    shared: int = 480
    bands: int = 64
    """Width of the summed band embedding."""
    deepening: int = 2
    """Residual layers inside the ears."""
    trail: int = 4
    """How many words before it a word's position carries, and how many of its own last words each beat."""
    tokens: int = v.SIZE
    low: float = -4.6
    high: float = 0.4
    levels: int = 16
    rope_base: float = 1000.0
    still: float = 0.25
    """Share of each head that no age rotates: words are found again minutes later by what they are."""
    window: int = 80
    pinned: int = 1500
    sinks: int = 2

    @property
    def context_frames(self) -> int:
        """Frames before a beat that its acoustic vector still sees."""
        return 9 + 4 * self.deepening

    def block(self) -> Block:
        """A block of the trunk. Raises ValueError where the hidden units cannot be dealt to the experts."""
        if not self.experts:
            return Block(self.width, self.heads, self.inner)
        if self.chosen < 1 or (self.inner - self.shared) % self.chosen:
            raise ValueError(f"{self.inner - self.shared} hidden units do not divide among {self.chosen} experts")
        each = (self.inner - self.shared) // self.chosen
        experts = Experts(self.width, self.experts, self.chosen, each)
        return Block(self.width, self.heads, self.shared, experts)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the model card."""
        return asdict(self)


@dataclass
class Batch:
    """Whole streams. B streams of T beats; N note words a stream, padded with beat -1."""

    levels: Tensor
    """uint8 [B, 8 T, 80], the discretised log-mel frames."""
    hears: Tensor
    """Mask [B], false where a stream has no audio at all."""
    understood: Tensor
    """int64 [B, T], the U tokens that are fed in."""
    said: Tensor
    """int64 [B, T], the model's own tokens, one beat back (what it said in beat t - 1 stands at t)."""
    note_tokens: Tensor
    """int64 [B, N]."""
    note_beats: Tensor
    """int64 [B, N], -1 where there is none."""
    note_sources: Tensor
    """int64 [B, N], indices into SOURCES."""
    clock: Tensor
    """int64 [B, T], when each beat is: one after the other; a stream may leap over silence that would be forgotten."""
    pictures: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.uint8))
    """uint8 [B, T, 80, 80, 3]; of no beats [B, 0, ...] where no stream sees, which is also the default."""
    seen: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))
    """bool [B, T], the beats that have a picture."""

    def __post_init__(self) -> None:
        if not self.seen.numel():
            self.seen = torch.zeros_like(self.understood, dtype=torch.bool)
            self.pictures = self.levels.new_zeros(len(self.understood), 0, PICTURE, PICTURE, 3)


class Ears(nn.Module):
    """dMel levels to one acoustic vector a beat: a sum of one embedding per band, then two causal strided layers with
    residual ones between them.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.levels = config.levels
        self.table = nn.Parameter(torch.randn(BANDS * config.levels, config.bands) * 0.05)
        self.norm = Norm(config.bands)
        self.first = nn.Linear(5 * config.bands, 128)
        self.deeper = nn.ModuleList([Deepening(128, 512) for _ in range(config.deepening)])
        self.second = nn.Linear(5 * 128, 192)
        self.joined = nn.Linear(2 * 192, 384)
        self.out = nn.Linear(384, config.width)
        self.register_buffer("offsets", torch.arange(BANDS) * config.levels, persistent=False)
        self.offsets: Tensor

    def forward(self, levels: Tensor) -> Tensor:
        """uint8 [B, context_frames + 8 T, 80] to [B, T, width]."""
        batch, frames, _ = levels.shape
        index = (levels.long() + self.offsets).flatten(0, 1)
        if self.training:  # the same sum as a product: its gradient needs no sorting
            chosen = torch.zeros(len(index), len(self.table), device=levels.device, dtype=torch.bfloat16).scatter_(
                1, index, 1.0
            )
            x = (
                functional.linear(chosen, self.table.to(chosen.dtype).t())
                if torch.is_autocast_enabled(levels.device.type)
                else chosen.float() @ self.table
            )
        else:
            x = functional.embedding_bag(index, self.table, mode="sum")
        x = self.norm(x.float().view(batch, frames, -1))
        x = functional.gelu(self.first(x.unfold(1, 5, 2).transpose(2, 3).flatten(2)))
        for layer in self.deeper:
            x = layer(x)
        x = functional.gelu(self.second(x.unfold(1, 5, 2).transpose(2, 3).flatten(2)))
        x = functional.gelu(self.joined(x.reshape(batch, x.shape[1] // 2, -1)))
        return self.out(x)


class InteractionNet(nn.Module):
    """Embeddings, trunk and heads. `forward` runs whole streams; `counterpoint.interaction.nn.streaming` runs beat by
    beat.
    """

    A, U, X = 0, 1, 2
    ADDED = ("ears.deeper.", "after_heard.", "after_note.", "after_said.", "eyes.")
    """Parts that begin as nothing: weights that lack them still fit."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.ears = Ears(config)
        self.words = nn.Parameter(torch.randn(config.tokens, width) * 0.05)
        self.slots = nn.Parameter(torch.randn(3, width) * 0.02)
        self.sources = nn.Parameter(torch.randn(len(SOURCES), width) * 0.02)
        self.no_audio = nn.Parameter(torch.zeros(width))
        self.as_heard = nn.Linear(width, width, bias=False)
        self.as_said = nn.Linear(width, width, bias=False)
        self.as_note = nn.Linear(width, width, bias=False)
        self.after_heard = _from_nothing(config.trail * width, width)
        self.after_note = _from_nothing(config.trail * width, width)
        self.after_said = _from_nothing(config.trail * width, width)
        self.blocks = nn.ModuleList([config.block() for _ in range(config.layers)])
        self.norm = Norm(width)
        self.to_understood = nn.Linear(width, width, bias=False)
        self.to_said = nn.Linear(width, width, bias=False)
        self.understood_bias = nn.Parameter(torch.zeros(config.tokens))
        self.said_bias = nn.Parameter(torch.zeros(config.tokens))
        self.eyes = Eyes(width)

    def embed_audio(self, levels: Tensor, hears: Tensor, said: Tensor) -> Tensor:
        """A positions [B, T, width]; `levels` carries `context_frames` frames before its first beat."""
        heard = self.no_audio
        if hears.any():
            heard = torch.where(hears[:, None, None], self.ears(levels).float(), heard)
        return heard + self.as_said(self.words[said]) + self.slots[self.A]

    def embed_latest(self, latest: Tensor) -> Tensor:
        """What A and U positions carry of the words said last [B, T, trail], however long ago: the next word of a text
        that is being read out stands where the words before it are these.
        """
        return self._trail(self.after_said, latest)

    def embed_understood(self, tokens: Tensor, before: Tensor) -> Tensor:
        """U positions. `before` [B, T, trail]: the words before each word."""
        x = self.as_heard(self.words[tokens]) + self.slots[self.U]
        return x + self._trail(self.after_heard, before) * (tokens != v.PAD)[..., None]

    def embed_notes(self, tokens: Tensor, sources: Tensor, before: Tensor) -> Tensor:
        """X positions. `before` [B, N, trail]: the words before each word, also those of an earlier note."""
        x = self.as_note(self.words[tokens]) + self.sources[sources] + self.slots[self.X]
        return x + self._trail(self.after_note, before)

    def _trail(self, layer: nn.Linear, before: Tensor) -> Tensor:
        return layer((self.words[before] * (before != v.PAD)[..., None]).flatten(-2))

    def understood_logits(self, hidden: Tensor) -> Tensor:
        """Logits of U at A positions."""
        return functional.linear(self.to_understood(hidden), self.words[: v.USED], self.understood_bias[: v.USED])

    def said_logits(self, hidden: Tensor) -> Tensor:
        """Logits of Y at U positions."""
        return functional.linear(self.to_said(hidden), self.words[: v.USED], self.said_bias[: v.USED])

    def take(self, weights: dict[str, Tensor]) -> None:
        """Loads weights; raises RuntimeError where they do not fit. Parts that were added later may be missing. A
        mixture takes those of a dense model too, and answers as that did.
        """
        if self.config.experts and not any(".experts." in name for name in weights):
            weights = from_dense(weights, self.state_dict(), self.config.chosen)
        own = self.state_dict().keys()
        missing = {name for name in own - weights.keys() if not name.startswith(self.ADDED)}
        wrong = missing | (weights.keys() - own)
        if wrong:
            raise RuntimeError(f"missing or too many: {', '.join(sorted(wrong))}")
        self.load_state_dict(weights, strict=False)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Logits of U and of Y, both [B, T, vocabulary.USED]."""
        streams, beats = batch.understood.shape
        silence = batch.levels.new_zeros(streams, self.config.context_frames, BANDS)
        trail = self.config.trail
        latest = self.embed_latest(latest_words(batch.said, trail))
        audio = self.embed_audio(torch.cat([silence, batch.levels], 1), batch.hears, batch.said) + latest
        if batch.pictures.shape[1]:
            audio = audio + self.eyes(batch.pictures, batch.seen, self.eyes.begin(streams))[0]
        understood = self.embed_understood(batch.understood, words_before(batch.understood, trail)) + latest
        notes = self.embed_notes(batch.note_tokens, batch.note_sources, words_before(batch.note_tokens, trail))
        layout = Layout.of(batch, self.config.sinks)
        parts = torch.cat([audio, understood.to(audio.dtype), notes.to(audio.dtype)], 1)
        x = parts.gather(1, layout.order[..., None].expand(-1, -1, parts.shape[-1]))
        by = rotation(layout.beats, self.config.width // self.config.heads, self.config.rope_base, self.config.still)
        mask = penalty(layout.mask(self.config))
        for block in self.blocks:
            x = block(x, by, mask)
        x = self.norm(x)
        hidden = x.gather(1, layout.places[:, : 2 * beats, None].expand(-1, -1, x.shape[-1]))
        return self.understood_logits(hidden[:, :beats]), self.said_logits(hidden[:, beats:])


def _from_nothing(width: int, out: int) -> nn.Linear:
    """A layer that adds nothing until it is trained, so that it can be added to a trained model."""
    layer = nn.Linear(width, out, bias=False)
    nn.init.zeros_(layer.weight)
    return layer


def words_before(tokens: Tensor, count: int) -> Tensor:
    """[B, T, count], the last `count` words (not padding) before each place of tokens [B, T], the latest first; padding
    where there are none.
    """
    streams, places = tokens.shape
    spoken = tokens != v.PAD
    number = spoken.cumsum(1) - spoken.to(torch.int64)  # how many words stand before the place
    words = tokens.new_full((streams, places + count + 1), v.PAD)
    slot = torch.where(spoken, number + count, places + count)
    words.scatter_(1, slot, tokens)
    words[:, -1] = v.PAD
    back = torch.arange(1, count + 1, device=tokens.device)
    wanted = number[..., None] + count - back
    return words[:, None].expand(-1, places, -1).gather(2, wanted)


def latest_words(tokens: Tensor, count: int) -> Tensor:
    """[B, T, count], the last `count` words up to each place of tokens [B, T] and at it, the latest first."""
    behind = torch.full_like(tokens[:, :1], v.PAD + 1)  # a word, to see behind the end
    return words_before(torch.cat([tokens, behind], 1), count)[:, 1:]


@dataclass(frozen=True)
class Layout:
    """Where the parts (all A, all U, all X) of each stream stand in its sequence, and what may be attended to."""

    order: Tensor
    """[B, L], the part at each place."""
    places: Tensor
    """[B, L], the place of each part."""
    beats: Tensor
    pinned: Tensor
    sink: Tensor

    @staticmethod
    def of(batch: Batch, sinks: int) -> Layout:
        """Sorts by beat, then X before A before U; padding notes go last, where nothing can see them."""
        streams, beats = batch.understood.shape
        grid = torch.arange(beats, device=batch.understood.device).expand(streams, -1)
        absent = batch.note_beats < 0
        relative = torch.where(absent, torch.full_like(batch.note_beats, 10**6), batch.note_beats)
        count = batch.note_beats.shape[1]
        number = torch.arange(count, device=grid.device).clamp(max=89).expand(streams, -1)
        keys = torch.cat([grid * 100 + 98, grid * 100 + 99, relative * 100 + number], 1)
        order = keys.argsort(dim=1, stable=True)
        places = order.argsort(1)
        of_notes = torch.where(absent, relative, batch.clock.gather(1, batch.note_beats.clamp(min=0)))
        when = torch.cat([batch.clock, batch.clock, of_notes], 1).gather(1, order)
        never = torch.zeros_like(absent)
        pinned = torch.cat([batch.said != v.PAD, batch.understood != v.PAD, ~absent], 1).gather(1, order)
        first = grid < sinks
        sink = torch.cat([first, first, never], 1).gather(1, order)
        return Layout(order, places, when, pinned, sink)

    def mask(self, config: Config) -> Tensor:
        """True [B, 1, L, L] where a place sees another: the window, what was said within the pinned span, and the
        first beats.
        """
        length = self.order.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=self.order.device).tril()
        age = self.beats[:, :, None] - self.beats[:, None, :]
        sees = (age < config.window) | (self.pinned[:, None] & (age < config.pinned)) | self.sink[:, None]
        return (causal & sees)[:, None]
