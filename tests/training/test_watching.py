"""What is drawn can be seen, the oracle answers to what is to be seen, and items with pictures are scored by it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.evaluation.baselines import silent
from counterpoint.evaluation.items import Count, StartStop, Suite, load_items, save_items
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.oracle import perfect
from counterpoint.evaluation.scoring import score
from counterpoint.evaluation.video import read_frames
from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.dmel import Levels
from counterpoint.interaction.nn.eyes import Eyes
from training import phrases
from training.bank import Bank
from training.bodies import MOVEMENTS, UNSEEN, View
from training.feed import Feed, Recipe
from training.flashes import PICTURES, Flashes, flash, flashes, loss
from training.pictures import COLOURS, THINGS, Film, Repetition, Thing, shoot
from training.scene import NoClip, Scene
from training.seen_items import SPLITS_OF, TASKS, make, seen_item
from training.speakers import TextSpeaker
from training.streams import Collated, collate, stream_of
from training.tasks import sample
from training.watching import KINDS, NOTICED, TOLD_APART, VIEWS, WATCHING, call, told


def watched(task: str, seed: int, unseen: str = "", beats: int = 100) -> Scene:
    random = np.random.default_rng(seed)
    split = "test" if unseen == KINDS else "train"
    return sample(random, task, lambda: TextSpeaker(random, split), beats, unseen=unseen)


def alone(thing: Thing, beats: int = 10) -> np.ndarray:
    return shoot(Film(things=(thing,), person=False), beats)[0].astype(int)


@pytest.mark.parametrize("kind", list(THINGS))
def test_a_thing_is_there_in_its_colour_from_its_beginning_to_its_end(kind: str) -> None:
    frames = alone(Thing(kind, "red", 0.5, 1.3, (0.5, 0.5), 0.15))
    red = (np.abs(frames - COLOURS["red"]).sum(-1) < 90).sum((1, 2))
    assert [bool(count > 20) for count in red] == [False] * 3 + [True] * 4 + [False] * 3


def test_no_two_things_look_alike() -> None:
    drawn = [alone(Thing(kind, "red", 0, 9, (0.5, 0.5), 0.15))[0] for kind in THINGS]
    for number, one in enumerate(drawn):
        for other in drawn[:number]:
            assert (np.abs(one - other).sum(-1) > 100).sum() > 40


@pytest.mark.parametrize("movement", list(MOVEMENTS))
def test_a_movement_goes_out_and_comes_back(movement: str) -> None:
    film = Film((Repetition(movement, 1.0, 3.0),), view=View(turn=25), body=replace(Film().body, sway=0.0))
    frames = shoot(film, 21)[0].astype(int)
    away = [(np.abs(frame - frames[0]).sum(-1) > 60).sum() for frame in frames]
    assert max(away[:6]) < 20
    assert max(away[16:]) < 20
    assert away[10] > 60


def test_the_same_film_is_shot_alike_every_time_and_some_pictures_may_be_lost() -> None:
    film = watched("counting", 1).film
    assert film is not None
    (one, seen), (other, same) = shoot(film, 30), shoot(film, 30)
    assert np.array_equal(one, other)
    assert np.array_equal(seen, same)
    assert 0 < shoot(replace(film, lost=0.3), 100)[1].mean() < 0.9


def test_a_running_number_is_due_when_a_repetition_ends_and_nothing_else_is_counted() -> None:
    found = 0
    for seed in range(30):
        scene = watched("counting", seed)
        film = scene.film
        assert film is not None
        ends = {film.beat(each.end): each for each in film.repetitions}
        for demand in scene.demands:
            if demand.category == "tally":
                found += 1
                assert demand.tokens == (v.IDS[v.NUMBERS[demand.about[0]]],)
                assert ends[demand.beat].end <= demand.beat * 0.2 + film.offset < ends[demand.beat].end + 0.2
                asked = [each for each in scene.placed if each.utterance.kind.startswith("tally")]
                names = [each.utterance.slots["M"] for each in asked if "M" in each.utterance.slots]
                assert not names or ends[demand.beat].movement == names[0]
    assert found > 150


def test_start_is_said_once_it_can_be_seen_and_stop_soon_after() -> None:
    for seed in range(30):
        scene = watched("calling", seed)
        film = scene.film
        assert film is not None
        words = [v.decode(list(demand.tokens)) for demand in scene.demands]
        assert words == ["start", "stop"] * (len(words) // 2)
        for demand in scene.demands:
            moment = demand.beat * 0.2 + film.offset
            start = demand.tokens[0] == v.IDS["start"]
            edges = [each.begin if start else each.end for each in film.repetitions]
            latest = 0.2 + TOLD_APART * max(each.end - each.begin for each in film.repetitions) if start else 0.75
            assert min(moment - edge for edge in edges if edge <= moment) < latest


@pytest.mark.parametrize(("named", "share"), [(True, TOLD_APART), (False, NOTICED)])
def test_a_movement_that_was_named_is_called_when_it_can_be_told_from_others(named: bool, share: float) -> None:
    scene = Scene(60, np.random.default_rng(0), "calling")
    drawn = Film(offset=0.0)
    call(
        scene,
        drawn,
        [Repetition("squat", 2.0, 4.0, False, 0.5, 1.0), Repetition("squat", 4.0, 6.0, False, 0.5, 1.0)],
        named,
    )
    assert [v.decode(list(demand.tokens)) for demand in scene.demands] == ["start", "stop"]
    assert scene.demands[0].beat == drawn.beat(2.0 + 2 * share)


def test_what_was_asked_about_is_told_and_other_things_are_not() -> None:
    one = ("look out", {"C": "red", "D": "ball"})
    assert told([one], "red", "ball") == ("red", "ball")
    assert told([one], "red", "cup") == told([one], "blue", "ball") == told([], "red", "ball") == ()
    assert told([("look out colour", {"D": "cup"})], "green", "cup") == ("green",)
    assert told([one, ("name all", {})], "blue", "cup") == ("blue", "cup")
    for seed in range(20):
        scene = watched("looking", seed)
        assert scene.film is not None
        assert len(scene.demands) <= len(scene.film.things)


def test_who_asks_for_both_is_counted_for_and_told_in_one_conversation() -> None:
    first = set[str]()
    for seed in range(20):
        scene = watched("both", seed)
        film = scene.film
        assert film is not None
        categories = [demand.category for demand in scene.demands]
        assert set(categories) == {"tally", "sight"}
        assert {film.beat(each.begin) for each in film.things} >= {
            demand.beat for demand in scene.demands if demand.category == "sight"
        }
        first.add(scene.placed[0].utterance.kind.split()[0])
    assert {"tally", "look"} <= first, "whichever comes first"


@pytest.mark.parametrize("seed", range(15))
def test_what_is_held_out_is_never_in_training_and_always_in_its_split(seed: int) -> None:
    for task in WATCHING:
        known, kinds, views = (watched(task, seed, unseen).film for unseen in ("", KINDS, VIEWS))
        assert known is not None
        assert kinds is not None
        assert views is not None
        assert not any(each.movement in UNSEEN for each in known.repetitions)
        assert not any(phrases.held_thing(each.colour, each.kind) for each in known.things)
        assert all(each.movement in UNSEEN for each in kinds.repetitions)
        assert all(phrases.held_thing(each.colour, each.kind) for each in kinds.things)
        assert known.view.above < 15 <= views.view.above
        assert not 28 < abs(known.view.turn) < 52
        assert 32 <= abs(views.view.turn) <= 48


def test_streams_with_a_camera_come_on_top_and_cost_nothing_where_there_are_none() -> None:
    (plain, *_), seeing = (Feed(Recipe(audio=0, text=2, seen=seen), None, Levels(), 0).batches(3) for seen in (0, 3))
    assert isinstance(plain, Collated)
    assert isinstance(seeing[0], Collated)
    assert torch.equal(plain.target, seeing[0].target)
    assert plain.inputs.pictures.numel() == 0
    _, streams, films = seeing
    assert isinstance(streams, Collated)
    assert streams.inputs.pictures.shape == (3, 100, 80, 80, 3)
    assert streams.inputs.seen.float().mean() > 0.8
    assert not streams.inputs.hears.any()
    assert isinstance(films, Flashes)
    assert films.pictures.shape == (3 * Recipe().flashes, PICTURES, 80, 80, 3)


def test_short_films_show_nothing_that_is_never_trained_on_and_many_other_things() -> None:
    random = np.random.default_rng(0)
    films = [flash(random) for _ in range(300)]
    things = {(each.colour, each.kind) for film in films for each in film.things}
    movements = {each.movement for film in films for each in film.repetitions}
    assert not any(phrases.held_thing(*pair) for pair in things)
    assert len(things) == sum(not phrases.held_thing(colour, kind) for colour in COLOURS for kind in THINGS)
    assert movements == set(MOVEMENTS) - set(UNSEEN)
    assert not any(28 < abs(film.view.turn) < 52 or film.view.above >= 15 for film in films)


def test_of_a_short_film_everything_but_its_first_picture_is_asked_about() -> None:
    asked = flashes(3, np.random.default_rng(1))
    eyes = Eyes(64)
    torch.nn.init.normal_(eyes.out.weight, std=0.1)
    shown = asked.shown.clone()
    shown[:, 0] = 1 - shown[:, 0]
    assert loss(eyes, replace(asked, shown=shown)) == loss(eyes, asked)
    shown[:, 2] = 1 - shown[:, 2]
    assert loss(eyes, replace(asked, shown=shown)) != loss(eyes, asked)


def test_streams_with_and_without_a_camera_fit_into_one_batch() -> None:
    random = np.random.default_rng(0)
    scene = sample(random, "cue", lambda: TextSpeaker(random), 100)
    batch = collate([stream_of(scene, None), stream_of(watched("calling", 0), None)], random)
    assert batch.inputs.seen.any(1).tolist() == [False, True]


def test_a_bank_that_knows_no_such_request_leaves_them_as_bare_words(bank: Bank) -> None:
    feed = Feed(Recipe(audio=0, text=0, seen=2), None, Levels(), 0)
    feed._bank = Bank()
    assert not feed.batches(0)[0].inputs.hears.any()
    feed._bank = bank  # its voice was recorded with them
    assert feed.batches(0)[0].inputs.hears.tolist() == [True, False]


def as_lived(scene: Scene) -> Lived:
    target = scene.target()
    return Lived(tuple(At(0.2 * (b + 1), v.TOKENS[t]) for b, t in enumerate(target) if v.is_word(int(t))))


@pytest.mark.parametrize(("suite", "least", "nothing"), [
    (Suite.REPCOUNT, 1.0, 0.0), (Suite.STARTSTOP, 0.7, 0.0), (Suite.PAUC, 0.85, 0.25),
])  # fmt: skip
def test_perfection_gets_everything_silence_nothing_and_the_oracle_what_seeing_allows(
    suite: Suite, least: float, nothing: float
) -> None:
    worth, found = [], 0
    for seed in range(60):
        scene = watched(TASKS[suite], seed)
        try:
            item = seen_item(scene, suite, "seen kinds", f"{suite.value}-{seed}")
        except NoClip:
            continue
        found += 1
        assert score(item, perfect(item)).score == pytest.approx(1)
        assert score(item, silent()).score == pytest.approx(nothing)
        worth.append(score(item, as_lived(scene)).score)
    assert found > 10
    assert np.mean(worth) >= least


def test_items_with_pictures_are_the_same_every_time_and_can_be_read(tmp_path: Path) -> None:
    suites = list(TASKS)
    items = make(suites, 1, tmp_path, 0, {})
    assert len(items) == sum(len(SPLITS_OF[suite]) for suite in suites)
    save_items(tuple(items.values()), tmp_path)
    assert load_items(tmp_path) == tuple(items.values())
    for item in items.values():
        frames = read_frames(tmp_path / item.frames, item.frame_rate)
        assert len(frames) == round(item.seconds * item.frame_rate)
        assert (frames[0].width, frames[0].height) == (80, 80)
        assert any(isinstance(each, Count | StartStop) for each in item.expect) or item.suite is Suite.PAUC
    again = tmp_path / "again"
    again.mkdir()
    assert make(suites[:1], 1, again, 0, {}) == {name: item for name, item in items.items() if item.suite is suites[0]}
    name = next(iter(items.values())).frames
    assert (again / name).read_bytes() == (tmp_path / name).read_bytes()
