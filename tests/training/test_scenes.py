"""The oracle says what is right for any history, and each task asks for what its words ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from counterpoint.interaction.nn import vocabulary as v
from training import phrases
from training.bank import Bank
from training.scene import Demand, NoClip, Oracle, Scene, Utterance, beat_of, parted, relabel
from training.speakers import BankSpeaker, Crowd, TextSpeaker, pace
from training.streams import Room, blurred, make_stream, read_at
from training.tasks import TASKS, sample

WORDS = v.encode("let me check")


def text_scene(task: str, seed: int, beats: int = 128) -> Scene:
    random = np.random.default_rng(seed)
    return sample(random, task, lambda: TextSpeaker(random), beats)


def test_the_oracle_paces_the_words_of_a_demand() -> None:
    oracle, said = Oracle([Demand(3, tuple(WORDS), "delegate")]), np.zeros(14, np.int64)
    for beat in range(14):
        said[beat] = oracle(beat, said)
    assert [(beat, v.TOKENS[token]) for beat, token in enumerate(said) if token] == [
        (3, "let"),
        (5, "me"),
        (6, "check"),
    ]


def test_a_missed_word_is_asked_for_again_and_a_missed_answer_expires() -> None:
    silent = np.zeros(20, np.int64)
    long, short = Oracle([Demand(3, tuple(WORDS), "delegate")]), Oracle([Demand(3, (WORDS[0],), "cue")])
    assert long(9, silent) == WORDS[0]
    assert short(5, silent) == WORDS[0]
    assert short(12, silent) == v.PAD


def test_a_new_demand_replaces_what_is_unsaid_and_a_stop_silences() -> None:
    demands = [Demand(0, tuple(WORDS), "long"), Demand(2, (), "stop"), Demand(8, (WORDS[2],), "question")]
    oracle, said = Oracle(demands), np.zeros(12, np.int64)
    for beat in range(12):
        said[beat] = oracle(beat, said)
    assert {beat: int(token) for beat, token in enumerate(said) if token} == {0: WORDS[0], 8: WORDS[2]}


def test_relabelling_forgives_a_late_word_and_goes_on_from_there() -> None:
    said = np.zeros(12, np.int64)
    said[5] = WORDS[0]
    wanted = relabel(said, [Demand(3, tuple(WORDS), "delegate")])
    assert wanted[3] == wanted[4] == WORDS[0]
    assert wanted[6] == v.PAD
    assert wanted[7] == WORDS[1]


def test_a_word_belongs_to_the_first_beat_that_ends_after_it() -> None:
    assert [beat_of(seconds) for seconds in (0.05, 0.16, 0.18, 0.37)] == [0, 0, 1, 1]


@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_makes_scenes_that_its_oracle_can_follow(task: str) -> None:
    for seed in range(12):
        scene = text_scene(task, seed)
        target, understood = scene.target(), scene.understood()
        assert understood.any()
        assert len(target) == scene.beats
        assert (task in {"chatter", "dictation"}) == (not scene.demands) or task in {"repeated", "telling"}
        for demand in scene.demands:
            if demand.tokens and demand.beat < scene.beats and demand is Oracle(scene.demands).in_force(demand.beat):
                assert target[demand.beat] == demand.tokens[0]


def test_a_cue_is_answered_in_the_beat_in_which_it_is_understood() -> None:
    scene = text_scene("cue", 3)
    understood, target = scene.understood(), scene.target()
    cues = [demand for demand in scene.demands if demand.category == "cue"]
    assert cues
    assert all(understood[d.beat] == d.about[0] and target[d.beat] == d.tokens[0] for d in cues)


def test_a_timed_word_is_due_after_as_many_seconds() -> None:
    scene = text_scene("timed", 5)
    demand = next(d for d in scene.demands if d.category == "timed")
    asked = max(p.labels[-1] for p in scene.placed if p.utterance.kind == "timed" and p.labels[-1] < demand.beat)
    waits = {5 * v.NUMBERS.index(p.utterance.slots["N"]) for p in scene.placed if p.utterance.kind == "timed"}
    assert demand.beat - asked in waits


def test_a_result_is_spoken_only_after_two_silent_beats() -> None:
    found = 0
    for seed in range(40):
        scene = text_scene("delegation", seed)
        speaking = scene.speaking()
        for demand in scene.demands:
            if demand.category == "deliver":
                found += 1
                assert not speaking[demand.beat - 2 : demand.beat + 1].any()
                assert any(note.tokens[1:] == demand.tokens and note.beat < demand.beat for note in scene.notes)
    assert found > 10


def test_words_that_would_end_after_the_stream_are_not_said() -> None:
    hurried = Utterance("mention", tuple(v.encode("now i see the tree")), (0.1, 0.15, 0.2, 0.25, 0.3), 0.3, {})
    scene = Scene(10, np.random.default_rng(0), "cue")
    scene.rules[v.IDS["tree"]] = v.IDS["fish"]
    scene.now = 1.35
    with pytest.raises(NoClip):
        scene.say(hurried)
    assert not scene.demands
    assert not scene.placed


def test_a_cancelled_result_is_never_spoken() -> None:
    for seed in range(60):
        scene = text_scene("delegation", seed)
        for cancel in (d for d in scene.demands if d.category == "cancel"):
            later = [d.beat for d in scene.demands if d.category == "delegate" and d.beat > cancel.beat]
            until = later[0] if later else scene.beats
            assert not any(d.category == "deliver" and cancel.beat < d.beat < until for d in scene.demands)


def test_a_correction_reaches_the_work_and_its_result_is_still_told() -> None:
    amended = told = 0
    for seed in range(80):
        demands = text_scene("delegation", seed).demands
        for demand in demands:
            if demand.category == "amend":
                amended += 1
                assert v.decode(list(demand.tokens)) == "<amend> okay"
                told += any(later.category == "deliver" and later.beat > demand.beat for later in demands)
    assert amended > 5
    assert told > 2


def test_a_television_is_neither_understood_nor_answered() -> None:
    found = 0
    for seed in range(60):
        scene = text_scene("interruption", seed)
        labelled = sum(len(placed.labels) for placed in scene.placed)
        assert (scene.understood() > 0).sum() == labelled
        for placed in scene.placed:
            if placed.aloof:
                found += 1
                during = [d for d in scene.demands if placed.start <= d.beat * 0.2 < placed.end]
                assert not any(d.category == "stop" for d in during)
    assert found > 5


def test_training_never_sees_held_out_pairs_times_sums_or_wordings() -> None:
    random = np.random.default_rng(0)
    for _ in range(3000):
        phrase = phrases.draw(random)
        slots = phrase.slots
        assert not phrase.held
        if phrase.kind == "rule":
            assert not phrases.held_pair(slots["X"], slots["Y"])
        if phrase.kind in {"timed", "every"}:
            assert v.NUMBERS.index(slots["N"]) not in phrases.HELD_TIMES
        if phrase.kind == "plus":
            assert not phrases.held_sum(v.NUMBERS.index(slots["A"]), v.NUMBERS.index(slots["B"]))
    wordings = {kind: set(templates) for kind, templates in phrases.TRAIN.items()}
    assert not any(wordings[kind] & set(templates) for kind, templates in phrases.HELD.items())


def test_every_word_of_every_template_is_in_the_vocabulary() -> None:
    for table in (phrases.TRAIN, phrases.HELD):
        for templates in table.values():
            for word in " ".join(templates).split():
                assert (len(word) == 1 and word.isupper()) or word in v.IDS, word


def test_streams_are_reproducible_from_their_seed(bank: Bank) -> None:
    from counterpoint.interaction.nn.dmel import Levels

    one, other = (make_stream(np.random.default_rng(7), bank, "cue", 64, Levels()) for _ in range(2))
    assert one.levels is not None
    assert other.levels is not None
    np.testing.assert_array_equal(one.levels, other.levels)
    np.testing.assert_array_equal(one.target, other.target)


def test_dictation_is_mostly_speech_by_many_voices() -> None:
    scenes = [text_scene("dictation", seed) for seed in range(8)]
    assert np.mean([scene.speaking().mean() for scene in scenes]) > 0.7
    asked: list[str] = []

    class Somebody(TextSpeaker):
        def __init__(self, name: str) -> None:
            super().__init__(np.random.default_rng(0))
            self.name = name

        def say(self, kind: str, **given: Any) -> Utterance:
            asked.append(self.name)
            return super().say(kind, **given)

    names = iter(range(1000))
    sample(np.random.default_rng(0), "dictation", lambda: Crowd(lambda: Somebody(str(next(names)))), 80)
    assert len(asked) > 5
    assert len(set(asked)) == len(asked)


def test_brisk_cues_come_twice_as_often() -> None:
    def cues(task: str) -> int:
        return sum(d.category == "cue" for seed in range(20) for d in text_scene(task, seed).demands)

    assert cues("brisk cue") > 1.6 * cues("cue")


def test_hurrying_and_dragging_moves_the_words_with_the_sound() -> None:
    recorded = np.arange(60.0)
    path, when = pace(60, 1.2, 0.2, np.random.default_rng(0))
    assert abs(len(path) - 50) <= 6
    assert (np.diff(path) > 0).all()
    for frame in (7, 31, 52):  # what sounds at a recorded frame is read where `when` says that it comes
        at = np.interp(when[frame], np.arange(len(path)), read_at(recorded[:, None], path)[:, 0])
        assert abs(at - frame) < 1
    plain, same = pace(60, 1.0, 0.0, np.random.default_rng(0))
    np.testing.assert_array_equal(plain, recorded)
    np.testing.assert_array_equal(same, recorded)


def test_a_warped_axis_never_turns_back() -> None:
    random = np.random.default_rng(0)
    for _ in range(50):
        axis = Room.draw(random).axis(random)
        assert (np.diff(axis) >= 0).all()
        assert 0 <= axis.min() <= axis.max() <= 79


def test_blurring_hides_a_voice_s_harmonics_and_keeps_its_loudness() -> None:
    comb = np.tile(np.where(np.arange(80) % 5 == 0, 1.0, 1e-6), (4, 1)).astype(np.float32)
    smooth = blurred(comb, 5)[:, 3:-3]
    np.testing.assert_allclose(smooth, comb.mean(), rtol=0.01)
    np.testing.assert_array_equal(blurred(comb, 1), comb)


def test_a_speaker_respects_what_is_to_be_avoided_and_what_is_asked_for(bank: Bank) -> None:
    speaker = BankSpeaker(bank, "patterns", np.random.default_rng(0))
    ball = v.IDS["ball"]
    assert all(ball not in speaker.say("mention", avoid={ball}).words for _ in range(30))
    assert ball in speaker.say("mention", word=ball).words


def test_who_pauses_within_a_phrase_is_understood_in_order_and_answered_after_the_last_word() -> None:
    random = np.random.default_rng(0)
    scene, speaker = Scene(128, random, hesitant=1.0), TextSpeaker(random)
    for _ in range(6):
        placed = scene.say(speaker.say("timed"))
        words, labels = placed.utterance.words, placed.labels
        assert [int(scene.understood()[beat]) for beat in labels] == list(words)
        first, second = scene.placed[-2:]
        assert first.utterance.words + second.utterance.words == words
        assert 0.6 <= second.start - first.end <= 1.8
        assert not scene.speaking()[beat_of(first.end) + 1 : int(second.start / 0.2)].any()
        assert labels[-1] >= beat_of(second.start + second.utterance.ends[-1])


def test_a_pause_cuts_a_recorded_phrase_without_losing_or_repeating_a_frame(bank: Bank) -> None:
    voice = min(bank.by_voice)
    whole = BankSpeaker(bank, voice, np.random.default_rng(0), uneven=0.18).say("rule")
    first, second = parted(whole, 2)
    assert np.array_equal(np.concatenate([first.path, second.path]), whole.path)
    assert first.duration + second.duration == pytest.approx(whole.duration)
    assert [*first.ends, *(first.duration + end for end in second.ends)] == pytest.approx(list(whole.ends))


def test_another_wish_ends_what_is_being_said_and_is_fulfilled() -> None:
    for seed in range(40):
        scene = text_scene("interruption", seed)
        kinds = [demand.category for demand in scene.demands]
        for number, kind in enumerate(kinds[:-1]):
            if kind == "stop" and kinds[number + 1] == "long":
                stopped, wished = scene.demands[number], scene.demands[number + 1]
                target = scene.target()
                assert not target[stopped.beat : wished.beat].any()
                assert target[wished.beat] == wished.tokens[0]
                return
    pytest.fail("nobody wished for something else")


def test_results_in_quick_succession_are_told_word_by_word() -> None:
    scene = text_scene("brisk delegation", 3)
    told = [demand for demand in scene.demands if demand.category == "deliver"]
    assert len(told) >= 3
    assert all(tuple(note.tokens[-len(d.tokens) :]) == d.tokens for d, note in zip(told, _results(scene), strict=False))


def _results(scene: Scene) -> list[Any]:
    kinds = {v.IDS[kind] for kind in ("<result>", "<failure>", "<correction>")}
    return [note for note in scene.notes if note.tokens[0] in kinds]
