"""A small voice that was never trained: it hums, the same whenever it is made."""

import torch

from counterpoint.interaction.nn.mouth import Mouth, MouthConfig
from counterpoint.interaction.nn.synthesiser import Synthesiser, silent_frame
from counterpoint.interaction.nn.voice import Voice


def small_voice() -> Voice:
    torch.manual_seed(0)
    mouth = Mouth(MouthConfig(word=16, trail=8, width=32, inner=48, flow=24, blocks=2)).eval()
    with torch.no_grad():
        mouth.mean.copy_(torch.from_numpy(silent_frame()))
        mouth.mean[0] = -4.0
    return Voice(mouth, Synthesiser())
