"""Scenes as evaluation items: who says what the oracle says gets everything right, and silence gets nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from counterpoint.evaluation.baselines import silent
from counterpoint.evaluation.items import GoOn, Item, Overlap, Stop, Suite, TakeOver, Turn, load_items, save_items
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.oracle import perfect
from counterpoint.evaluation.scoring import score
from counterpoint.evaluation.sound import read_wav
from counterpoint.interaction.nn import vocabulary as v
from training import overlaps
from training.heard_items import TASKS, heard_item, make
from training.item_sounds import mixed
from training.item_voices import SynthSpeaker, voices_of
from training.items import spread
from training.scene import NoClip, Scene
from training.speakers import TextSpeaker
from training.tasks import sample


def scenes(suite: Suite, count: int) -> list[tuple[Scene, Item]]:
    found: list[tuple[Scene, Item]] = []
    for seed in range(200):
        random = np.random.default_rng(seed)
        known = [task for task in TASKS[suite] if task not in overlaps.KINDS]
        scene = sample(random, known[seed % len(known)], lambda random=random: TextSpeaker(random), 110)
        try:
            found.append((scene, heard_item(scene, suite, "seen voices", f"{suite.value}-{seed}", "nobody")))
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


@pytest.mark.parametrize("suite", list(TASKS))
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


def made(kind: str, count: int = 4) -> list[tuple[Scene, Scene | None, Item]]:
    """Scenes for the rules of Full-Duplex-Bench, said by espeak-ng."""
    found: list[tuple[Scene, Scene | None, Item]] = []
    for seed in range(40):
        random = np.random.default_rng(seed)
        name, voice = voices_of("unseen variants", random)
        scene = Scene(75, random, kind)
        try:
            expected, clean = overlaps.KINDS[kind](scene, SynthSpeaker(voice, random))
        except NoClip:
            continue
        found.append(
            (scene, clean, heard_item(scene, Suite.DUPLEX, "unseen variants", f"{kind}-{seed}", name, (expected,)))
        )
        if len(found) == count:
            return found
    raise AssertionError(f"too few scenes of {kind}")


@pytest.mark.parametrize("kind", list(overlaps.KINDS))
def test_what_a_benchmark_scene_expects_perfection_does_and_silence_does_not(kind: str) -> None:
    for _, _, item in made(kind):
        assert score(item, perfect(item)).score == 1
        assert score(item, silent()).score == 0


def test_a_pause_is_silence_within_what_the_person_says() -> None:
    for scene, _, item in made("pause"):
        (expected,) = item.expect
        assert isinstance(expected, TakeOver)
        assert expected.turn is Turn.PAUSE
        first, second = scene.placed
        assert second.start - first.end >= 0.79
        assert expected.at == pytest.approx(second.end, abs=0.1)
        sound = np.abs(mixed(scene, np.random.default_rng(0)))
        gap = sound[int((first.end + 0.05) * 16_000) : int((second.start - 0.05) * 16_000)]
        assert gap.mean() < 0.3 * sound[int(second.start * 16_000) : int(second.end * 16_000)].mean()


@pytest.mark.parametrize("kind", [kind for kind in overlaps.KINDS if kind.startswith("over ")])
def test_the_clean_sound_lacks_the_overlap_only(kind: str) -> None:
    for scene, clean, item in made(kind):
        (expected,) = item.expect
        assert isinstance(expected, Overlap)
        assert clean is not None
        assert len(clean.placed) == len(scene.placed) - 1
        noisy, plain = (mixed(each, np.random.default_rng(7)) for each in (scene, clean))
        begin, end = int(expected.begin * 16_000) - 160, int((expected.end + 1.5) * 16_000)
        assert np.array_equal(noisy[:begin], plain[:begin])
        assert np.array_equal(noisy[end:], plain[end:])
        assert not np.array_equal(noisy, plain)


def test_an_item_depends_on_the_seed_and_its_number_alone(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("two", "one", "other")]
    for folder in folders:
        folder.mkdir()
    numbers = ((0, 1), (1,), (1,))
    made = [
        spread(1, "unseen variants", [(Suite.CUESPEAK, 40, number) for number in wanted], folder, seed=seed)
        for folder, wanted, seed in zip(folders, numbers, (0, 0, 1), strict=True)
    ]
    assert made[0][1] == made[1][0]
    assert (folders[0] / made[0][1].sound).read_bytes() == (folders[1] / made[1][0].sound).read_bytes()
    assert made[2][0].words != made[1][0].words
