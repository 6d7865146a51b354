"""The weaver and its tray: every note is woven and heard, or dropped once with a reason."""

from counterpoint.interaction.policy import weave_when_it_suits
from counterpoint.interaction.weaver import MAX_OFFERS, REACTION_BEATS, Weaver, Weaving
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import Boundary, Expressed, Voiced
from counterpoint.shared_context.ids import Beat, DelegationId, NoteId, Position
from counterpoint.shared_context.notes import DecisionKind, Delivery, Note, NoteKind

WORK = DelegationId("d1")


def note(
    id: str,
    text: str = "It leaves at ten.",
    *,
    kind: NoteKind = NoteKind.RESULT,
    key: str = "",
    delivery: Delivery = Delivery.WHEN_IDLE,
    ttl: float = 600.0,
    computed_for: int | None = None,
) -> Note:
    position = None if computed_for is None else Position(computed_for)
    return Note(NoteId(id), kind, text, WORK, delivery, key=key, ttl=ttl, computed_for=position)


def weaver() -> Weaver:
    return Weaver(weave_when_it_suits)


def at(subject: Weaver, beat: int, *texts: TextChunk) -> Weaving:
    return subject.weave(Beat(beat), texts)


def offered(weaving: Weaving) -> list[str]:
    return [offer.note.id for offer in weaving.offers]


def dropped(weaving: Weaving) -> dict[str, str]:
    return {drop.note: drop.reason for drop in weaving.drops}


def voice(subject: Weaver, id: str, end: int, beat: int, *, start: int = 0) -> None:
    boundary = Boundary.WORD
    subject.expressed(Expressed("words", voiced=(Voiced(NoteId(id), start, end),), boundary=boundary), Beat(beat))


def test_a_note_is_woven_once_and_forgotten_when_it_was_heard() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    assert offered(at(subject, 10)) == ["a"]
    voice(subject, "a", 17, 10)
    assert offered(at(subject, 11)) == []
    subject.heard(NoteId("a"), 17)
    assert subject.idle


def test_a_note_cut_off_in_the_middle_waits_again_with_what_was_heard_of_it() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    at(subject, 10)
    voice(subject, "a", 9, 10)
    subject.cut(NoteId("a"), 3, Beat(11))
    subject.expressed(Expressed(), Beat(11))
    weaving = at(subject, 20)
    assert [(offer.note.id, offer.heard) for offer in weaving.offers] == [("a", 3)]


def test_a_note_that_was_cut_off_does_not_break_at_once_into_the_answer_to_what_cut_it_off() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    at(subject, 10)
    voice(subject, "a", 9, 10)
    subject.cut(NoteId("a"), 3, Beat(30))
    speaking = Expressed("well", boundary=Boundary.CLAUSE)
    beats = []
    for beat in range(31, 40):
        subject.expressed(speaking, Beat(beat - 1))
        beats += [beat] if offered(at(subject, beat)) else []
    assert beats == [35]


def test_a_newer_note_with_the_same_key_supersedes_an_unvoiced_older_one() -> None:
    subject = weaver()
    subject.lay(note("old", key="platform"), Beat(10))
    subject.lay(note("new", key="platform"), Beat(11))
    weaving = at(subject, 11)
    assert offered(weaving) == ["new"]
    assert dropped(weaving) == {"old": "superseded by new"}


def test_an_interrupted_note_does_not_come_back_when_a_newer_one_has_replaced_it() -> None:
    subject = weaver()
    subject.lay(note("old", key="platform"), Beat(10))
    at(subject, 10)
    voice(subject, "old", 5, 10)
    subject.lay(note("new", key="platform"), Beat(11))
    subject.cut(NoteId("old"), 2, Beat(11))
    subject.expressed(Expressed(), Beat(12))
    weaving = at(subject, 20)
    assert offered(weaving) == ["new"]
    assert dropped(weaving) == {"old": "superseded by new"}


def test_newer_progress_and_results_replace_waiting_progress_of_the_same_work() -> None:
    subject = weaver()
    subject.lay(note("p1", kind=NoteKind.PROGRESS), Beat(10))
    subject.lay(note("p2", kind=NoteKind.PROGRESS), Beat(11))
    subject.lay(note("r"), Beat(12))
    weaving = at(subject, 12)
    assert offered(weaving) == ["r"]
    assert set(dropped(weaving)) == {"p1", "p2"}


def test_a_result_that_contradicts_what_was_told_becomes_a_correction() -> None:
    subject = weaver()
    subject.lay(note("a", "Platform three.", key="platform"), Beat(10))
    at(subject, 10)
    voice(subject, "a", 15, 10)
    subject.heard(NoteId("a"), 15)
    subject.expressed(Expressed(), Beat(11))
    subject.lay(note("b", "Platform four.", key="platform"), Beat(30))
    (offer,) = at(subject, 30).offers
    assert offer.note.kind is NoteKind.CORRECTION
    assert offer.note.corrects == "a"


def test_nothing_is_woven_after_withdrawal() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    subject.withdraw(WORK)
    subject.lay(note("b"), Beat(11))
    weaving = at(subject, 12)
    assert offered(weaving) == []
    assert dropped(weaving) == {"a": "withdrawn", "b": "withdrawn"}


def test_what_was_computed_before_a_correction_is_stale() -> None:
    subject = weaver()
    subject.lay(note("a", computed_for=5), Beat(10))
    subject.amend(WORK, Position(7))
    subject.lay(note("b", computed_for=6), Beat(11))
    subject.lay(note("c", computed_for=8), Beat(11))
    weaving = at(subject, 12)
    assert offered(weaving) == ["c"]
    assert set(dropped(weaving)) == {"a", "b"}


def test_an_expired_note_is_reported_once() -> None:
    subject = weaver()
    subject.lay(note("a", ttl=2.0), Beat(10))
    talking = TextChunk("and", typed=False)
    assert dropped(at(subject, 19, talking)) == {}
    assert dropped(at(subject, 20, talking)) == {"a": "expired"}
    assert dropped(at(subject, 21, talking)) == {}


def test_a_note_that_the_model_ignores_is_offered_again_and_in_the_end_reported() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    offers, drops = [], {}
    for beat in range(10, 10 + REACTION_BEATS * (MAX_OFFERS + 1)):
        weaving = at(subject, beat)
        offers += offered(weaving)
        drops |= dropped(weaving)
    assert offers == ["a"] * MAX_OFFERS
    assert drops == {"a": "the model never voiced it"}


def test_a_lost_stream_gives_back_what_it_had_in_hand() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    at(subject, 10)
    voice(subject, "a", 5, 10)
    subject.stream_lost(lambda _: 0, Beat(11))
    subject.expressed(Expressed(), Beat(11))
    assert offered(at(subject, 12)) == ["a"]


def test_holding_is_recorded_when_the_reason_changes_and_not_every_beat() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    talking = TextChunk("and", typed=False)
    reasons = [each.reason for beat in range(10, 15) for each in at(subject, beat, talking).decisions]
    reasons += [each.reason for beat in range(15, 19) for each in at(subject, beat).decisions]
    assert reasons == ["person_speaking", "person_paused_too_briefly", "floor_open"]


def test_unfinished_typing_holds_the_floor_for_five_beats_after_the_last_key() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    at(subject, 10, TextChunk("when does", done=False))
    beats = [beat for beat in range(11, 30) if offered(at(subject, beat))]
    assert beats == [19]


def test_what_is_left_when_the_conversation_ends_is_reported() -> None:
    subject = weaver()
    subject.lay(note("a"), Beat(10))
    subject.lay(note("b"), Beat(10))
    at(subject, 10)
    assert {drop.note: drop.reason for drop in subject.leave("the end")} == {"a": "the end", "b": "the end"}


def test_a_policy_of_ones_own_may_drop_and_is_not_trusted_with_unknown_notes() -> None:
    from counterpoint.shared_context.notes import Decision

    def choosy(situation, waiting):
        yield Decision(NoteId("ghost"), DecisionKind.WEAVE, "invented", situation.beat)
        for each in waiting:
            yield Decision(each.note.id, DecisionKind.DROP, "nobody asked", situation.beat)

    subject = Weaver(choosy)
    subject.lay(note("a"), Beat(10))
    weaving = at(subject, 10)
    assert offered(weaving) == []
    assert dropped(weaving) == {"a": "nobody asked"}
