"""Scenes as evaluation items: who says what the oracle says gets everything right, and silence gets nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from counterpoint.evaluation.baselines import silent
from counterpoint.evaluation.items import GoOn, Item, Stop, Suite, load_items, save_items
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.scoring import score
from counterpoint.evaluation.sound import read_wav
from counterpoint.interaction.nn import vocabulary as v
from training.items import TASKS, SynthSpeaker, item_of, make, mixed, voices_of
from training.scene import Scene
from training.speakers import TextSpeaker
from training.tasks import sample


def scenes(suite: Suite, count: int) -> list[tuple[Scene, Item]]:
    found: list[tuple[Scene, Item]] = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        scene = sample(random, TASKS[suite][seed % len(TASKS[suite])], lambda random=random: TextSpeaker(random), 110)
        try:
            found.append((scene, item_of(scene, suite, "seen voices", f"{suite.value}-{seed}", "nobody")))
        except ValueError:  # nothing is expected
            continue
        if len(found) == count:
            return found
    raise AssertionError(f"too few items of {suite}")


def as_lived(scene: Scene) -> Lived:
    """The scene's oracle, at the moments at which the runtime would send its words out."""
    target, understood = scene.target(), scene.understood()
    delegate = v.IDS["<delegate>"]
    return Lived(
        tuple(At(0.2 * (b + 1), v.TOKENS[t]) for b, t in enumerate(target) if v.is_word(int(t))),
        tuple(At(0.2 * (b + 1), v.TOKENS[t]) for b, t in enumerate(understood) if t),
        tuple(0.2 * (b + 1) for b, t in enumerate(target) if t == delegate),
    )


@pytest.mark.parametrize("suite", list(Suite))
def test_the_oracle_of_the_scenes_gets_everything_right(suite: Suite) -> None:
    for scene, item in scenes(suite, 25):
        scored = score(item, as_lived(scene))
        missed = [part for part in scored.parts if part.hits < part.total and part.name != "strict"]
        assert scored.score == 1 or suite is Suite.WORDS, (item, missed)
        assert scored.score > 0.9  # words closer than a beat queue up, now and then for longer than the tolerance
        assert score(item, perfect(item)).score == 1
        assert score(item, silent()).score == 0


def test_duplex_items_ask_for_stopping_and_for_going_on() -> None:
    expected = [each for _, item in scenes(Suite.DUPLEX, 40) for each in item.expect]
    assert sum(isinstance(each, Stop) for each in expected) > 5
    names = {each.category for each in expected if isinstance(each, GoOn)}
    assert names == {"talks over backchannel", "ignores side talk", "ignores background speech"}


def test_items_are_made_with_sound_by_voices_that_were_never_trained_on(tmp_path: Path) -> None:
    items = make(Suite.WORDS, "unseen variants", 2, 25, tmp_path)
    save_items(tuple(items), tmp_path)
    assert load_items(tmp_path) == tuple(items)
    for item in items:
        sound = np.frombuffer(read_wav(tmp_path / item.sound, 16_000), "<i2")
        assert len(sound) == 25 * 3200
        first, last = (int(edge * 16_000) for edge in (item.speaking[0][0], item.speaking[0][1]))
        assert np.abs(sound[first:last].astype(float)).mean() > 2 * np.abs(sound[-1600:].astype(float)).mean()
    small = make(Suite.WORDS, "unseen variants", 1, 25, tmp_path, eight_bits=True)
    assert (tmp_path / small[0].sound).stat().st_size < 81_000


def test_clips_stand_where_their_words_are_said_to_end() -> None:
    random = np.random.default_rng(1)
    _, voice = voices_of("unseen variants", random)
    scene = Scene(30, random, "test")
    scene.now = 1.0
    placed = scene.say(SynthSpeaker(voice, random).say("timed"))
    sound = np.abs(mixed(scene, random))
    quiet, loud = sound[: 16_000 - 800].mean(), sound[16_000 : int(placed.end * 16_000)].mean()
    assert loud > 3 * quiet
    assert placed.labels == tuple(sorted(placed.labels))
