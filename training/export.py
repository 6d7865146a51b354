"""A training state to shipped weights: float16 safetensors and the model card, with the evaluation's figures if there are any.

python -m training.export --state training/runs/decayed/state.pt --figures training/runs/evaluation.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from counterpoint.evaluation import LABEL
from counterpoint.interaction.nn.checkpoint import save_model
from training import phrases
from training.bodies import UNSEEN
from training.evaluate import from_state
from training.trainer import STAGES

VOICES = {
    "trained on": {
        "espeak-ng": "GPL-3 program; its speech is training input only",
        "flite awb, rms, kal16": "CMU, permissive",
        "festival kal_diphone, ked_diphone": "CSTR and CMU, permissive",
        "Pico en-US, en-GB": "SVOX, Apache-2.0",
        "RHVoice bdl, clb": "LGPL-2.1, from CMU ARCTIC, permissive",
    },
    "never trained on": [
        "flite slt, RHVoice slt",
        "Piper (all voices)",
        "Kokoro",
        "a quarter of espeak-ng's variants, by hash of the name",
    ],
}
LIMITS = (
    "Synthetic speech only; people's voices are untested. A closed vocabulary of about 400 words, of which about 200 were ever heard as sound. "
    "English. One token a beat; the voice that says it was trained apart. Drawn video only: one figure, eight kinds of things, eight colours; real "
    "cameras are untested. Streams of 25.6 s, a fifth of those with sound 77 s (bare words 64 s; both also with minutes of silence leapt over); waits up to 18 s."
)


def card(steps: list[int], seed: int, command: str, figures: dict[str, object] | None) -> dict[str, object]:
    """What stands beside the weights."""
    recipe = STAGES[1].recipe
    hours = sum(steps[1:]) * recipe.audio * recipe.beats * 0.2 / 3600
    return {
        "what": "counterpoint's native interaction model, gates A and B (hearing, sight, cues, time, counting, interruption, delegation; text out)",
        "command": command,
        "seed": seed,
        "steps": {stage.name: count for stage, count in zip(STAGES, steps, strict=True)},
        "hours of streams heard, at most": round(hours, 1),
        "voices": VOICES,
        "held out": {
            "cue pairs": "(31 id(X) + 17 id(Y)) mod 5 = 0",
            "time values": sorted(phrases.HELD_TIMES),
            "sums": "(3 A + 7 B) mod 6 = 0",
            "movements": list(UNSEEN),
            "colours of things": "(colour + 2 thing) mod 5 = 0",
            "camera angles": "30 to 50 degrees from the front, 15 or more from above",
            "phrasings": {kind: list(templates) for kind, templates in phrases.HELD.items()},
        },
        "limits": LIMITS,
        "label": LABEL,
        "figures": figures,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path("counterpoint/interaction/nn/weights/native.safetensors"))
    parser.add_argument("--figures", type=Path, help="JSON written by training.evaluate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--command", default="python -m training.run --all")
    arguments = parser.parse_args()
    import torch

    steps = torch.load(arguments.state, weights_only=False, map_location="cpu")["stage_steps"]
    figures = json.loads(arguments.figures.read_text()) if arguments.figures else None
    save_model(from_state(arguments.state), arguments.out, card(steps, arguments.seed, arguments.command, figures))
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
