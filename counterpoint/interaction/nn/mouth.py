"""How the model's own words sound: a word and the sound so far in, the frames of the next 50 ms out, by a flow of a few
steps.

A word takes the beats that `vocabulary.beats_to_say` gives it, so that text and sound run in step. The mouth knows the
word that it is saying, the two before it, and the last 100 ms of its own frames; what comes next it does not know. The
state is a value, passed in and handed back. It knows no samples.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.layers import Norm
from counterpoint.interaction.nn.synthesiser import FRAMES_PER_BEAT, WIDTH, silent_frame

PIECES = 4
"""Steps a beat."""

FRAMES = FRAMES_PER_BEAT // PIECES
"""Frames that are made at once: 50 ms."""

MEMORY = 2
"""Pieces of its own frames that it remembers."""

TRAIL = 2
"""Words before the one that is being said."""

LONGEST = 3
PLACES = (LONGEST + 1) * PIECES
"""Where in a word a piece stands: beat and piece; the last beat is the one after the last word, in which it dies
away.
"""

TEMPERATURE = 0.5
STEPS = 4


@dataclass(frozen=True)
class MouthConfig:
    """Shapes. `tokens`: places of the vocabulary that it has, `spoken`: so many of the first of them it learned to say
    (the vocabulary may have grown since); `word`: numbers for each beat of a word, `trail` for each word before it.
    """

    tokens: int = v.USED
    spoken: int = 409
    word: int = 128
    trail: int = 48
    width: int = 352
    inner: int = 384
    flow: int = 256
    blocks: int = 3

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the model card."""
        return asdict(self)


class FlowBlock(nn.Module):
    """A residual layer whose normalisation is shifted, scaled and gated by a condition. Begins as the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.condition = nn.Linear(width, 3 * width)
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)
        nn.init.zeros_(self.condition.weight)
        nn.init.zeros_(self.condition.bias)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """`x` and the condition `y`, both [..., width]."""
        shift, scale, gate = self.condition(y).chunk(3, -1)
        near = functional.layer_norm(x, x.shape[-1:]) * (1 + scale) + shift
        return x + gate * self.down(functional.silu(self.up(near)))


class Mouth(nn.Module):
    """`forward` makes conditions of pieces, `velocity` is the flow, `guess` the mean that training also asks for."""

    def __init__(self, config: MouthConfig) -> None:
        super().__init__()
        self.config = config
        piece, width, flow = FRAMES * WIDTH, config.width, config.flow
        self.words = nn.Parameter(torch.randn(config.tokens * (LONGEST + 1), config.word) * 0.5)
        self.trail = nn.Parameter(torch.randn(config.tokens, config.trail) * 0.5)
        self.places = nn.Parameter(torch.randn(PLACES, 64) * 0.5)
        self.into = nn.Linear(config.word + TRAIL * config.trail + 64 + MEMORY * piece, width)
        self.norm = Norm(width)
        self.up = nn.Linear(width, config.inner)
        self.down = nn.Linear(config.inner, width, bias=False)
        self.guess = nn.Linear(width, piece)
        self.time = nn.Linear(64, flow)
        self.condition = nn.Linear(width, flow)
        self.enter = nn.Linear(piece, flow)
        self.blocks = nn.ModuleList([FlowBlock(flow) for _ in range(config.blocks)])
        self.leave = nn.Linear(flow, piece)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)
        self.register_buffer("mean", torch.zeros(WIDTH))
        self.register_buffer("spread", torch.ones(WIDTH))
        self.mean: Tensor
        self.spread: Tensor

    def scaled(self, frames: Tensor) -> Tensor:
        """Frames [..., 42] with mean 0 and spread 1."""
        return (frames - self.mean) / self.spread

    def forward(self, words: Tensor, places: Tensor, before: Tensor) -> Tensor:
        """Conditions [B, width]. `words` [B, 3]: the one that is being said and those before it, the latest first;
        `places` [B]; `before` [B, 8, 42]: the frames so far, scaled.
        """
        beat = self.words[words[:, 0] * (LONGEST + 1) + places // PIECES]
        parts = [beat, self.trail[words[:, 1:]].flatten(1), self.places[places], before.flatten(1)]
        x = functional.silu(self.into(torch.cat(parts, 1)))
        return x + self.down(functional.silu(self.up(self.norm(x))))

    def velocity(self, x: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        """Where x [B, 168] goes at time [B] of the way from noise (0) to frames (1)."""
        angles = time[:, None] * 100 * torch.logspace(0, -4, 32, device=x.device)
        waves = torch.cat([angles.sin(), angles.cos()], 1)
        y = functional.silu(self.condition(condition) + self.time(waves))
        x = self.enter(x)
        for block in self.blocks:
            x = block(x, y)
        return self.leave(functional.layer_norm(x, x.shape[-1:]))

    def flow(self, noise: Tensor, condition: Tensor, steps: int) -> Tensor:
        """From noise [B, 168] to scaled frames, by Euler's method."""
        x = noise
        for number in range(steps):
            x = x + self.velocity(x, torch.full((len(x),), number / steps, device=x.device), condition) / steps
        return x


@dataclass(frozen=True)
class MouthState:
    """What the mouth carries on: the words before, the latest first; its last frames, scaled [8, 42]; and how many
    beats there were, silent ones too, which its noise depends on: a word is said alike in the same beat only.
    """

    trail: tuple[int, ...]
    before: Tensor
    beat: int


def closed(mouth: Mouth) -> MouthState:
    """The state of a mouth that has been shut."""
    rest = mouth.scaled(torch.from_numpy(silent_frame()))  # pyright: ignore[reportUnknownMemberType]  (untyped there)
    return MouthState((v.PAD,) * TRAIL, rest.expand(MEMORY * FRAMES, -1), 0)


@torch.no_grad()
def utter(
    mouth: Mouth,
    state: MouthState,
    word: int,
    part: int,
    *,
    steps: int = STEPS,
    temperature: float = TEMPERATURE,
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], MouthState]:
    """The frames [16, 42] of the `part`-th beat of a word; `PAD`: the beat after the last word, in which it dies away.

    `steps` 0: the mean instead of the flow. Raises ValueError for a token that has no sound.
    """
    if word and not can_say(mouth, word):
        raise ValueError(f"{v.TOKENS[word]} has no sound")
    beat = LONGEST if word == v.PAD else part
    words = torch.tensor([(word, *state.trail)])
    noise = np.random.Generator(np.random.Philox(key=state.beat)).standard_normal((PIECES, FRAMES * WIDTH))
    before, made = state.before, list[Tensor]()
    for piece in range(PIECES):
        condition = mouth(words, torch.tensor([beat * PIECES + piece]), before[None])
        if steps:
            start = torch.from_numpy(noise[piece : piece + 1]).float() * temperature  # pyright: ignore[reportUnknownMemberType]  (untyped there)
            scaled = mouth.flow(start, condition, steps)
        else:
            scaled = mouth.guess(condition)
        made.append(scaled.view(FRAMES, WIDTH))
        before = torch.cat([before, made[-1]])[-MEMORY * FRAMES :]
    frames = torch.cat(made) * mouth.spread + mouth.mean
    ended = word != v.PAD and part + 1 == v.beats_to_say(word)
    trail = (word, *state.trail)[:TRAIL] if ended else state.trail
    return frames.numpy(), replace(state, trail=trail, before=before, beat=state.beat + 1)


def can_say(mouth: Mouth, token: int) -> bool:
    """Whether the token is a word that the mouth was made for."""
    return v.is_word(token) and token < mouth.config.spoken and not v.TOKENS[token].startswith("<")
