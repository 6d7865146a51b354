"""The mouth makes its frames a beat at a time, from what it carries and nothing else."""

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.mouth import (
    FRAMES,
    LONGEST,
    MEMORY,
    PIECES,
    TRAIL,
    Mouth,
    MouthConfig,
    can_say,
    closed,
    utter,
)
from counterpoint.interaction.nn.synthesiser import FRAMES_PER_BEAT, WIDTH, silent_frame

LINE = v.encode("it is seventeen degrees in paris")


@pytest.fixture
def mouth() -> Mouth:
    """Small, and no longer the identity that it begins as."""
    torch.manual_seed(0)
    mouth = Mouth(MouthConfig(word=16, trail=8, width=32, inner=48, flow=24, blocks=2)).eval()
    with torch.no_grad():
        for parameter in mouth.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
        mouth.mean.copy_(torch.from_numpy(silent_frame()))
    return mouth


def beats_of(line: list[int]) -> list[tuple[int, int]]:
    return [(token, part) for token in line for part in range(v.beats_to_say(token))]


def say(mouth: Mouth, line: list[int], steps: int = 4) -> np.ndarray:
    state, made = closed(mouth), []
    for token, part in [*beats_of(line), (v.PAD, 0)]:
        frames, state = utter(mouth, state, token, part, steps=steps)
        made.append(frames)
    return np.concatenate(made)


def test_it_fits_beside_the_model_in_the_package() -> None:
    assert sum(parameter.numel() for parameter in Mouth(MouthConfig()).parameters()) <= 2_000_000


def test_a_word_sounds_for_the_beats_that_it_takes(mouth: Mouth) -> None:
    beats = sum(v.beats_to_say(token) for token in LINE)
    assert say(mouth, LINE).shape == ((beats + 1) * FRAMES_PER_BEAT, WIDTH)


def test_beat_by_beat_it_makes_what_a_pass_over_the_whole_line_makes(mouth: Mouth) -> None:
    """All pieces at once, each given the frames before it, as in training: the same conditions, the same frames."""
    frames = torch.from_numpy(say(mouth, LINE, steps=0))
    rest = torch.from_numpy(silent_frame()).expand(MEMORY * FRAMES, -1)
    known = mouth.scaled(torch.cat([rest, frames]))
    before = torch.stack([known[n * FRAMES : (n + MEMORY) * FRAMES] for n in range(len(frames) // FRAMES)])
    words, places = [], []
    for number, (token, part) in enumerate([*beats_of(LINE), (v.PAD, LONGEST)]):
        done = sum(1 for _, earlier in beats_of(LINE)[: number + 1] if earlier == 0) - (token != v.PAD)
        trail = [LINE[done - back] if done >= back else v.PAD for back in range(1, TRAIL + 1)]
        words += [[token, *trail]] * PIECES
        places += [part * PIECES + piece for piece in range(PIECES)]
    with torch.no_grad():
        guessed = mouth.guess(mouth(torch.tensor(words), torch.tensor(places), before)).view(-1, WIDTH)
    torch.testing.assert_close(guessed, mouth.scaled(frames), atol=1e-4, rtol=1e-4)


def test_a_state_is_a_value(mouth: Mouth) -> None:
    state = closed(mouth)
    first, _ = utter(mouth, state, LINE[0], 0)
    again, following = utter(mouth, state, LINE[0], 0)
    np.testing.assert_array_equal(first, again)
    assert following.beat == 1
    assert following.trail == (LINE[0], v.PAD)


def test_a_word_said_twice_is_not_the_same_sound_twice(mouth: Mouth) -> None:
    frames = say(mouth, [LINE[2], LINE[2]])
    half = v.beats_to_say(LINE[2]) * FRAMES_PER_BEAT
    assert np.abs(frames[:half] - frames[half : 2 * half]).max() > 0.1


@pytest.mark.parametrize("token", ["<delegate>", "<unknown>", "start", v.TOKENS[-1]])
def test_what_has_no_sound_is_refused(mouth: Mouth, token: str) -> None:
    assert not can_say(mouth, v.IDS[token])
    with pytest.raises(ValueError, match="has no sound"):
        utter(mouth, closed(mouth), v.IDS[token], 0)
