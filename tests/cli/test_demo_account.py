"""What the demo tells of a conversation: what sounded when, what was understood instead, what was not answered; and the
picture of it.
"""

from __future__ import annotations

from array import array
from xml.etree import ElementTree as ET

from counterpoint.cli.demo_account import Account, Handed
from counterpoint.cli.demo_heard import Heard
from counterpoint.cli.score_picture import Mark, score_picture
from counterpoint.evaluation.items import Hand, Item, Recite, Say, Spoken, Stop, Suite
from counterpoint.interaction.microturn import MicroTurn
from counterpoint.shared_context.ids import Beat

RATE = 1_000
ITEM = Item(
    "demo",
    Suite.DELEGATION,
    "unseen synthesizers",
    12.0,
    words=(Spoken("look", 1.0), Spoken("tree", 1.4, content=True), Spoken("stop", 9.4)),
    speaking=((0.5, 1.5), (3.0, 4.0), (9.0, 9.5)),
    expect=(
        Say("cue", 1.2, 2.4, ("fish",), 1.4),
        Hand(3.8, 5.0),
        Recite(4.0, 8.0, ("it", "is", "open")),
        Stop("stops within two beats", 8.0, 10.0, 11.0),
    ),
)


def lived(said: dict[int, str], understood: dict[int, str], beats: int = 60) -> tuple[Heard, array[int]]:
    """Beats come a tenth of a second after they ended; `said` sounds in its beat and the one before."""
    heard, played = Heard(RATE), array("h", bytes(2 * RATE * beats // 5))
    for beat in range(beats):
        sounds = beat in said or beat + 1 in said
        at = (beat + 1) * 0.2 + 0.1
        if sounds:
            first = round(at * RATE)
            played[first : first + 200] = array("h", [5_000] * 200)
        audio = b"\1\1" * 200 if sounds else b""
        heard.take(MicroTurn(Beat(beat), text=said.get(beat, ""), audio=audio, understood=understood.get(beat, "")), at)
    return heard, played[: RATE * beats // 5]


def account(
    said: dict[int, str], understood: dict[int, str], handed: tuple[Handed, ...] = (), until: float = 12.0
) -> str:
    heard, played = lived(said, understood)
    return "\n".join(Account(ITEM, heard, played, handed, until).lines())


def test_who_answers_in_time_is_told_how_soon() -> None:
    told = account({7: "fish", 24: "it", 26: " is", 28: " open"}, {4: "look", 6: "tree"}, (Handed(4.2, "look", 4.4),))
    assert "understood 2 of 3 words, and 0 that nobody said" in told
    assert 'cue: "fish", 0.10 s after the person\'s last word' in told
    assert 'handed over: "look"' in told
    assert 'result: "it is open", 0.90 s after the person paused, 0.50 s after it was found' in told
    assert "silent 0.00 s after the word" in told
    assert "0.10 s, median of 1" in told


def test_what_was_not_answered_and_what_was_said_instead_is_told_as_well() -> None:
    told = account({7: "hat"}, {6: "three"})
    assert 'cue: "fish" was due; "hat" was said' in told
    assert "handed over: nothing" in told
    assert "result: nothing was told" in told
    assert "median" not in told
    assert "understood 0 of 3 words, and 1 that nobody said" in told
    assert "nothing was said" in account({}, {})


def test_speech_that_goes_on_after_stop_is_told_with_its_length() -> None:
    assert "stop: silent 1.10 s after the word" in account({48: "one", 50: " two"}, {})


def test_without_a_voice_words_count_when_they_come() -> None:
    heard = Heard(RATE)
    for beat in range(12):
        heard.take(MicroTurn(Beat(beat), text="fish" if beat == 6 else ""), (beat + 1) * 0.2)
    assert 'cue: "fish", 0.00 s after' in "\n".join(Account(ITEM, heard, array("h"), (), 3.0).lines())


def test_what_was_not_yet_due_when_it_was_broken_off_is_left_out() -> None:
    told = account({}, {}, until=3.0)
    assert "cue" in told
    assert "result" not in told
    assert "stop" not in told


def test_the_picture_has_a_system_for_every_thirteen_seconds_and_obeys_nothing_that_was_said() -> None:
    marks = [
        Mark(1.0, "person", "<script>&"),
        Mark(1.1, "person", "said", faint=True),
        Mark(13.0, "background", "asked"),
    ]
    samples = array("h", [0, 20_000] * 7_000)
    drawn = score_picture("a & b", {"person": samples, "agent": array("h")}, RATE, marks)
    tree = ET.fromstring(drawn)  # noqa: S314 (we wrote it)
    texts = [each.text for each in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a & b", "<script>&", "said", "asked", "0:00.0", "0:25.0"} <= set(texts)
    assert texts.count("person") == 2
    ET.fromstring(score_picture("", {"person": array("h")}, RATE, ()))  # noqa: S314
