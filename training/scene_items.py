"""A scene as an evaluation item, heard or seen: its words, its notes, who speaks when. What is expected of it is given."""

from __future__ import annotations

from counterpoint.evaluation.items import Expected, Item, Laid, Spoken, Suite
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.shared_context.notes import NoteKind
from training.scene import BEAT, Note, Placed, Scene

CONTENT = {v.IDS[word] for word in v.CONTENT}
KINDS = {
    "<result>": NoteKind.RESULT,
    "<failure>": NoteKind.FAILURE,
    "<correction>": NoteKind.CORRECTION,
    "<progress>": NoteKind.PROGRESS,
}


def name_of(suite: Suite, split: str, seed: int, number: int) -> str:
    """Of an item, and of its files."""
    return f"{suite.value}-{split.replace(' ', '-')}-{number:03}" + (f"-{seed}" if seed else "")


def rounded(seconds: float) -> float:
    """To milliseconds, as items hold them."""
    return round(float(seconds), 3)


def scene_item(
    scene: Scene,
    suite: Suite,
    split: str,
    name: str,
    expect: tuple[Expected, ...],
    *,
    sound: str = "",
    frames: str = "",
    voice: str = "",
) -> Item:
    """Words that nobody says to the model (television) are none of it. `sound`, `frames`: files that are made of it."""
    towards = [placed for placed in scene.placed if not placed.aloof]
    return Item(
        name,
        suite,
        split,
        rounded(scene.length),
        sound=sound,
        frames=frames,
        voice=voice,
        words=tuple(_word(placed, n) for placed in towards for n in range(len(placed.labels))),
        notes=tuple(_laid(note) for note in scene.notes),
        speaking=tuple((rounded(placed.start), rounded(placed.end)) for placed in towards),
        expect=expect,
    )


def _word(placed: Placed, n: int) -> Spoken:
    word = placed.utterance.words[n]
    return Spoken(v.TOKENS[word], rounded(placed.start + placed.utterance.ends[n]), content=word in CONTENT)


def _laid(note: Note) -> Laid:
    return Laid(rounded(note.beat * BEAT + 0.1), v.decode(list(note.tokens[1:])), KINDS[v.TOKENS[note.tokens[0]]])
