"""Scenes for the rules of Full-Duplex-Bench: turns, pauses, interruptions, backchannels, and four kinds of talk over the model's own speech.

Each returns what is expected, and for talk over the model's speech the scene without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from counterpoint.evaluation.items import Expected, Murmur, Overlap, Scenario, TakeOver, Turn
from counterpoint.interaction.nn import vocabulary as v
from training import tasks
from training.scene import NoClip, Placed, Scene, Utterance
from training.speakers import Speaker
from training.voices import Clip

BINS_A_SECOND = 5
Made = tuple[Expected, Scene | None]


def turn(scene: Scene, speaker: Speaker) -> Made:
    """Asks for something that takes long to say, and waits."""
    scene.pause(0.3, 1.5)
    placed = scene.say(_request(scene, speaker))
    return TakeOver(Turn.END, _said(placed)), None


def pause(scene: Scene, speaker: Speaker) -> Made:
    """The same, with a pause of .8 to 1.6 s in the middle."""
    scene.pause(0.3, 1.5)
    first, second = _parted(_request(scene, speaker), scene.rng)
    scene.say(first)
    scene.pause(0.8, 1.6)
    placed = scene.say(second)
    return TakeOver(Turn.PAUSE, _said(placed)), None


def interruption(scene: Scene, speaker: Speaker) -> Made:
    """Asks for something long, and for something else before it is all said."""
    kinds = ["count", "story"] if scene.rng.random() < 0.5 else ["story", "count"]
    scene.pause(0.3, 1.0)
    asked = scene.say(_request(scene, speaker, kinds[0]))
    scene.now = _said(asked) + 0.4 + scene.rng.uniform(1.2, 2.5)
    placed = scene.say(_request(scene, speaker, kinds[1]))
    return TakeOver(Turn.INTERRUPTION, _said(placed)), None


def murmur(scene: Scene, speaker: Speaker) -> Made:
    """The person tells a story; people would say something short into its longer pauses."""
    tasks.telling(scene, speaker)
    bins = np.zeros(scene.beats)
    for demand in scene.demands:
        if demand.category == "own backchannel":
            bins[demand.beat : demand.beat + 2] = 1
    if not bins.any():
        raise NoClip
    return Murmur(tuple(bins.tolist())), None


def over(scenario: Scenario) -> Callable[[Scene, Speaker], Made]:
    """Talk over the model's long speech."""

    def build(scene: Scene, speaker: Speaker) -> Made:
        scene.pause(0.3, 1.0)
        long = "story" if scenario is Scenario.INTERRUPTION else str(scene.rng.choice(["count", "story"]))
        asked = scene.say(_request(scene, speaker, long))
        scene.now = _said(asked) + 0.4 + scene.rng.uniform(1.2, 2.5)
        clean = replace(scene, placed=list(scene.placed), notes=[], demands=[])
        begin = scene.now
        utterance, about = _overlap(scenario, scene, speaker)
        if scenario is Scenario.BACKGROUND:
            scene.background(begin, utterance, scene.rng.uniform(-24, -14))
        else:
            scene.say(utterance)
        return Overlap(
            scenario, round(float(begin), 3), round(float(begin + utterance.ends[-1]), 3), tuple(about)
        ), clean

    return build


def _overlap(scenario: Scenario, scene: Scene, speaker: Speaker) -> tuple[Utterance, list[str]]:
    rng = scene.rng
    if scenario is Scenario.INTERRUPTION:
        utterance = speaker.say(str(rng.choice(["plus", "after", "before"])))
        answer = tasks.answer_to(Placed(0.0, utterance, ()), {}) or []
        if v.decode(answer) in (
            *tasks.STORY.split(),
            "four",
            "two",
        ):  # what the story says by itself, or what sounds so
            raise NoClip
        return utterance, [*v.decode(list(utterance.words)).split(), *v.decode(answer).split()]
    kinds = {Scenario.BACKCHANNEL: ["backchannel"], Scenario.SIDE_TALK: ["aside"]}
    utterance = speaker.say(str(rng.choice(kinds.get(scenario, ["mention", "long", "number"]))))
    return utterance, v.decode(list(utterance.words)).split()


def _request(scene: Scene, speaker: Speaker, kind: str = "") -> Utterance:
    """Something that takes seconds to say."""
    kind = kind or str(scene.rng.choice(["count", "story"]))
    given = {"N": v.NUMBERS[int(scene.rng.integers(14, 21))]} if kind == "count" else {}
    return speaker.say(kind, **given)


def _said(placed: Placed) -> float:
    return round(float(placed.start + placed.utterance.ends[-1]), 3)


def _parted(utterance: Utterance, rng: np.random.Generator) -> tuple[Utterance, Utterance]:
    """Two halves, cut where a word ends."""
    if len(utterance.words) < 3:
        raise NoClip
    count = int(rng.integers(1, len(utterance.words) - 1))
    at, clip = utterance.ends[count - 1], utterance.entry["clip"]
    cut = int(at * 16_000)
    sounds = clip.samples[:cut].copy(), clip.samples[cut:]
    sounds[0][-160:] *= np.linspace(1, 0, len(sounds[0][-160:]), dtype=np.float32)  # no click
    ends = utterance.ends[:count], tuple(end - at for end in utterance.ends[count:])
    words = utterance.words[:count], utterance.words[count:]
    return tuple(
        Utterance(utterance.kind, w, e, len(s) / 16_000, utterance.slots, {"clip": Clip((), e, s)})
        for w, e, s in zip(words, ends, sounds, strict=True)
    )


KINDS: dict[str, Callable[[Scene, Speaker], Made]] = {
    "turn": turn, "pause": pause, "new request": interruption, "murmur": murmur, **{f"over {each.value}": over(each) for each in Scenario},
}  # fmt: skip
"""Scenes by name."""
