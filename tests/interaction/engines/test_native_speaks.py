"""The shipped native model with a voice, behind the protocol: sound and words go out together. No time is measured, and
how the voice sounds does not matter here.
"""

from collections.abc import Callable
from itertools import count

import msgspec
import numpy as np
import pytest
from small_voice import small_voice

from counterpoint.interaction.engines import native_living
from counterpoint.interaction.engines.native import NativeInteraction, NativeStream
from counterpoint.interaction.engines.native_living import BEHIND_WORDS
from counterpoint.interaction.model import Modality, Offer, Perceived, Span, Start
from counterpoint.interaction.nn.beat import Beat as Found
from counterpoint.interaction.nn.beat import Conversing, Incoming
from counterpoint.interaction.nn.checkpoint import load_model
from counterpoint.interaction.nn.synthesiser import FADE
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import Boundary, Delegate, End, Expressed, Floor, Voiced, Yield
from counterpoint.shared_context.ids import Beat, ConversationId, NoteId, SessionId
from counterpoint.shared_context.notes import Delivery, Note, NoteKind

START = Start(ConversationId("c"), SessionId("s"))
BEAT_BYTES = 6400


@pytest.fixture(scope="module")
def model() -> NativeInteraction:
    return NativeInteraction(load_model(), voice=small_voice())


async def live(
    stream: NativeStream, beats: int, texts: dict[int, str], offers: dict[int, Offer] | None = None
) -> list[Expressed]:
    found: list[Expressed] = []
    for beat in range(beats):
        chunks = (TextChunk(texts[beat]),) if beat in texts else ()
        woven = (offers[beat],) if offers and beat in offers else ()
        found.append(await stream.step(Perceived(chunks), woven, Span(Beat(beat))))
    return found


def said(steps: list[Expressed]) -> str:
    return "".join(each.text for each in steps)


def test_with_a_voice_it_expresses_sound(model: NativeInteraction) -> None:
    assert model.capabilities.expresses == {Modality.TEXT, Modality.AUDIO}
    assert NativeInteraction(load_model()).capabilities.expresses == {Modality.TEXT}


async def test_an_answer_sounds_in_the_beat_of_its_cue_and_is_said_when_it_has_been_heard(
    model: NativeInteraction,
) -> None:
    steps = await live(await model.open(START), 45, {2: "When I say ball, you say green!", 25: "look at the ball"})
    first, *others = (beat for beat, each in enumerate(steps) if each.audio)
    assert first in (27, 28, 29)
    assert others == [first + 1, first + 2]  # two beats of "green", and one in which it dies away
    assert [(beat, each.text) for beat, each in enumerate(steps) if each.text] == [(first + 1, "green")]
    assert all(len(each.audio) == BEAT_BYTES for each in steps if each.audio)
    assert np.frombuffer(steps[first].audio, "<i2").any()


async def test_while_a_word_sounds_the_agent_has_the_floor(model: NativeInteraction) -> None:
    steps = await live(await model.open(START), 30, {2: "look up the weather in paris"})
    (asked,) = (beat for beat, each in enumerate(steps) if Delegate("look up the weather in paris") in each.actions)
    assert said(steps) == "let me check"
    first = next(beat for beat, each in enumerate(steps) if each.audio)
    assert first == asked + 1
    last = max(beat for beat, each in enumerate(steps) if each.audio)
    assert all(each.floor in (Floor.AGENT, Floor.BOTH) for each in steps[first : last + 1])
    assert all(each.boundary is Boundary.WORD for each in steps[first:last])
    assert steps[-1].boundary is Boundary.END


async def test_silence_has_no_sound(model: NativeInteraction) -> None:
    assert not any(each.audio for each in await live(await model.open(START), 40, {}))


async def test_a_late_step_has_the_sound_of_all_its_beats(model: NativeInteraction) -> None:
    in_time, late = await model.open(START), await model.open(START)
    steps = await live(in_time, 16, {0: "look up the weather in paris"})
    pairs = []
    for first in range(0, 16, 2):
        chunks = (TextChunk("look up the weather in paris"),) if first == 0 else ()
        pairs.append(await late.step(Perceived(chunks), (), Span(Beat(first), 2)))
    assert said(pairs) == said(steps)
    for number, pair in enumerate(pairs):
        parts = [each.audio for each in steps[2 * number : 2 * number + 2]]
        assert pair.audio == (b"".join(part or bytes(BEAT_BYTES) for part in parts) if any(parts) else b"")


Decide = Callable[[dict[int, str]], None]


@pytest.fixture
def decided(monkeypatch: pytest.MonkeyPatch) -> Decide:
    """The model's decisions, beat by beat, given: what comes of them is the same whatever it has learned."""

    def decide(tokens: dict[int, str]) -> None:
        beats = count()

        def advance(
            _model: object, state: Conversing, _incoming: object, _decoding: object
        ) -> tuple[Found, Conversing]:
            token = tokens.get(next(beats), "")
            control = token.startswith("<")
            return Found("", "" if control else token, token if control else ""), state

        monkeypatch.setattr(native_living, "advance", advance)

    return decide


async def test_a_result_is_read_at_once_whatever_passages_of_documents_came_before_it(
    model: NativeInteraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[str, str, str]] = []

    def advance(_model: object, state: Conversing, incoming: Incoming, _decoding: object) -> tuple[Found, Conversing]:
        read.extend(incoming.notes)
        return Found("", "", ""), state

    monkeypatch.setattr(native_living, "advance", advance)
    passage = Note(NoteId("p"), NoteKind.PARTIAL, "It is rainy. " * 100, delivery=Delivery.SILENT)
    result = Note(NoteId("r"), NoteKind.RESULT, "It is open.")
    stream = await model.open(START)
    await live(stream, 2, {}, {0: Offer(passage, Delivery.SILENT), 1: Offer(result, Delivery.WHEN_IDLE)})
    assert read == [("<result>", "it is open", "background")]


async def test_what_is_voiced_of_a_result_goes_out_with_its_sound(model: NativeInteraction, decided: Decide) -> None:
    result = Offer(Note(NoteId("n"), NoteKind.RESULT, "It is 15 degrees."), Delivery.WHEN_IDLE)
    stream = await model.open(START)
    decided({4: "it", 5: "is", 6: "fifteen", 9: "degrees"})
    steps = await live(stream, 14, {}, {1: result})
    assert [(beat, each.text) for beat, each in enumerate(steps) if each.text] == [
        (4, "It"), (5, " is"), (8, " 15"), (11, " degrees."),
    ]  # fmt: skip
    voiced = {beat: each.voiced for beat, each in enumerate(steps) if each.voiced}
    assert voiced == {
        4: (Voiced(NoteId("n"), 0, 2),),
        5: (Voiced(NoteId("n"), 3, 5, 1),),
        6: (Voiced(NoteId("n"), 6, 6),),  # on its way
        7: (Voiced(NoteId("n"), 6, 6),),
        8: (Voiced(NoteId("n"), 6, 8, 1),),
        9: (Voiced(NoteId("n"), 9, 9),),
        10: (Voiced(NoteId("n"), 9, 9),),
        11: (Voiced(NoteId("n"), 9, 17, 1),),
    }


@pytest.mark.parametrize("control", ["<stop>", "<yield>"])
async def test_when_it_yields_it_is_silent_after_five_milliseconds(
    model: NativeInteraction, decided: Decide, control: str
) -> None:
    stream = await model.open(START)
    decided({1: "seven", 3: "seventeen", 4: control, 8: "the"})
    steps = await live(stream, 12, {})
    assert steps[4].actions == (Yield(),)
    samples = np.frombuffer(steps[4].audio, "<i2")
    assert len(samples) == BEAT_BYTES // 2
    assert samples[:FADE].any()
    assert not samples[FADE:].any()
    assert [bool(each.audio) for each in steps[5:]] == [False, False, False, True, True, False, False]
    assert said(steps) == "seven the"
    assert steps[4].unsaid == "seventeen"


async def test_the_conversation_ends_once_the_last_word_has_sounded(model: NativeInteraction, decided: Decide) -> None:
    stream = await model.open(START)
    decided({1: "seventeen", 2: "<end>"})
    steps = await live(stream, 8, {})
    assert [beat for beat, each in enumerate(steps) if each.actions] == [4]
    assert steps[4].actions == (End(""),)


async def test_a_word_that_is_chosen_early_waits_for_the_one_that_sounds(
    model: NativeInteraction, decided: Decide
) -> None:
    stream = await model.open(START)
    decided({1: "seventeen", 2: "the"})
    steps = await live(stream, 8, {})
    assert [(beat, each.text) for beat, each in enumerate(steps) if each.text] == [(3, "seventeen"), (4, " the")]


async def test_a_greeting_is_spoken_and_what_the_voice_lacks_is_spelled(model: NativeInteraction) -> None:
    stream = await model.open(msgspec.structs.replace(START, greeting="Hello, how are you, Zoë?"))
    steps = await live(stream, 40, {})
    assert said(steps) == "Hello, how are you, Zoë?"
    assert sum(bool(each.text) for each in steps) == 5
    last = max(beat for beat, each in enumerate(steps) if each.text)
    assert all(each.audio for each in steps[: last + 1])


async def test_a_voice_that_is_far_behind_gives_up_when_the_person_speaks(model: NativeInteraction) -> None:
    greeting = "Xylophones zigzag perpendicularly throughout northwestern Kazakhstan"
    stream = await model.open(msgspec.structs.replace(START, greeting=greeting))
    steps = await live(stream, 120, {9: "please stop"})
    unsaid = " ".join(each.unsaid for each in steps if each.unsaid)
    assert len(unsaid.split()) >= BEHIND_WORDS
    assert said(steps) + " " + unsaid == greeting
    assert not steps[-1].audio


async def test_two_streams_speak_with_one_voice_and_do_not_disturb_each_other(model: NativeInteraction) -> None:
    typed = {2: "look up the weather in paris"}
    alone = await live(await model.open(START), 25, typed)
    one, other = await model.open(START), await model.open(START)
    for beat in range(25):
        chunks = (TextChunk(typed[beat]),) if beat in typed else ()
        step = await one.step(Perceived(chunks), (), Span(Beat(beat)))
        greeting = (TextChunk("say blue in two seconds"),) if beat == 4 else ()
        await other.step(Perceived(greeting), (), Span(Beat(beat)))
        assert step.audio == alone[beat].audio
