"""Items: read, refused, lived through by a model, scored. Perfection gets 1 and silence 0 on whatever one expects."""

import struct
import wave
from pathlib import Path

import msgspec
import pytest

from counterpoint.errors import ConfigurationError
from counterpoint.evaluation.baselines import at_random, silent, waiting_for_turns
from counterpoint.evaluation.items import (
    Answer,
    Count,
    Expected,
    GoOn,
    Hand,
    Item,
    Laid,
    Murmur,
    Overlap,
    Recite,
    Say,
    Scenario,
    Spoken,
    StartStop,
    Stop,
    Suite,
    TakeOver,
    Turn,
    load_items,
    save_items,
)
from counterpoint.evaluation.lived import At, Lived
from counterpoint.evaluation.living import live
from counterpoint.evaluation.oracle import perfect
from counterpoint.evaluation.picture import picture
from counterpoint.evaluation.report import as_data, result_of, table
from counterpoint.evaluation.scoring import score, value
from counterpoint.evaluation.sound import read_wav, write_pair
from counterpoint.evaluation.track import Track
from counterpoint.evaluation.video import read_frames
from counterpoint.testing import ScriptedInteraction
from counterpoint.testing.scripted_interaction import delegate, say

WORDS = (Spoken("look", 0.4), Spoken("ball", 1.0, content=True))
EXPECT: tuple[Expected, ...] = (
    Say("cue", 0.8, 2.0, ("green",), 1.0),
    Hand(3.0, 4.0),
    Recite(5.0, 7.0, ("it", "is", "open")),
    GoOn("talks over backchannel", 8.0, 8.8),
    Stop("stops within two beats", 9.0, 10.0, 11.5),
    Count(((1.0, 2.0), (2.0, 3.0), (3.0, 4.0))),
    StartStop(2.0, 6.0),
    TakeOver(Turn.END, 5.0),
    TakeOver(Turn.PAUSE, 5.0),
    TakeOver(Turn.INTERRUPTION, 5.0),
    Murmur((1.0, 0.0, 1.0)),
    *(Overlap(scenario, 5.0, 6.0, ("seven",)) for scenario in Scenario),
)


def meets(expected: Expected, lived: Lived) -> float:
    return value(expected, item(expected), lived)


def item(*expect: Expected, suite: Suite = Suite.DELEGATION, id: str = "one", split: str = "seen voices") -> Item:
    return Item(id, suite, split, 12.0, words=WORDS, speaking=((0.1, 1.1),), expect=expect)


@pytest.mark.parametrize("expected", EXPECT)
def test_perfection_meets_every_expectation_and_silence_none(expected: Expected) -> None:
    one = item(expected)
    assert score(one, perfect(one)).score == pytest.approx(1)
    assert score(one, silent()).score == 0
    assert 0 <= score(one, at_random(one)).score <= 1
    assert 0 <= score(one, waiting_for_turns(one, perfect(one))).score <= 1


def test_a_proactive_answer_at_once_gets_everything_and_silence_a_quarter() -> None:
    one = item(Answer((2.0, 4.0), (2.0, 9.0), (("red",), ("ball", "cup"))), suite=Suite.PAUC)
    assert score(one, perfect(one)).score == 1
    assert score(one, silent()).score == 0.25
    parts = {part.name: part.hits for part in score(one, Lived((At(5.5, "Red"), At(5.7, "cup.")))).parts}
    assert parts["PAUC, omega 0"] == pytest.approx(0.625)
    assert parts["PAUC, omega 0.5"] == pytest.approx(0.8125)
    assert parts["PAUC, omega 1"] == 1


def test_who_speaks_in_a_pause_has_not_waited_and_who_never_speaks_has_not_answered() -> None:
    at_length = [At(5.5 + 0.4 * n, "word") for n in range(5)]
    early = [At(1.0 + 0.4 * n, "word") for n in range(5)]
    pause = TakeOver(Turn.PAUSE, 5.0)
    assert meets(pause, Lived(tuple(at_length))) == 1
    assert meets(pause, Lived((At(2.0, "uh"), *at_length))) == 1  # a murmur is no take-over
    assert meets(pause, Lived((*early, *at_length))) == 0
    assert meets(pause, Lived(tuple(early))) == 0
    scored = score(item(pause, suite=Suite.DUPLEX), Lived(tuple(at_length)))
    assert [(time.name, time.seconds) for time in scored.times] == [("v1 turn-taking", pytest.approx(0.5))]
    assert {part.name: part.hits for part in scored.parts}["v1 take-over in a pause (low is good)"] == 0


def test_an_interruption_is_timed_by_when_speech_ends_and_begins_anew() -> None:
    expected = Overlap(Scenario.INTERRUPTION, 5.0, 6.0, ("seven",))
    one = msgspec.structs.replace(item(expected, suite=Suite.DUPLEX), speaking=((0.1, 1.1), (5.0, 6.0)))
    told = tuple(At(time, word) for time, word in ((4.2, "once"), (4.4, "there"), (6.5, "seven")))
    scored = score(one, Lived(told, sounding=((4.2, 5.4), (6.5, 7.0))))
    assert scored.score == 1
    assert {time.name: round(time.seconds, 3) for time in scored.times} == {"v1.5 stop": 0.4, "v1.5 response": 0.5}


def test_of_sound_it_counts_until_when_it_is_heard() -> None:
    word = At(9.8, "and", 10.4)
    assert meets(EXPECT[4], Lived((word,))) == 1  # written, it has gone out in time
    assert meets(EXPECT[4], Lived((word,), sounding=((9.8, 10.4),))) == 0
    assert meets(EXPECT[4], Lived((word,), sounding=((9.8, 10.0),))) == 1
    assert meets(EXPECT[3], Lived(sounding=((7.5, 8.1),))) == 1


def test_words_are_scored_by_recall_and_content_words_apart() -> None:
    one = item(suite=Suite.WORDS)
    assert score(one, perfect(one)).score == 1
    assert score(one, silent()).score == 0
    half = score(one, Lived(understood=(At(0.6, "look"), At(1.8, "ball"))))  # the second is four beats late
    assert half.score == 0.5
    assert {part.name: (part.hits, part.total) for part in half.parts} == {
        "content words": (0, 1),
        "other words": (1, 1),
    }


def test_an_answer_counts_with_the_right_word_in_the_window_only() -> None:
    expected = EXPECT[0]
    assert meets(expected, Lived((At(1.2, "green"),)))
    assert meets(expected, Lived((At(1.0, "let"), At(1.2, "green"))))
    assert not meets(expected, Lived((At(1.2, "blue"),)))
    assert not meets(expected, Lived((At(2.2, "green"),)))


def test_what_is_told_must_be_told_exactly() -> None:
    told = [At(5.2 + 0.2 * n, word) for n, word in enumerate(("it", "is", "open"))]
    assert meets(EXPECT[2], Lived(tuple(told)))
    assert not meets(EXPECT[2], Lived(tuple(told[:2])))
    assert not meets(EXPECT[2], Lived((*told, At(6.5, "okay"))))


def test_results_of_one_kind_are_counted_apart_as_well() -> None:
    words = ("it", "is", "open")
    expect = (Recite(1.0, 4.0, words, "a sentence"), Recite(5.0, 8.0, words, "random words"))
    item = Item("told", Suite.DELEGATION, "seen voices", 9.0, expect=expect)
    parts = score(item, Lived(tuple(At(1.5 + number, word) for number, word in enumerate(words)))).parts
    told = [(part.name, part.hits) for part in parts if part.name.startswith("result")]
    assert sorted(told) == [
        ("result told", 0),
        ("result told", 1),
        ("result told: a sentence", 1),
        ("result told: random words", 0),
    ]


def test_stopping_counts_only_for_who_was_speaking_and_is_quiet_then() -> None:
    assert meets(EXPECT[4], Lived((At(9.4, "and"),)))
    assert not meets(EXPECT[4], Lived())
    assert not meets(EXPECT[4], Lived((At(9.4, "and"), At(10.6, "then"))))


def test_words_not_asked_for_spoil_the_strict_score_only() -> None:
    one = item(EXPECT[0], suite=Suite.CUESPEAK)
    scored = score(one, Lived((At(1.2, "green"), At(6.0, "green"))))
    parts = {part.name: part.hits for part in scored.parts}
    assert scored.score == 1
    assert parts["strict"] == 0
    assert parts["words not asked for"] == 1
    assert [(time.name, time.seconds) for time in scored.times] == [("answer", pytest.approx(0.2))]


def test_behind_turns_an_answer_that_should_overlap_comes_too_late() -> None:
    one = Item(
        "x", Suite.CUESPEAK, "seen voices", 6.0, speaking=((0.0, 3.0),), expect=(Say("cue", 0.8, 2.0, ("green",)),)
    )
    said = Lived((At(1.2, "green"),))
    assert score(one, said).score == 1
    assert score(one, waiting_for_turns(one, said)).score == 0
    assert waiting_for_turns(one, said).said[0].time > 3.0


def test_chance_is_the_same_every_time() -> None:
    one = item(*EXPECT[:5])
    assert at_random(one) == at_random(one)
    assert score(one, at_random(one)).score < 1


def test_items_survive_the_file(tmp_path: Path) -> None:
    items = (item(*EXPECT[:8]), *(item(each, id=f"one-{n}") for n, each in enumerate(EXPECT)))
    save_items(items, tmp_path)
    assert load_items(tmp_path) == items


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "items.json is missing"),
        ("{", "cannot be read"),
        ('[{"id":"a","suite":"dancing","split":"s","seconds":3}]', "item 0 .*dancing"),
        ('[{"id":"a","suite":"cuespeak","split":"s","seconds":3}]', "expects something"),
        ('[{"id":"a","suite":"words","split":"s","seconds":0,"words":[{"word":"a","end":1}]}]', "more than 0"),
        ('[{"id":"a","suite":"words","split":"s","seconds":9e9,"words":[{"word":"a","end":1}]}]', "at most 600"),
        ('[{"id":"a","suite":"words","split":"","seconds":3,"sound":"../a","words":[{"word":"a","end":1}]}]', "folder"),
        ('[{"id":"a","suite":"cuespeak","split":"s","seconds":3,"expect":[{"type":"sing"}]}]', "item 0 .*sing"),
        ('[{"id":"a","suite":"repcount","split":"s","seconds":3,"expect":[{"type":"count","cycles":[]}]}]', "to count"),
        ('[{"id":"a","suite":"words","split":"s","seconds":3,"frame_rate":0,"words":[{"word":"a","end":1}]}]', "60"),
    ],
)  # fmt: skip
def test_items_that_cannot_be_used_are_named(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "items.json").write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        load_items(tmp_path)


def test_two_items_of_one_name_are_refused(tmp_path: Path) -> None:
    save_items((item(EXPECT[0]), item(EXPECT[1])), tmp_path)
    with pytest.raises(ConfigurationError, match="same id"):
        load_items(tmp_path)


def write(path: Path, width: int, channels: int, rate: int, frames: bytes) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)
    return path


def test_sounds_of_any_width_rate_and_channels_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    wanted = struct.pack("<2h", 256, -512)
    assert read_wav(write(path, 2, 1, 16_000, wanted), 16_000) == wanted
    assert read_wav(write(path, 1, 1, 16_000, bytes([129, 126])), 16_000) == wanted
    assert read_wav(write(path, 3, 1, 16_000, b"\7" + wanted[:2] + b"\7" + wanted[2:]), 16_000) == wanted
    assert read_wav(write(path, 2, 2, 16_000, struct.pack("<4h", 200, 312, -500, -524)), 16_000) == wanted
    assert len(read_wav(write(path, 2, 1, 48_000, b"\0\0" * 4800), 16_000)) == 3200
    assert len(read_wav(write(path, 2, 1, 8_000, b"\0\0" * 800), 16_000)) == pytest.approx(3200, abs=4)


def test_a_sound_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF....nothing")
    for name in ("a.wav", "b.wav"):
        with pytest.raises(ConfigurationError, match=name):
            read_wav(tmp_path / name, 16_000)


async def test_a_model_lives_through_an_item_over_the_protocol(tmp_path: Path) -> None:
    model = ScriptedInteraction(say("green!", on="ball"), delegate("it", at=15), hears=False)
    one = Item(
        "x", Suite.DELEGATION, "seen voices", 8.0, words=WORDS, notes=(Laid(4.0, "it is open"),), expect=EXPECT[:3]
    )  # fmt: skip
    lived = await live(model, one, tmp_path)
    assert [each.word for each in lived.said] == ["green", "it", "is", "open"]
    assert lived.said[0].time == pytest.approx(1.0)
    assert lived.handed == (pytest.approx(3.2),)


async def test_a_model_that_hears_gets_the_sound_and_none_of_the_words(tmp_path: Path) -> None:
    write(tmp_path / "x.wav", 2, 1, 16_000, struct.pack("<h", 7) * 8_000)
    model = ScriptedInteraction(hears=True)
    await live(model, Item("x", Suite.WORDS, "seen voices", 1.0, sound="x.wav", words=WORDS), tmp_path)
    assert not any(perceived.texts for _, perceived, _ in model.perceived)
    assert [len(perceived.audio) for _, perceived, _ in model.perceived] == [6400] * 5
    assert model.perceived[0][1].audio[:2] == b"\7\0"
    assert model.perceived[4][1].audio == b"\0" * 6400


def test_the_report_can_be_recomputed_from_its_items() -> None:
    ones = [item(*EXPECT[:5], id=f"a{n}", split=("seen voices", "unseen synthesizers")[n % 2]) for n in range(6)]
    results = [result_of(one, perfect(one) if n < 3 else silent()) for n, one in enumerate(ones)]
    data = as_data(results, "somebody sha256:abc", {Suite.PAUC: "no items"})
    assert (data["model"], data["name"]) == ("abc", "somebody")
    suite = data["suites"]["delegation"]
    assert suite["n"] == 6
    assert suite["score"] == sum(each["score"] for each in suite["items"]) / 6 == 0.5
    assert suite["baselines"]["oracle"] == 1
    assert suite["baselines"]["silent"] == 0
    assert suite["ci95"][0] < 0.5 < suite["ci95"][1]
    assert "not comparable" in data["label"]
    assert data["judged"]["delegation"].startswith("words")
    assert data["without figures"] == {"pauc": "no items"}
    assert list(data["beside"]["delegation"]) == ["seen voices", "unseen synthesizers"]
    assert "unseen synthesizers" in table(results)
    assert picture(results).count("<rect") == 3


def pixmap(width: int, height: int, value: int) -> bytes:
    return f"P6\n# made here\n{width} {height}\n255\n".encode() + bytes([value]) * (3 * width * height)


async def test_a_model_that_sees_gets_the_pictures_in_their_beats(tmp_path: Path) -> None:
    (tmp_path / "x.ppm").write_bytes(pixmap(4, 2, 7) + pixmap(4, 2, 9))
    model = ScriptedInteraction(hears=True)
    one = Item("x", Suite.STARTSTOP, "s", 1.0, frames="x.ppm", frame_rate=2.0, expect=(StartStop(0.2, 0.8),))
    await live(model, one, tmp_path)
    seen = [
        (span.first, each.width, each.height, each.pixels[:1])
        for span, got, _ in model.perceived
        for each in got.frames
    ]
    assert seen == [(0, 4, 2, b"\7"), (2, 4, 2, b"\t")]
    with pytest.raises(ConfigurationError, match="does not see"):
        await live(ScriptedInteraction(), one, tmp_path)


async def test_of_five_pictures_a_second_every_beat_gets_one(tmp_path: Path) -> None:
    (tmp_path / "x.ppm").write_bytes(pixmap(1, 1, 7) * 30)
    model = ScriptedInteraction(hears=True)
    one = Item("x", Suite.STARTSTOP, "s", 6.0, frames="x.ppm", expect=(StartStop(0.2, 0.8),))
    await live(model, one, tmp_path)
    assert [[each.seq for each in got.frames] for _, got, _ in model.perceived] == [[n] for n in range(30)]


@pytest.mark.parametrize("data", [b"", b"P6 2 2 255 ab", b"P5 1 1 255 a", pixmap(1, 1, 0) + b"x", b"P6 0 1 255 "])
def test_pictures_that_are_none_are_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.ppm").write_bytes(data)
    with pytest.raises(ConfigurationError, match=r"x\.ppm"):
        read_frames(tmp_path / "x.ppm", 5.0)


def test_sound_is_joined_as_a_listener_would_hear_it() -> None:
    track = Track(10)
    track.add(b"\1\1" * 2, 0.2)
    track.add(b"\2\2" * 4, 0.4)  # too long for its beat: what comes next waits
    track.add(b"\3\3", 0.6)
    assert track.until(1.0) == b"\0\0" * 2 + b"\1\1" * 2 + b"\2\2" * 4 + b"\3\3" + b"\0\0"
    track.add(b"", 0.6, yields=True)
    assert track.until(1.0) == b"\0\0" * 2 + b"\1\1" * 2 + b"\2\2" * 2 + b"\0\0" * 4


def test_person_and_model_are_kept_side_by_side_in_a_small_file(tmp_path: Path) -> None:
    write_pair(tmp_path / "x.wav", struct.pack("<h", 512) * 16_000, struct.pack("<h", -512) * 8_000, 16_000)
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 1, 8_000)
        frames = file.readframes(8_000)
    assert len(frames) == pytest.approx(16_000, abs=20)
    assert frames[2000:2002] == bytes([130, 126])
    assert frames[-1] == 128
