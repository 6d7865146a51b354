"""A conversation of ten hours stays small, and what is forgotten first is the chatter."""

from logbook import Logbook, voiced

from counterpoint.config import NOTE_TTL_SECONDS
from counterpoint.shared_context.entries import NoteDropped, Withdrawn
from counterpoint.shared_context.expressed import Boundary
from counterpoint.shared_context.ids import Beat, DelegationId, NoteId
from counterpoint.shared_context.package import Speaker, Utterance
from counterpoint.shared_context.timeline.compaction import (
    Earlier,
    Fact,
    compacted,
    extended,
    fact_of_utterance,
    text_within,
    with_chatter,
)
from counterpoint.shared_context.timeline.folding import Limits
from counterpoint.shared_context.timeline.timeline import FOLD_ENTRIES

SMALL = Limits(utterances=8, characters=400, works=2, work_characters=2_000, notes=2, media=2, earlier=1_500)


def chat(log: Logbook, first: int, beats: int) -> None:
    for beat in range(first, first + beats, 10):
        log.person(f"word{beat}", beat)
        log.agent(f"answer{beat}", beat + 4, boundary=Boundary.END)
        log.played(beat + 4)


def delegate(log: Logbook, number: int, beat: int, *, answer: str = "ten fourteen", heard: bool = True) -> None:
    log.asks(f"d{number}", f"train number {number}", beat)
    log.calls(f"d{number}", f"c{number}")
    log.returns(f"d{number}", f"c{number}", "10:14 " * 100)
    log.finds(f"n{number}", answer, f"d{number}")
    log.settles(f"d{number}")
    if heard:
        log.agent(answer, beat + 3, voiced=voiced(f"n{number}", 0, len(answer)))
        log.played(beat + 3)


def test_ten_hours_take_no_more_room_than_two() -> None:
    log, sizes = Logbook(), []
    for minute in range(600):
        chat(log, minute * 300, 100)
        delegate(log, minute + 1, minute * 300 + 200)
        log.entries.clear()
        sizes.append(len(log.timeline.snapshot()))
    assert max(sizes) < 200_000
    assert max(sizes[300:]) < max(sizes[:120]) * 1.1
    assert len(log.timeline.earlier.text) <= log.timeline.limits.earlier


def test_what_is_older_than_the_details_is_told_in_a_line_each() -> None:
    log = Logbook(SMALL)
    log.person("my name is Ada", 2)
    delegate(log, 1, 5)
    chat(log, 20, 600)
    package = log.package()
    assert "[0.4-0.6] person: my name is Ada" in package.earlier.splitlines()
    assert all("Ada" not in each.text for each in package.utterances)


def test_requests_and_results_outlive_the_chatter() -> None:
    log = Logbook(SMALL)
    chat(log, 0, 400)
    delegate(log, 1, 401)
    log.corrects("d1", "to Potsdam", 402)
    for number in range(2, 6):
        delegate(log, number, 400 + number * 10)
    chat(log, 500, 4_000)
    earlier = log.package().earlier
    assert len(earlier) <= SMALL.earlier
    assert "d1 done: train number 1; corrected: to Potsdam; result (heard): ten fourteen" in earlier
    assert "word0" not in earlier
    assert "utterances" in earlier.splitlines()[0]


def test_facts_stand_in_the_order_of_time() -> None:
    log = Logbook(SMALL)
    for number in range(1, 8):
        chat(log, number * 100, 50)
        delegate(log, number, number * 100 + 60)
    chat(log, 1_000, 2_000)
    beats = [fact.beat for fact in log.timeline.earlier.facts]
    assert beats == sorted(beats)
    assert any(fact.chatter for fact in log.timeline.earlier.facts)
    assert not all(fact.chatter for fact in log.timeline.earlier.facts)


def test_what_was_not_heard_is_not_remembered_as_said() -> None:
    log = Logbook(SMALL)
    log.agent("platform three", 2)
    log.played(2, words=1, cut=True)
    log.agent("secret", 12)
    chat(log, 20, 600)
    earlier = log.package().earlier
    assert "agent: platform (the rest was not heard)" in earlier
    assert "agent: (said something that was not heard)" in earlier
    assert "secret" not in earlier


def test_work_in_flight_is_kept_in_detail_however_long_it_takes() -> None:
    log = Logbook(SMALL)
    log.asks("d1", "the long one", 1)
    for number in range(2, 20):
        delegate(log, number, number * 10)
    chat(log, 300, 3_000)
    assert log.timeline.work(DelegationId("d1")) is not None
    assert [each.id for each in log.timeline.unsettled()] == ["d1"]
    assert len(log.package().work) <= SMALL.works + 1 + FOLD_ENTRIES // 7


def test_a_result_that_still_has_to_be_said_is_kept_until_its_time_is_over() -> None:
    log = Logbook(SMALL)
    delegate(log, 1, 1, answer="never said", heard=False)
    for number in range(2, 20):
        delegate(log, number, number * 10)
    chat(log, 300, 1_000)
    assert [each.note.text for each in log.timeline.pending_notes()] == ["never said"]
    later = 400 + int(NOTE_TTL_SECONDS / 0.2)
    delegate(log, 20, later)
    chat(log, later + 10, 1_000)
    assert log.timeline.pending_notes() == ()
    assert log.timeline.work(DelegationId("d1")) is None


def test_notes_of_the_application_are_folded_away_once_they_are_done_with() -> None:
    log = Logbook(SMALL)
    for number in range(20):
        log.finds(f"n{number}", f"taxi {number}")
        log.add(NoteDropped(NoteId(f"n{number}"), "cancelled"), number)
    log.finds("n20", "taxi 20")
    chat(log, 30, 600)
    assert [each.text for each in log.package().notes] == ["taxi 19", "taxi 20"]
    assert "result (dropped: cancelled): taxi 18" in log.package().earlier


def test_an_overlap_with_what_is_forgotten_is_still_marked() -> None:
    log = Logbook(SMALL)
    log.types("when is", 2, done=False)
    log.speaks("hello and welcome to the station", 3)
    for beat in range(20, 3_000, 10):
        log.person("someone else", beat)
    log.types(" the train?", 3_100)
    typed = next(each for each in log.package().utterances if each.text == "when is the train?")
    assert typed.overlaps
    assert log.said(Speaker.AGENT) == []


def test_a_reason_and_a_failure_are_part_of_the_outcome() -> None:
    log = Logbook(SMALL)
    log.asks("d1", "the next train", 1)
    log.add(Withdrawn(DelegationId("d1"), "never mind"), 2)
    for number in range(2, 9):
        delegate(log, number, number * 10)
    chat(log, 300, 600)
    assert "d1 withdrawn (never mind): the next train" in log.package().earlier


def facts(count: int, *, chatter: bool) -> list[Fact]:
    return [Fact(Beat(beat), f"fact {beat} " + "x" * 200, chatter) for beat in range(count)]


def test_compaction_shortens_chatter_before_it_leaves_anything_out() -> None:
    earlier = extended(Earlier(), [*facts(10, chatter=True), *facts(10, chatter=False)])
    smaller = compacted(earlier, 3_500)
    assert len(smaller.text) <= 3_500
    assert (smaller.utterances, smaller.outcomes) == (0, 0)
    assert [fact.text for fact in smaller.facts if not fact.chatter] == [fact.text for fact in facts(10, chatter=False)]


def test_compaction_leaves_the_oldest_out_and_counts_them() -> None:
    earlier = extended(Earlier(), [*facts(50, chatter=True), *facts(50, chatter=False)])
    smaller = compacted(earlier, 2_000)
    kept = [fact for fact in smaller.facts if not fact.chatter]
    assert len(smaller.text) <= 2_000
    assert kept[-1].beat == 49
    assert smaller.outcomes == 50 - len(kept)
    assert smaller.utterances == 50 - sum(fact.chatter for fact in smaller.facts)
    assert any(fact.chatter and fact.beat == 49 for fact in smaller.facts)
    assert smaller.text.startswith(f"({smaller.utterances} utterances and {smaller.outcomes} delegations and notes")


def test_where_nothing_fits_nothing_is_told() -> None:
    earlier = extended(Earlier(), facts(5, chatter=False))
    assert text_within(earlier, 10) == ""
    assert text_within(earlier, 0) == ""


def test_of_old_chatter_only_what_may_be_kept_is_put_into_words() -> None:
    before = extended(Earlier(utterances=3), [*facts(5, chatter=True), *facts(5, chatter=False)])
    said = [Utterance(Speaker.PERSON, Beat(9 + n), Beat(9 + n), f"{n}, " + "and so on " * (n % 20)) for n in range(500)]
    everything = extended(before, map(fact_of_utterance, said))
    for limit in (*range(0, 3_000, 50), 8_000, 20_000, 100_000):
        assert text_within(with_chatter(before, said, limit), limit) == text_within(everything, limit)
    assert len(with_chatter(before, said, 2_000).facts) < 60
