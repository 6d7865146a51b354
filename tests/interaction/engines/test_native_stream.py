"""The shipped native model behind the protocol: what it hears and reads, says and hands over, in text. No time is
measured.
"""

from collections.abc import AsyncIterator

import msgspec
import numpy as np
import pytest

from counterpoint.errors import ModelFailed
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.engines.native import NativeInteraction, NativeStream
from counterpoint.interaction.engines.native_memory import REMEMBERED_WORDS, remember
from counterpoint.interaction.model import Modality, Offer, Perceived, Span, Start, Weaving
from counterpoint.interaction.nn.checkpoint import load_model
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.expressed import SILENCE, Boundary, Delegate, Expressed, Floor
from counterpoint.shared_context.ids import Beat, ConversationId, Position, SessionId
from counterpoint.shared_context.package import ContextPackage, Speaker, Utterance
from training.voices import Espeak

START = Start(ConversationId("c"), SessionId("s"))
PAUSE = b"\0" * 6400
LINES = ("look at the blue door", "say green in five seconds", "what comes after three", "please stop")


@pytest.fixture(scope="module")
def model() -> NativeInteraction:
    return NativeInteraction(load_model())


@pytest.fixture
async def stream(model: NativeInteraction) -> AsyncIterator[NativeStream]:
    stream = await model.open(START)
    yield stream
    await stream.aclose()


async def live(
    stream: NativeStream, beats: int, texts: dict[int, str], audio: bytes = b"", offers: dict[int, Offer] | None = None
) -> list[Expressed]:
    found: list[Expressed] = []
    for beat in range(beats):
        chunks = (TextChunk(texts[beat]),) if beat in texts else ()
        woven = (offers[beat],) if offers and beat in offers else ()
        sound = audio[beat * 6400 : beat * 6400 + 6400]
        found.append(
            await stream.step(Perceived(chunks, sound.ljust(6400, b"\0") if audio else b""), woven, Span(Beat(beat)))
        )
    return found


def said(steps: list[Expressed]) -> str:
    return "".join(each.text for each in steps)


def spoken(line: str, variant: str) -> bytes:
    """A second of silence around the line, as a voice that the model was never trained on says it."""
    clip = Espeak().say(line, "en-us", variant, rate=150)
    assert clip is not None
    samples = (clip.samples * (0.08 / np.sqrt(np.mean(clip.samples**2)))).clip(-1, 1)
    return PAUSE * 3 + (samples * 32767).astype("<i2").tobytes() + PAUSE * 4


def unseen_variants() -> list[str]:
    from training.bank import espeak_variants

    return espeak_variants("test")[:4]


def test_it_says_what_it_perceives_and_expresses(model: NativeInteraction) -> None:
    assert model.capabilities.perceives == {Modality.TEXT, Modality.AUDIO, Modality.VIDEO}
    assert model.capabilities.expresses == {Modality.TEXT}
    assert model.capabilities.weaving is Weaving.MODEL


def test_by_its_name_it_comes_with_its_voice() -> None:
    loaded = load_interaction("native")
    assert isinstance(loaded, NativeInteraction)
    assert loaded.capabilities.expresses == {Modality.TEXT, Modality.AUDIO}
    loaded.close()


async def test_a_cue_is_answered_in_the_beat_in_which_it_is_read(stream: NativeStream) -> None:
    steps = await live(stream, 40, {2: "When I say ball, you say green!", 25: "look at the ball"})
    assert [beat for beat, each in enumerate(steps) if each.text] == [28]
    assert said(steps) == "green"
    assert all(each.understood == "" for each in steps)  # it was typed, not heard


async def test_a_look_up_is_handed_over_in_the_person_s_words(stream: NativeStream) -> None:
    steps = await live(stream, 30, {2: "Look up the weather in Paris."})
    assert [action for each in steps for action in each.actions] == [Delegate("look up the weather in paris")]
    assert said(steps) == "let me check"
    assert Floor.AGENT in {each.floor for each in steps}
    assert steps[-1].boundary is Boundary.END


async def test_voices_that_were_never_trained_on_are_heard(model: NativeInteraction) -> None:
    right = total = 0
    for line, variant in zip(LINES, unseen_variants(), strict=True):
        audio = spoken(line, variant)
        stream = await model.open(START)
        steps = await live(stream, len(audio) // 6400 + 3, {}, audio)
        heard = "".join(each.understood for each in steps).split()
        right += sum(word in heard for word in line.split())
        total += len(line.split())
    assert right >= 0.6 * total, f"{right} of {total} words"


async def test_silence_is_met_with_silence(stream: NativeStream) -> None:
    steps = await live(stream, 60, {}, PAUSE * 60)
    assert all(msgspec.structs.replace(each, floor=None) == SILENCE for each in steps)


async def test_a_greeting_is_said_word_by_word_as_it_is_written(model: NativeInteraction) -> None:
    stream = await model.open(msgspec.structs.replace(START, greeting="Hello, how are you, Zoë?"))
    steps = await live(stream, 15, {})
    assert said(steps) == "Hello, how are you, Zoë?"
    assert sum(bool(each.text) for each in steps) == 5


async def test_a_greeting_gives_way_to_the_person(model: NativeInteraction) -> None:
    stream = await model.open(msgspec.structs.replace(START, greeting="Hello hello hello hello hello hello hello"))
    steps = await live(stream, 30, {4: "look up the weather in paris"})
    assert said(steps).count("ello") < 4
    assert any(each.actions for each in steps)


async def test_a_conversation_that_is_taken_up_again_keeps_its_rules(model: NativeInteraction) -> None:
    rule = Utterance(Speaker.PERSON, Beat(10), Beat(18), "When I say ball you say green.")
    history = ContextPackage(ConversationId("c"), Position(1), Beat(40), utterances=(rule,))
    stream = await model.open(msgspec.structs.replace(START, beat=Beat(41), history=history))
    for beat in range(41, 60):
        chunks = (TextChunk("look at the ball"),) if beat == 50 else ()
        step = await stream.step(Perceived(chunks), (), Span(Beat(beat)))
        assert step.text == ("green" if beat == 53 else "")


def test_however_long_the_history_taking_it_up_costs_no_more_than_its_last_words() -> None:
    model = load_model()
    talk = tuple(
        Utterance(Speaker.AGENT if n % 2 else Speaker.PERSON, Beat(n * 10), Beat(n * 10 + 4), "i see a tree and a dog")
        for n in range(200)
    )
    history = ContextPackage(ConversationId("c"), Position(1), Beat(2000), utterances=talk)
    state = remember(model, history, Beat(2001))
    assert state.stream.used <= 2 * REMEMBERED_WORDS + 4
    assert int(state.stream.beats[: state.stream.used].max()) < state.stream.beat


async def test_a_gap_in_time_ages_what_was_before_it(stream: NativeStream) -> None:
    """A clock that jumps (a suspended laptop) is followed, not replayed."""
    await live(stream, 3, {})
    await stream.step(Perceived(), (), Span(Beat(5000)))
    assert stream.beats == 5001


async def test_a_late_step_lives_through_every_beat_that_it_covers(model: NativeInteraction) -> None:
    audio = spoken(LINES[0], unseen_variants()[0])
    beats = len(audio) // 6400 // 2 * 2
    in_time, late = await model.open(START), await model.open(START)
    steps = await live(in_time, beats, {}, audio)
    pairs = [
        await late.step(Perceived(audio=audio[n * 6400 : n * 6400 + 12800]), (), Span(Beat(n), 2))
        for n in range(0, beats, 2)
    ]
    assert "".join(each.understood for each in pairs) == "".join(each.understood for each in steps) != ""
    assert said(pairs) == said(steps)
    assert late.beats == in_time.beats == beats


@pytest.mark.parametrize("audio", [b"\0" * 6398, b"\0" * 12800])
async def test_a_step_that_fails_ends_the_stream(model: NativeInteraction, audio: bytes) -> None:
    stream = await model.open(START)
    with pytest.raises(ModelFailed, match="3200 samples"):
        await stream.step(Perceived(audio=audio), (), Span(Beat(0)))
    with pytest.raises(ModelFailed, match="broke off"):
        await stream.step(Perceived(), (), Span(Beat(1)))


async def test_two_streams_of_one_model_do_not_hear_each_other(model: NativeInteraction) -> None:
    one, other = await model.open(START), await model.open(START)
    for beat in range(30):
        rule = (TextChunk("when i say ball you say green"),) if beat == 1 else ()
        cue = (TextChunk("look at the ball"),) if beat == 15 else ()
        await one.step(Perceived(rule), (), Span(Beat(beat)))
        assert (await other.step(Perceived(cue), (), Span(Beat(beat)))).text == ""
