"""What the person says in `counterpoint demo`: a voice that nothing was trained on, and when what is expected, as one item in the format of
`counterpoint.evaluation.items`.

    python -m training.demonstration                                          # into counterpoint/cli/demo_script
    python -m training.demonstration --try 5 --state training/runs/next/state.pt   # what a model makes of it, at five places in the beat
    python -m training.demonstration --watch                                  # the film of `--watch` and the voice to it; also with --try

The pair of cue and answer is never trained on, nor are two of the phrasings of its mentions. The synthesizer's noise depends on the seed, so the same
versions make the same sound.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import anyio
import numpy as np
import onnxruntime

from counterpoint.cli.demo_film import load_sights
from counterpoint.cli.demo_heard import Said
from counterpoint.cli.demo_script import SCRIPT, WATCHING
from counterpoint.cli.demo_watched import Watched
from counterpoint.evaluation.items import (
    Expected,
    Hand,
    Item,
    Laid,
    Recite,
    Say,
    Spoken,
    Stop,
    Suite,
    load_items,
    save_items,
)
from counterpoint.evaluation.living import live
from counterpoint.evaluation.sound import read_wav
from counterpoint.evaluation.windows import cuespeak_window, timespeak_window
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import RATE
from training.align import align
from training.item_sounds import loudness, write_wav
from training.phrases import held_pair
from training.scene_items import CONTENT
from training.voices import Clip, Flite, Piper
from training.watched import PLAY, item_of, save_film, staged

CUE, ANSWER = "tree", "fish"
LENGTH, SEED = 1.1, 1
LOUDNESS, NOISE = 0.08, 0.0008
FOUND = "the train leaves at seven tonight"
LOOKING = 4.2
"""Seconds that the search takes, and its way there and back."""


@dataclass(frozen=True)
class Line:
    """`kind`: what is expected of it. `pause`: seconds of silence after it."""

    kind: str
    text: str
    pause: float


LINES = (
    Line("rule", f"every time you hear {CUE} say {ANSWER}", 1.4),
    Line("cue", f"now i see the {CUE}", 1.5),
    Line("timer", "in five seconds please say orange", 1.3),
    Line("cue", f"we want a {CUE}", 4.2),
    Line("look up", "please look up the train to london", 1.7),
    Line("cue", f"where is my {CUE}", 0.25),
    Line("talk", "it was a good day and i was happy", 5.2),
    Line("count", "please count to twenty", 2.8),
    Line("stop", "stop now", 2.5),
)


def said(text: str) -> Clip:
    """The line by Piper's joe, with the end of each word."""
    onnxruntime.set_seed(SEED)
    clip = align(Flite("rms").say(text, 0.97), Piper("joe").samples(text, LENGTH))
    if clip is None:
        raise SystemExit(f"no word times for {text!r}")
    return Clip(clip.words, clip.ends, clip.samples * (LOUDNESS / loudness(clip.samples)))


def made() -> tuple[np.ndarray, Item]:
    """The sound and the item."""
    assert held_pair(CUE, ANSWER)
    now, words, speaking, ends, pieces = 0.7, [], [], [], []
    for line in LINES:
        clip = said(line.text)
        words += [
            Spoken(word, round(now + end, 3), content=v.IDS[word] in CONTENT)
            for word, end in zip(clip.words, clip.ends, strict=True)
        ]
        pieces.append((now, clip.samples))
        end = now + len(clip.samples) / RATE
        speaking.append((round(now, 3), round(end, 3)))
        ends.append(round(now + clip.ends[-1], 3))
        now = end + line.pause
    asked = next(end for line, end in zip(LINES, ends, strict=True) if line.kind == "look up")
    notes = (Laid(round(asked + LOOKING, 3), f"{FOUND.capitalize()}."),)
    item = Item(
        "demo", Suite.DELEGATION, "unseen synthesizers", round(now, 3), sound="person.wav", voice="piper joe", words=tuple(words), notes=notes,
        speaking=tuple(speaking), expect=tuple(expected(ends, now)),
    )  # fmt: skip
    return mixed(pieces, now), item


def mixed(pieces: list[tuple[float, np.ndarray]], length: float) -> np.ndarray:
    """What is said when, with a little noise."""
    sound = np.random.default_rng(SEED).normal(0, NOISE, int(length * RATE))
    for start, samples in pieces:
        first = int(start * RATE)
        sound[first : first + len(samples)] += samples
    return sound.clip(-1, 1).astype(np.float32)


def made_watching(folder: Path) -> tuple[np.ndarray, Item]:
    """The sound and the item of `--watch`; its film is left in the folder."""
    scenes = staged(PLAY, [said(act.line) for act in PLAY.acts])
    item = item_of(scenes, "person.wav", "piper joe")
    print(f"{folder}: {save_film(scenes, folder) / 1000:.0f} kB of pictures")
    return mixed([(start, clip.samples) for start, clip in scenes.lines], item.seconds), item


def expected(ends: list[float], length: float) -> list[Expected]:
    """In the order of time."""
    found: list[Expected] = []
    for number, (line, end) in enumerate(zip(LINES, ends, strict=True)):
        following = ends[number + 1] if number + 1 < len(ends) else length
        if line.kind == "cue":
            found.append(Say("cue", *cuespeak_window(end), (ANSWER,), end))
        elif line.kind == "timer":
            due = round(end + 5.0, 3)
            found.append(Say("timed", *timespeak_window(due, 5.0), ("orange",), due))
        elif line.kind == "look up":
            found += [
                Hand(*cuespeak_window(end)),
                Say("acknowledged", end - 0.2, end + 2.6, ("let", "me", "check"), end),
            ]
        elif line.kind == "talk":
            found.append(Recite(end, end + line.pause, tuple(FOUND.split())))
        elif line.kind == "count":
            found.append(Say("count", end - 0.2, following, ("one", "two", "three"), end))
        elif line.kind == "stop":
            found.append(Stop("stops within two beats", end - 1.0, end + 0.6, length))
    return sorted(found, key=lambda each: each.begin)


async def tried(places: int, state: Path | None, script: Path) -> None:
    """Lives through it, begun at different places in the beat."""
    from counterpoint.interaction.engines.native import NativeInteraction
    from counterpoint.interaction.nn.checkpoint import load_model
    from training.evaluate import from_state

    item = load_items(script)[0]
    sound = np.frombuffer(read_wav(script / item.sound, RATE), "<i2").astype(np.float32) / 32768
    model = NativeInteraction(from_state(state) if state else load_model())
    with tempfile.TemporaryDirectory() as folder:
        if item.frames:
            (Path(folder) / item.frames).symlink_to(script / item.frames)
        for place in range(places):
            late = place * 0.2 / places
            write_wav(Path(folder) / item.sound, np.concatenate([np.zeros(int(late * RATE), np.float32), sound]), False)
            lived = await live(model, item, Path(folder))
            print(f"\n{late * 1000:.0f} ms late. Understood: {' '.join(each.word for each in lived.understood)}")
            print(
                f"handed over: {lived.handed}; said: {' '.join(f'{each.time:.1f} {each.word}' for each in lived.said)}"
            )
            if item.frames:
                words = [Said(each.time, each.until, each.word) for each in lived.said]  # the film was not late
                print("\n".join(Watched(item, load_sights(script), words, item.seconds).lines()))
    model.close()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--try",
        dest="places",
        type=int,
        default=0,
        metavar="N",
        help="make nothing; let a model live through what is there",
    )
    parser.add_argument("--watch", action="store_true", help="of the demo with a camera")
    parser.add_argument("--state", type=Path, help="of a training run (default: the shipped weights)")
    arguments = parser.parse_args()
    script = WATCHING if arguments.watch else SCRIPT
    if arguments.places:
        anyio.run(tried, arguments.places, arguments.state, script)
        return
    script.mkdir(parents=True, exist_ok=True)
    sound, item = made_watching(script) if arguments.watch else made()
    write_wav(script / item.sound, sound, False)
    save_items((item,), script)
    print(f"{script / item.sound}: {item.seconds:.1f} s")


if __name__ == "__main__":
    main()
