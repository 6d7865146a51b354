"""`counterpoint evaluate` for the native model, many items side by side: the same report, several times faster.

python -m training.together --state training/runs/decayed/state.pt --items training/runs/items --json docs/evaluation.json
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch

from counterpoint.config import BEAT_SECONDS
from counterpoint.evaluation.items import Item, load_items
from counterpoint.evaluation.living import At, Lived
from counterpoint.evaluation.picture import picture
from counterpoint.evaluation.report import as_data, result_of, table
from counterpoint.evaluation.sound import read_wav
from counterpoint.evaluation.video import read_frames
from counterpoint.interaction.engines.native_notes import Reciting
from counterpoint.interaction.model import Offer
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.beat import _note_words
from counterpoint.interaction.nn.checkpoint import SHIPPED, digest, load_model
from counterpoint.interaction.nn.dmel import FRAMES_PER_BEAT, HOP, RATE, Levels, LogMel
from counterpoint.interaction.nn.eyes import PICTURE, picture_of
from counterpoint.interaction.nn.model import InteractionNet
from counterpoint.interaction.nn.streaming import NOTES_PER_BEAT, Pictures, open_state, step
from counterpoint.shared_context.ids import NoteId
from counterpoint.shared_context.notes import Delivery, Note
from training.evaluate import _notes, from_state

TOGETHER = 50
_MEL = LogMel()


def live_together(model: InteractionNet, items: Sequence[Item], folder: Path) -> list[Lived]:
    """Items of one length, beat by beat, as the protocol would take each of them."""
    beats = round(items[0].seconds / BEAT_SECONDS)
    heard = np.stack([_levels(model, item, folder, beats) for item in items]) if items[0].sound else None
    typed = np.stack([_typed(item, beats) for item in items])
    films = [_film(item, folder, beats) for item in items]
    places = [_places(item) for item in items]
    state = open_state(model, len(items), capacity=512)
    understood, said = np.zeros((2, len(items), beats), np.int64)
    for beat in range(beats):
        frames = None
        if heard is not None:
            frames = torch.from_numpy(heard[:, beat * FRAMES_PER_BEAT : (beat + 1) * FRAMES_PER_BEAT])
        found, state = step(
            model,
            state,
            frames,
            notes=_notes(places, beat),
            typed=torch.from_numpy(typed[:, beat]) if heard is None else None,
            pictures=_pictures(films, beat),
        )
        understood[:, beat], said[:, beat] = found.understood.numpy(), found.said.numpy()
    return [_lived(u, y) for u, y in zip(understood, said, strict=True)]


def _typed(item: Item, beats: int) -> np.ndarray:
    """int64 [beats], the words of an item without sound, one a beat; -1 where there is none."""
    words, free = np.full(beats, -1, np.int64), 0
    for word in sorted(item.words, key=lambda each: each.end):
        beat = max(free, -int(-(word.end - 1e-9) // BEAT_SECONDS) - 1)
        if beat < beats:
            words[beat] = v.IDS.get(word.word, v.UNKNOWN)
        free = beat + 1
    return words


def _film(item: Item, folder: Path, beats: int) -> dict[int, np.ndarray]:
    """The latest picture of each beat that has one."""
    if not item.frames:
        return {}
    found: dict[int, np.ndarray] = {}
    for frame in read_frames(folder / item.frames, item.frame_rate):
        pixels = np.frombuffer(frame.pixels, np.uint8).reshape(frame.height, frame.width, 3)
        found[int(frame.media_time / BEAT_SECONDS + 1e-9)] = picture_of(pixels)
    return found


def _pictures(films: list[dict[int, np.ndarray]], beat: int) -> Pictures | None:
    present = np.array([beat in film for film in films])
    if not present.any():
        return None
    nothing = np.zeros((PICTURE, PICTURE, 3), np.uint8)
    return Pictures(torch.from_numpy(np.stack([film.get(beat, nothing) for film in films])), torch.from_numpy(present))


def _levels(model: InteractionNet, item: Item, folder: Path, beats: int) -> np.ndarray:
    samples = np.zeros(beats * FRAMES_PER_BEAT * HOP, np.float32)
    sound = np.frombuffer(read_wav(folder / item.sound, RATE), "<i2")[: len(samples)]
    samples[: len(sound)] = sound.astype(np.float32) / 32768
    config = model.config
    return Levels(config.low, config.high, config.levels).quantise(_MEL(samples, _MEL.initial_state())[0])


def _places(item: Item) -> list[tuple[int, int, int]]:
    """(token, beat, source) of the words of the notes, four a beat."""
    reciting, found, free, used = Reciting(), [], 0, 0
    for laid in sorted(item.notes, key=lambda each: each.at):
        note = Note(NoteId(str(laid.at)), laid.kind, laid.text)
        beat = int(laid.at / BEAT_SECONDS + 1e-9)
        for token, source in _note_words(*reciting.take(Offer(note, Delivery.WHEN_IDLE))):
            if beat > free:
                free, used = beat, 0
            elif used == NOTES_PER_BEAT:
                free, used = free + 1, 0
            found.append((token, free, source))
            used += 1
    return found


def _lived(understood: np.ndarray, said: np.ndarray) -> Lived:
    def words(tokens: np.ndarray) -> tuple[At, ...]:
        return tuple(At((b + 1) * BEAT_SECONDS, v.TOKENS[t]) for b, t in enumerate(tokens) if v.is_word(int(t)))

    handed = tuple(
        (b + 1) * BEAT_SECONDS for b, t in enumerate(said) if t == v.IDS["<delegate>"] and understood[: b + 1].any()
    )
    return Lived(words(said), words(understood), handed)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--state", type=Path, help="a training state instead of the shipped weights")
    parser.add_argument("--items", type=Path, nargs="+", required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    model = from_state(arguments.state) if arguments.state else load_model()
    results = []
    for folder in arguments.items:
        items = load_items(folder)
        for seconds, heard in sorted({(item.seconds, bool(item.sound)) for item in items}):
            group = [item for item in items if (item.seconds, bool(item.sound)) == (seconds, heard)]
            for start in range(0, len(group), TOGETHER):
                part = group[start : start + TOGETHER]
                results += [
                    result_of(item, lived) for item, lived in zip(part, live_together(model, part, folder), strict=True)
                ]
                print(f"{len(results)} items", flush=True)
    print(table(results))
    if arguments.json:
        name = str(arguments.state) if arguments.state else f"native sha256:{digest(SHIPPED)}"
        data = msgspec.json.encode(as_data(results, name))
        arguments.json.write_bytes(msgspec.json.format(data, indent=1) + b"\n")
    if arguments.picture:
        arguments.picture.write_text(picture(results))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
