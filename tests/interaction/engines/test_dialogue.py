from counterpoint.interaction.engines.dialogue import (
    LONGEST_ACCOUNT,
    REMEMBERED_TURNS,
    Dialogue,
    DialogueTurn,
    Party,
    compacted,
    dialogue_of,
    excerpt,
    without_end,
)
from counterpoint.shared_context.delegations import Delegation, DelegationState
from counterpoint.shared_context.ids import Beat, ConversationId, DelegationId, NoteId, Position
from counterpoint.shared_context.package import ContextPackage, NoteView, Speaker, Utterance, Work


def test_the_newest_turns_stay_verbatim_and_older_ones_become_an_account() -> None:
    dialogue = Dialogue()
    for number in range(40):
        dialogue.add(Party.PERSON, f"question {number}")
        dialogue.add(Party.AGENT, f"answer {number}")
    short = compacted(dialogue, 200, lambda text: len(text.split()) + 3)
    assert short.turns[-1] == DialogueTurn(Party.AGENT, "answer 39")
    assert 10 < len(short.turns) < 80
    assert sum(len(turn.text.split()) + 3 for turn in short.turns) + len(short.earlier.split()) + 3 <= 200
    assert "question" in short.earlier


def test_a_single_turn_that_is_too_long_keeps_its_beginning_and_its_end() -> None:
    dialogue = Dialogue()
    dialogue.add(Party.PERSON, "begin " + "word " * 700 + "end")
    short = compacted(dialogue, 40, lambda text: len(text) // 4)
    assert short.turns[0].text.startswith("begin")
    assert short.turns[0].text.endswith("end")
    assert "characters left out" in short.turns[0].text


def test_a_long_dialogue_is_bounded_and_the_oldest_falls_away_first() -> None:
    dialogue = Dialogue()
    for number in range(2000):
        dialogue.add(Party.PERSON, f"line {number} " + "x" * 50)
    assert len(dialogue.turns) <= REMEMBERED_TURNS
    assert len(dialogue.earlier) <= LONGEST_ACCOUNT
    assert "line 0 " not in dialogue.earlier
    assert dialogue.turns[-1].text.startswith("line 1999")


def test_what_was_never_heard_was_not_said_even_over_several_turns() -> None:
    dialogue = Dialogue()
    dialogue.add(Party.AGENT, "Hello there.")
    dialogue.add(Party.AGENT, "The train leaves")
    dialogue.add(Party.AGENT, "from platform 3.")
    dialogue.take_back("leaves from platform 3.")
    assert [turn.text for turn in dialogue.turns] == ["Hello there.", "The train"]
    dialogue.take_back("something else")
    assert len(dialogue.turns) == 2


def test_a_text_without_its_end_whatever_the_spacing() -> None:
    assert without_end("one two  three", "two three") == "one"
    assert without_end("one two", "three") is None


def test_the_history_of_a_conversation_becomes_a_dialogue_without_what_was_unheard() -> None:
    package = ContextPackage(
        ConversationId("c"),
        Position(9),
        Beat(90),
        earlier="They greeted.",
        utterances=(
            Utterance(Speaker.PERSON, Beat(1), Beat(5), "When does it leave?"),
            Utterance(Speaker.AGENT, Beat(6), Beat(9), "Let me check that now.", heard=13),
            Utterance(Speaker.AGENT, Beat(10), Beat(12), "Never played", heard=0),
        ),
        work=(
            Work(
                Delegation(DelegationId("d1"), ConversationId("c"), "train to Bern"),
                DelegationState.DONE,
                Beat(5),
                notes=(NoteView(NoteId("n"), "10:14, platform 3", "result"),),
            ),
            Work(Delegation(DelegationId("d2"), ConversationId("c"), "hotel"), DelegationState.TAKEN, Beat(6)),
            Work(
                Delegation(DelegationId("d3"), ConversationId("c"), "taxi"),
                DelegationState.FAILED,
                Beat(6),
                reason="no taxis",
            ),
        ),
    )
    dialogue = dialogue_of(package)
    assert dialogue.earlier == "They greeted."
    assert [(turn.party, turn.text) for turn in dialogue.turns] == [
        (Party.PERSON, "When does it leave?"),
        (Party.AGENT, "Let me check"),
        (Party.REMARK, "Looked into “train to Bern”, done: 10:14, platform 3"),
        (Party.REMARK, "Being looked into: “hotel”"),
        (Party.REMARK, "Looked into “taxi”, failed (no taxis)"),
    ]


def test_an_excerpt_says_how_much_was_left_out() -> None:
    assert excerpt("a" * 100, 20) == "a" * 15 + " [… 80 characters left out …] " + "a" * 5
