"""A tiny mouth learns to say words within seconds, from speech that needs no synthesizer; lines are kept apart."""

from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.interaction.nn import vocabulary as v
from counterpoint.interaction.nn.mouth import LONGEST, PIECES, MouthConfig, closed, utter
from counterpoint.interaction.nn.synthesiser import FRAMES_PER_BEAT, PITCH, VOICING, WIDTH, Synthesiser, silent_frame
from training.frames import LEVEL, Speech, analyse, spoken
from training.intelligibility import errors, words_of
from training.lines import HELD, SPOKEN, judged_lines, jumble, kept, sentence, training_lines
from training.mouth import Training, in_pieces, load_data, new_mouth, schedule
from training.own_voice import OwnVoice, fitted

WORDS = v.encode("the red seventeen")


def pattern(word: int) -> np.ndarray:
    """What a word sounds like: its own course of frames."""
    random = np.random.default_rng(word)
    count = v.beats_to_say(word) * FRAMES_PER_BEAT
    knots = random.normal(0, 1, (4, WIDTH))
    frames = np.stack([np.interp(np.linspace(0, 3, count), range(4), column) for column in knots.T], 1)
    frames[:, 0] -= 5
    frames[:, PITCH] = 5 + 0.1 * frames[:, PITCH]
    frames[:, VOICING] = frames[:, VOICING] > 0
    return frames.astype(np.float32)


def a_line(random: np.random.Generator) -> Speech:
    words = tuple(int(word) for word in random.choice(WORDS, int(random.integers(1, 4))))
    return Speech(words, np.concatenate([*map(pattern, words), np.tile(silent_frame(), (FRAMES_PER_BEAT, 1))]))


@pytest.fixture(scope="module")
def speeches() -> list[Speech]:
    random = np.random.default_rng(0)
    return [a_line(random) for _ in range(40)]


TINY = MouthConfig(word=16, trail=8, width=64, inner=64, flow=64, blocks=2)


def test_words_are_learned_and_a_restart_goes_on(speeches: list[Speech], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pieces = in_pieces(speeches)
    training = Training(new_mouth(pieces, TINY), pieces)
    first = training.step(1.0, 128)
    for _ in range(250):
        last = training.step(schedule(training.steps / 250, training.steps), 128)
    assert last[0] < 0.5 * first[0]
    assert last[1] < 0.3 * first[1]
    mouth = training.mouth.eval()
    for word in WORDS:
        state, made = closed(mouth), []
        for part in range(v.beats_to_say(word)):
            frames, state = utter(mouth, state, word, part)
            made.append(frames)
        said = np.concatenate(made)
        near = {other: np.abs(said[:16] - pattern(other)[:16])[:, :40].mean() for other in WORDS}
        assert min(near, key=near.__getitem__) == word
    training.save(tmp_path / "state.pt", 3.0)
    state = torch.load(tmp_path / "state.pt", weights_only=False)
    other = Training(new_mouth(pieces, TINY), pieces)
    other.mouth.load_state_dict(state["mouth"])
    other.optimisers.load_state_dict(state["optimisers"])
    other.steps = state["steps"]
    assert other.step(0.1, 64) == training.step(0.1, 64)


def test_each_piece_knows_its_word_those_before_it_and_the_frames_so_far(speeches: list[Speech]) -> None:
    speech = next(each for each in speeches if len(each.tokens) == 3)
    pieces = in_pieces([speeches[0], speech])
    start = len(in_pieces([speeches[0]]))
    assert pieces.words[start].tolist() == [speech.tokens[0], v.PAD, v.PAD]
    assert pieces.before[start].tolist() == [-1, -1]
    assert pieces.before[start + 2].tolist() == [start, start + 1]
    assert pieces.words[-1].tolist() == [v.PAD, speech.tokens[2], speech.tokens[1]]
    assert pieces.places[-PIECES:].tolist() == [LONGEST * PIECES + n for n in range(PIECES)]
    assert len(pieces) * 4 == len(speeches[0].frames) + len(speech.frames)


def test_a_word_that_is_drawn_out_gives_way_in_its_vowels_first() -> None:
    natural = np.array([4, 2, 5, 1])
    found = fitted(natural, "stO ", 24)
    assert found.sum() == 24
    assert found[2] / 5 > found[0] / 4 > found[1] / 2
    assert found.argmax() == 2


def test_every_phone_of_a_hurried_word_is_said() -> None:
    found = fitted(np.array([9, 1, 1, 7, 1, 6, 3, 2, 1]), "sˈɛvəntin", 9)
    assert found.tolist() == [1] * 9
    assert fitted(np.array([9, 1, 1, 7, 1]), "sˈɛvə", 8).sum() == 8


def test_the_voice_that_is_learned_from_says_each_word_in_its_beats() -> None:
    for each in ("hibari", "onnx", "pyworld"):
        pytest.importorskip(each, reason="only training of the voice has a voice to learn from, and analyses its sound")
    voice = OwnVoice()
    said = voice.say("the red seventeen", [1, 2, 3])
    assert said is not None
    assert np.diff(said.starts) == pytest.approx([0.2, 0.4, 0.6])
    speech = spoken(voice, "the red seventeen")
    assert speech is not None
    assert speech.frames.shape == (7 * FRAMES_PER_BEAT, WIDTH)
    assert speech.frames[-4:, 0].mean() < speech.frames[: 3 * FRAMES_PER_BEAT, 0].mean()
    assert all(voice.phones(word) for word in SPOKEN)


def test_sound_that_is_analysed_and_synthesised_keeps_its_pitch_and_level() -> None:
    pytest.importorskip("pyworld", reason="only training analyses sound, and pyworld has wheels for few machines")
    synthesiser = Synthesiser()
    frames = np.tile(silent_frame(), (80, 1))
    frames[:, 0], frames[:, 1], frames[:, PITCH], frames[:, VOICING] = -5.5, 2.5, np.log(150), 1
    sound, _ = synthesiser.speak(frames, synthesiser.begin())
    found = analyse(sound / LEVEL)[10:70]
    assert np.exp(np.median(found[:, PITCH])) == pytest.approx(150, rel=0.02)
    assert found[:, VOICING].mean() > 0.9
    again, _ = synthesiser.speak(found, synthesiser.begin())
    assert np.sqrt((again[4000:] ** 2).mean()) == pytest.approx(np.sqrt((sound[4000:] ** 2).mean()), rel=0.3)


def test_what_is_judged_was_never_trained_on() -> None:
    trained = set(training_lines(0, 3000))
    tuning, judged = judged_lines("dev", 100), judged_lines("test", 160)
    assert not trained & {*tuning, *judged}
    assert not set(tuning) & set(judged)
    assert len(set(judged)) == 160
    assert {word for line in trained for word in line.split()} == set(SPOKEN)
    assert all(word in v.IDS for line in (*judged, *HELD) for word in line.split() if word not in "OCKNTWD")


def test_what_is_called_out_alone_is_learned_alone() -> None:
    lines = training_lines(0, 3000)
    for word in ("start", "stop"):
        assert lines.count(word) > 20


def test_lines_depend_on_the_seed_alone() -> None:
    assert training_lines(3, 500) == training_lines(3, 500) != training_lines(4, 500)
    random = np.random.default_rng(0)
    assert not any(kept(word) for word in SPOKEN)
    assert 1 <= len(jumble(random).split()) <= 8
    assert sentence(random)


def test_the_judge_s_spelling_is_not_held_against_the_voice() -> None:
    assert words_of("It's 15°, in London.")[1:] == ["fifteen", "degrees", "in", "london"]
    assert words_of("The price is €20.") == ["the", "price", "is", "twenty", "euros"]
    assert words_of("OK, the color is gray") == ["okay", "the", "colour", "is", "grey"]
    assert errors(["a", "b", "c"], ["a", "x", "c", "d"]) == 2
    assert errors([], ["a"]) == 1


def test_training_without_data_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"training\.mouth data"):
        load_data(tmp_path / "data.npz")
