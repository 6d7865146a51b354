"""What the timeline says of who said what, and when."""

import msgspec
import pytest
from logbook import CONVERSATION, Logbook, voiced

from counterpoint.errors import CorruptRecord
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import (
    Closed,
    Degraded,
    Failed,
    Gap,
    MediaFault,
    MediaRef,
    NoteDropped,
    Opened,
    Orphaned,
    Paused,
    Recovered,
    Resumed,
    Turn,
    Unknown,
)
from counterpoint.shared_context.expressed import Boundary, Floor
from counterpoint.shared_context.ids import Beat, MediaId, NoteId, SessionId
from counterpoint.shared_context.package import Speaker, Utterance
from counterpoint.shared_context.packing import package_of
from counterpoint.shared_context.timeline import Timeline
from counterpoint.shared_context.timeline.folding import TimelineState

PERSON, AGENT = Speaker.PERSON, Speaker.AGENT


def spoken(text: str, first: int, last: int, **fields: object) -> Utterance:
    return Utterance(PERSON, Beat(first), Beat(last), text, **fields)


def test_words_of_a_person_become_one_utterance_with_its_beats() -> None:
    log = Logbook()
    for beat, word in enumerate(("when", "is", "the", "next", "train"), 3):
        log.person(word, beat)
    assert log.package().utterances == (spoken("when is the next train", 3, 7),)


@pytest.mark.parametrize(("resumes", "utterances"), [(5, 1), (6, 1), (7, 2)])
def test_an_utterance_ends_with_a_pause_of_two_beats(resumes: int, utterances: int) -> None:
    log = Logbook()
    log.person("hello", 4)
    log.person("there", resumes)
    assert len(log.said(PERSON)) == utterances


def test_a_late_step_counts_with_all_the_beats_that_it_covers() -> None:
    log = Logbook()
    log.person("hello", 4)
    log.person("there", 9, span=4)
    assert log.package().utterances == (spoken("hello there", 4, 9),)


def test_what_is_typed_is_one_utterance_until_it_is_sent_however_long_one_thinks() -> None:
    log = Logbook()
    log.types("when is the ne", 3, done=False)
    assert log.package().typing == "when is the ne"
    assert log.package().utterances == ()
    log.types("xt train", 40, done=False)
    log.types("?", 41)
    assert log.package().utterances == (spoken("when is the next train?", 3, 41),)
    assert log.package().typing == ""


def test_two_sent_messages_are_two_utterances() -> None:
    log = Logbook()
    log.types("hello", 3)
    log.types("are you there?", 4)
    assert log.said(PERSON) == ["hello", "are you there?"]


def test_sending_nothing_says_nothing() -> None:
    log = Logbook()
    log.types("", 3)
    log.types("   ", 9)
    log.person("  ", 12)
    assert log.package().utterances == ()


def test_what_a_model_understood_is_joined_as_it_comes_and_marked() -> None:
    log = Logbook()
    log.add(Turn(understood="to Pots"), 4)
    log.add(Turn(understood="dam please"), 5)
    assert log.package().utterances == (spoken("to Potsdam please", 4, 5, understood=True),)


def test_a_model_that_repeats_the_words_it_was_given_makes_nobody_say_them_twice() -> None:
    log = Logbook()
    log.person("to Potsdam", 4, understood="to  Potsdam ")
    assert log.said(PERSON) == ["to Potsdam"]


def test_what_the_agent_says_is_joined_as_it_comes_with_a_space_only_where_a_word_had_ended() -> None:
    log = Logbook()
    log.agent("The depar", 4, boundary=Boundary.NONE)
    log.agent("tures", 5)
    log.agent("are", 6)
    log.agent(" late.", 7, boundary=Boundary.END)
    assert log.said(AGENT) == ["The departures are late."]


def test_early_parts_of_a_beat_stand_in_the_order_in_which_they_were_said() -> None:
    log = Logbook()
    log.agent("One", 4, part=1, span=0)
    log.agent(" two", 4, part=2, span=0)
    log.agent(" three", 4)
    assert log.said(AGENT) == ["One two three"]


def test_both_sides_are_marked_where_they_spoke_at_the_same_time() -> None:
    log = Logbook()
    log.speaks("The next train leaves", 2)
    log.person("no, wait", 5)
    log.person("please", 6)
    log.speaks("Yes?", 9)
    assert [(each.text, each.overlaps) for each in log.package().utterances] == [
        ("The next train leaves", True),
        ("no, wait please", True),
        ("Yes?", False),
    ]


def test_a_long_utterance_overlaps_with_each_one_that_falls_into_it() -> None:
    log = Logbook()
    for beat in range(2, 30):
        log.agent("la", beat)
        if beat in (5, 15):
            log.person("mhm", beat)
    log.person("thanks", 33)
    assert [each.overlaps for each in log.package().utterances] == [True, True, True, False]


def test_who_speaks_for_minutes_goes_on_in_further_utterances_and_no_word_is_lost() -> None:
    log = Logbook()
    words = [f"w{beat}" for beat in range(1_000)]
    for beat, word in enumerate(words):
        log.person(word, beat)
    assert 1 < len(log.said(PERSON)) < 10
    assert " ".join(log.said(PERSON)).split() == words


def test_an_interruption_ends_the_utterance_even_if_the_agent_goes_on_at_once() -> None:
    log = Logbook()
    log.agent("The train leaves", 4)
    log.agent("Sure.", 5, flush=True)
    assert log.said(AGENT) == ["The train leaves", "Sure."]


def test_a_new_session_goes_on_with_nobodys_sentence_but_keeps_what_is_being_typed() -> None:
    log = Logbook()
    log.add(Opened(SessionId("s1"), "You are a guide."), 0)
    log.person("when is", 4)
    log.types("the tr", 4, done=False)
    log.add(Opened(SessionId("s2"), start=Beat(5)), 5)
    log.person("hello", 5)
    log.types("ain", 6)
    assert log.said(PERSON) == ["when is", "the train", "hello"]
    assert (log.timeline.session, log.timeline.epoch) == ("s2", 6)
    assert log.package().instructions == "You are a guide."


def test_an_entry_that_comes_again_changes_nothing() -> None:
    log = Logbook()
    log.person("hello", 4)
    log.agent("Good morning", 6)
    before = log.timeline.snapshot()
    for stored in log.entries:
        log.timeline.apply(stored)
    assert log.timeline.snapshot() == before


def test_the_present_floor_is_what_the_model_reported_last() -> None:
    log = Logbook()
    log.agent("Well", 4, floor=Floor.BOTH)
    assert log.package().present is Floor.BOTH


@pytest.mark.parametrize(
    ("turn", "floor"),
    [
        (Turn(text="Well", boundary=Boundary.WORD), Floor.AGENT),
        (Turn(text="Well.", boundary=Boundary.END), Floor.OPEN),
        (Turn(understood="hello"), Floor.PERSON),
        (Turn(texts=(TextChunk("hello", typed=False),), text="Well", boundary=Boundary.WORD), Floor.BOTH),
        (Turn(texts=(TextChunk("hel", done=False),)), Floor.PERSON),
        (Turn(texts=(TextChunk("hello"),)), Floor.OPEN),
    ],
)
def test_without_a_report_the_floor_is_read_from_the_log(turn: Turn, floor: Floor) -> None:
    log = Logbook()
    log.add(turn, 4)
    assert log.package().present is floor


def test_unfinished_typing_holds_the_floor_for_five_beats() -> None:
    log = Logbook()
    log.types("hel", 4, done=False)
    log.add(NoteDropped(NoteId("n0"), "expired"), 9)
    assert log.timeline.floor is Floor.PERSON
    log.add(NoteDropped(NoteId("n0"), "expired"), 10)
    assert log.timeline.floor is Floor.OPEN
    assert log.timeline.typing == "hel"


def test_beats_that_nobody_lived_through_still_pass() -> None:
    log = Logbook()
    log.person("hello", 4)
    log.add(Gap(Beat(5), Beat(90), "the host stood still"), 5)
    assert log.package().now == 90


def test_media_are_named_and_only_the_newest_kept() -> None:
    log = Logbook()
    for number in range(100):
        log.add(Turn(media=(MediaRef(MediaId(f"m{number}"), "audio", 2.0, 64_000),)), number)
    assert [each.id for each in log.package().media] == [f"m{number}" for number in range(68, 100)]


def test_kinds_that_are_unknown_and_things_never_seen_are_tolerated() -> None:
    log = Logbook()
    log.add(Unknown("telepathy", msgspec.msgpack.encode({"kind": "telepathy"})), 3)
    for body in (
        MediaFault("audio", concealed=0.2),
        Degraded("gone"),
        Recovered(1.0, 3),
        Paused(),
        Resumed(),
        Failed("stream", "raised"),
        Orphaned(b"\x80"),
    ):
        log.add(body, 4)
    log.takes("d9")
    log.corrects("d9", "tomorrow", 5)
    log.calls("d9", "c9")
    log.returns("d9", "c9", "10:14")
    log.settles("d9")
    log.played(400)
    log.add(NoteDropped(NoteId("n9"), "expired"), 6)
    log.person("hello", 8)
    package = log.package()
    assert package.upto == len(log.entries)
    assert log.said(PERSON) == ["hello"]
    assert package.work == ()


def test_a_closed_conversation_leaves_nothing_in_flight() -> None:
    log = Logbook()
    log.asks("d1", "the next train", 4)
    log.add(Closed("the person left"), 9)
    assert log.timeline.closed
    assert log.timeline.unsettled() == ()
    assert log.package().work[0].reason == "the person left"


def test_a_timeline_restored_in_the_middle_of_anything_goes_on_as_if_nothing_had_happened() -> None:
    log = Logbook()
    log.person("when is", 3)
    log.person("the train", 4)
    log.types("to Pots", 4, done=False)
    log.types("dam", 9)
    log.asks("d1", "the train to Potsdam", 10)
    log.calls("d1", "c1")
    log.finds("n1", "looking", "d1", key="status")
    log.agent("One mo", 11, boundary=Boundary.NONE)
    log.agent("ment, please", 12, flush=True)
    log.finds("n2", "found it", "d1", key="status")
    log.agent("found it", 14, voiced=voiced("n2", 0, 8))
    log.played(11)
    log.played(14, words=1, cut=True)
    log.returns("d1", "c1", "10:14")
    for at in range(len(log.entries)):
        timeline = Timeline(CONVERSATION)
        for stored in log.entries[:at]:
            timeline.apply(stored)
        restored = Timeline.restore(timeline.snapshot())
        for stored in log.entries[at:]:
            restored.apply(stored)
        assert restored.snapshot() == log.timeline.snapshot()
        assert package_of(restored) == log.package()


def test_bytes_that_are_no_snapshot_are_refused_by_name() -> None:
    for data in (b"", b"\x81", b"\xa3abc", b"\x81\xa4tail\xa1\xff", Logbook().timeline.snapshot()[:-3]):
        with pytest.raises(CorruptRecord):
            Timeline.restore(data)


def test_a_snapshot_of_a_newer_version_is_refused() -> None:
    data = msgspec.msgpack.encode(TimelineState(CONVERSATION, version=99))
    with pytest.raises(CorruptRecord, match="version 99"):
        Timeline.restore(data)
