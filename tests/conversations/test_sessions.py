"""Sessions: input, output, pauses, endings, and what they survive."""

from itertools import pairwise

import anyio
import pytest

from counterpoint import MicroTurn, Runtime, Session
from counterpoint.errors import (
    ChunkRefused,
    InputFull,
    ModelFailed,
    SessionClosed,
    SlowListener,
    StoreFull,
    StoreUnavailable,
)
from counterpoint.interaction.model import Capabilities, Modality
from counterpoint.shared_context.chunks import AudioChunk, TextChunk, VideoChunk
from counterpoint.shared_context.entries import Degraded, Failed, Gap, MediaFault, Played, Recovered, Turn
from counterpoint.shared_context.expressed import Boundary, Expressed, Yield
from counterpoint.shared_context.ids import ConversationId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.testing import (
    ScriptedInteraction,
    acknowledges_nothing,
    play,
    say,
    says,
    shows,
    sounds,
    talks,
    types,
)
from counterpoint.testing.person import middle_of

pytestmark = pytest.mark.virtual


async def test_there_are_five_micro_turns_a_second_on_a_grid_that_does_not_drift() -> None:
    async with Runtime(ScriptedInteraction()).session() as session:
        begun = anyio.current_time()
        async for turn in session:
            assert anyio.current_time() - begun == pytest.approx((turn.beat + 1) * 0.2)
            if turn.beat == 500:
                break


async def test_sessions_are_spread_over_the_beat() -> None:
    times: list[float] = []

    async def one(runtime: Runtime) -> None:
        async with runtime.session() as session:
            await anext(session)
            times.append(round(anyio.current_time() % 0.2, 3))

    async with Runtime(ScriptedInteraction()) as runtime, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(one, runtime)
    gaps = sorted(times)
    assert max(after - before for before, after in pairwise(gaps)) < 0.025


async def test_a_late_step_covers_the_beats_that_it_missed_and_hears_all_of_them() -> None:
    model = ScriptedInteraction(hears=True)
    original = type(model).open

    class Slow:
        def __init__(self, stream) -> None:
            self._stream = stream

        async def step(self, perceived, woven, span):
            if span.first == 5:
                await anyio.sleep(0.7)
            return await self._stream.step(perceived, woven, span)

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def open_slow(start):
        return Slow(await original(model, start))

    model.open = open_slow  # type: ignore[method-assign]
    played = await play(Runtime(model), sounds(range(20)), beats=20)
    assert [(turn.beat, turn.span) for turn in played if turn.span > 1] == [(8, 3)]
    late = next(perceived for span, perceived, _ in model.perceived if span.beats == 3)
    assert len(late.audio) == 3 * 6400


async def test_a_host_that_stood_still_records_a_gap_and_goes_on() -> None:
    class Suspended(ScriptedInteraction):
        async def open(self, start):
            await anyio.sleep(8.0)
            return await super().open(start)

    played = await play(Runtime(Suspended()), types("hello?", at=3), beats=60)
    (gap,) = played.bodies(Gap)
    assert gap.reason == "the host stood still"
    assert any(chunk.text == "hello?" for turn in played.bodies(Turn) for chunk in turn.texts)


async def test_audio_and_video_enter_beat_by_beat() -> None:
    model = ScriptedInteraction(hears=True)
    await play(Runtime(model), sounds(range(10)) + shows(range(10)), beats=12)
    steps = {span.first: perceived for span, perceived, _ in model.perceived}
    assert all(len(steps[beat].audio) == 6400 for beat in range(1, 9))
    assert all(len(steps[beat].frames) == 1 for beat in range(9))


async def test_what_a_model_does_not_perceive_is_said_once_and_harms_nothing() -> None:
    played = await play(
        Runtime(ScriptedInteraction(say("Hello.", at=2))), sounds(range(10)) + shows(range(10)), beats=20
    )
    faults = [(each.modality, each.reason) for each in played.bodies(MediaFault)]
    assert sorted(faults) == [(kind, "scripted does not perceive it") for kind in ("audio", "video")]
    assert played.said == "Hello."


@pytest.mark.parametrize(
    "chunk",
    [
        AudioChunk(b"odd", 0, 0.0),
        AudioChunk(b"\0\0", 0, float("nan")),
        AudioChunk(b"\0\0", 0, 0.0, rate=0),
        VideoChunk(b"123", 4, 4, 0, 0.0),
        TextChunk("x" * 100_001),
        TextChunk("\ud800"),
        42,
    ],
)
async def test_a_malformed_chunk_is_refused_and_the_conversation_goes_on(chunk: object) -> None:
    async with Runtime(ScriptedInteraction(hears=True)).session() as session:
        with pytest.raises(ChunkRefused):
            session.push(chunk)  # type: ignore[arg-type]
        session.push("hello")
        assert (await anext(session)).beat == 0


async def test_text_is_never_dropped_the_pusher_is_told() -> None:
    async with Runtime(ScriptedInteraction()).session() as session:
        with pytest.raises(InputFull):
            for number in range(2000):
                session.push(f"line {number}")


async def test_a_push_after_the_end_is_refused() -> None:
    async with Runtime(ScriptedInteraction()).session() as session:
        pass
    with pytest.raises(SessionClosed):
        session.push("hello")


async def test_a_listener_that_is_too_slow_gets_a_named_error_after_what_was_kept_for_it() -> None:
    async with Runtime(ScriptedInteraction()).session() as session:
        await anyio.sleep(5)
        beats: list[int] = []
        with pytest.raises(SlowListener):
            async for turn in session:
                beats += [turn.beat]
        assert beats == [0, 1, 2, 3, 4]


async def test_what_a_barge_in_cut_off_returns_as_unheard() -> None:
    def plays_three_words(session: Session, turn: MicroTurn) -> None:
        if turn.text and turn.beat < 5:
            session.played(turn)

    model = ScriptedInteraction(say("one two three four five six seven eight", at=2))
    played = await play(Runtime(model), says("stop it", at=7), beats=20, listener=plays_three_words)
    flush = next(turn for turn in played if turn.flush)
    assert flush.beat == 7
    unheard = [perceived.unheard for _, perceived, _ in model.perceived if perceived.unheard]
    assert [each.text.split() for each in unheard] == [["four", "five"]]


async def test_without_acknowledgement_speech_counts_as_heard_by_assumption() -> None:
    played = await play(Runtime(ScriptedInteraction(say("Hello.", at=2))), beats=20, listener=acknowledges_nothing)
    assert [each.assumed for each in played.bodies(Played)] == [True]


async def test_a_model_that_raises_gets_another_stream_and_nothing_said_to_it_is_lost() -> None:
    model = ScriptedInteraction(say("Hello to you.", on="hello"), raises={5: RuntimeError("boom")})
    played = await play(Runtime(model), types("hello", at=5), beats=30)
    assert [each.reason for each in played.bodies(Failed)] == ["RuntimeError: boom"]
    assert len(model.starts) == 2
    assert played.said == "Hello to you."


async def test_a_model_that_keeps_failing_ends_the_session_with_a_named_error() -> None:
    model = ScriptedInteraction(raises={beat: RuntimeError("boom") for beat in range(3, 9)})
    with pytest.raises(ModelFailed, match="3 times in a row"):
        await play(Runtime(model), beats=30)


async def test_a_note_in_hand_when_the_model_fails_is_told_by_the_next_stream() -> None:
    model = ScriptedInteraction(raises={5: RuntimeError("boom")})

    async def application(session: Session) -> None:
        await anyio.sleep(middle_of(2))
        session.lay("Your taxi is here now.")

    played = await play(Runtime(model), beats=30, also=application)
    assert played.said.split().count("now.") == 1


async def test_while_paused_no_beat_passes_and_typed_words_wait() -> None:
    async def application(session: Session) -> None:
        await anyio.sleep(middle_of(4))
        session.pause()
        await anyio.sleep(10)
        session.push("are you there?")
        await anyio.sleep(1)
        session.resume()

    model = ScriptedInteraction(say("Yes.", on="there"))
    played = await play(Runtime(model), beats=80, also=application)
    assert [each.reason for each in played.bodies(Gap)] == ["paused"]
    assert played.said == "Yes."


async def test_an_idle_session_sleeps_until_something_comes_in() -> None:
    async def application(session: Session) -> None:
        await anyio.sleep(60)
        session.push("good morning")
        await anyio.sleep(5)
        session.end()

    model = ScriptedInteraction(say("Morning.", on="morning"))
    played = await play(Runtime(model), beats=1000, also=application, idle_after=5.0)
    assert played.said == "Morning."
    assert len(played) < 100


class FailingStore(MemoryStore):
    """A memory store that can be made to refuse writes, as one that is gone or full does."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None

    async def append(self, fence, entries):
        if self.error is not None:
            raise self.error
        return await super().append(fence, entries)


@pytest.mark.parametrize("error", [StoreUnavailable("the store does not answer"), StoreFull("the store is full")])
async def test_a_store_that_is_gone_delays_no_beat_and_gets_everything_once_it_is_back(error: Exception) -> None:
    store = FailingStore()

    async def outage(session: Session) -> None:
        await anyio.sleep(middle_of(3))
        store.error = error
        await anyio.sleep(4)
        assert session.degraded
        store.error = None

    model = ScriptedInteraction(say("one two three four five six seven eight", at=2))
    played = await play(Runtime(model, store=store), beats=60, also=outage)
    assert max(turn.late for turn in played) == 0
    assert len(played.bodies(Degraded)) == len(played.bodies(Recovered)) == 1
    assert "".join(turn.text for turn in played.bodies(Turn)) == "one two three four five six seven eight"


async def test_a_conversation_with_a_name_is_taken_up_where_it_was_left() -> None:
    store = MemoryStore()
    async with store:
        first = ScriptedInteraction(say("My name is Ada.", at=2))
        await play(Runtime(first, store=store), types("hello", at=1), beats=15, conversation="ours")
        second = ScriptedInteraction()
        await play(Runtime(second, store=store), beats=5, conversation="ours")
    history = second.starts[0].history
    assert history is not None
    assert [each.text for each in history.utterances] == ["hello", "My name is Ada."]


async def test_a_note_that_was_not_told_is_told_when_the_conversation_is_taken_up() -> None:
    store = MemoryStore()

    async def application(session: Session) -> None:
        await anyio.sleep(middle_of(2))
        session.lay("Your taxi is here.")

    async with store:
        silent = await play(
            Runtime(ScriptedInteraction(), store=store), talks(range(20)), 10, also=application, conversation="ours"
        )
        later = await play(Runtime(ScriptedInteraction(), store=store), beats=15, conversation="ours")
    assert silent.said == ""
    assert later.said == "Your taxi is here."


async def test_a_model_may_take_several_beats_a_step() -> None:
    model = ScriptedInteraction(say("one two three four", at=2), cadence=2)
    played = await play(Runtime(model), beats=12)
    assert {turn.span for turn in played} == {2}
    assert played.said == "one two three four"


async def test_a_model_that_times_notes_itself_gets_them_at_once() -> None:
    from counterpoint.interaction.model import Weaving

    async def application(session: Session) -> None:
        await anyio.sleep(middle_of(3))
        session.lay("Now.")

    model = ScriptedInteraction(weaving=Weaving.MODEL, barge_in=False)
    played = await play(Runtime(model), talks(range(20)), beats=20, also=application)
    assert played.woven == {"Now.": 3}
    assert Modality.TEXT in model.capabilities.perceives


async def test_a_second_host_takes_the_conversation_over_and_the_first_is_told() -> None:
    from counterpoint.errors import Fenced

    runtime = Runtime(ScriptedInteraction(say("one two three four five six", at=8)))
    async with runtime.session("ours") as first, runtime.session("ours") as second:
        with pytest.raises(Fenced):
            async for _ in first:
                await anext(second)


async def test_a_conversation_that_is_forgotten_ends_its_session() -> None:
    from counterpoint.errors import ConversationClosed

    runtime = Runtime(ScriptedInteraction())
    async with runtime.session() as session:
        await anext(session)
        await runtime.store.forget(session.conversation)
        with pytest.raises(ConversationClosed, match="forgotten"):
            async for _ in session:
                pass


async def test_a_long_conversation_is_snapshotted_and_its_log_trimmed() -> None:
    store = MemoryStore()
    async with store:
        speech = "well and so on " * 1500
        played = await play(
            Runtime(ScriptedInteraction(say(speech, at=0)), store=store), beats=6000, conversation="long"
        )
        snapshot = await store.last_snapshot(ConversationId("long"))
    assert snapshot is not None
    assert played.entries[0].position > 1
    assert played.entries[0].position <= snapshot.upto


async def test_a_text_that_cannot_be_written_is_recorded_as_failed_and_the_rest_is_kept() -> None:
    broken = say("broken \ud800 text", at=3)
    played = await play(Runtime(ScriptedInteraction(say("before", at=1), broken, say("after", at=9))), beats=20)
    assert any(each.what == "journal" for each in played.bodies(Failed))
    assert "after" in "".join(turn.text for turn in played.bodies(Turn))


class Humming:
    """Speaks sound: a note's words take a beat each, and the sound says which characters they are."""

    capabilities = Capabilities("humming", expresses=frozenset(Modality))

    def place(self, session):
        return None

    async def open(self, start):
        return self

    async def step(self, perceived, woven, span):
        if perceived.texts:
            return Expressed(actions=(Yield(),))
        if 2 <= span.first < 8:
            return Expressed(" hum", audio=bytes(2 * 3200), boundary=Boundary.WORD)
        return Expressed()

    async def aclose(self):
        pass


async def test_sound_is_expressed_and_what_was_flushed_is_known_to_the_sample() -> None:
    def plays_half_of_the_fifth(session: Session, turn: MicroTurn) -> None:
        if turn.audio and turn.beat < 6:
            session.played(turn, samples=3200)
        elif turn.beat == 6:
            session.played(turn, samples=1600)

    played = await play(Runtime(Humming()), says("stop", at=8), beats=20, listener=plays_half_of_the_fifth)
    assert sum(len(turn.audio) for turn in played) == 6 * 6400
    assert {turn.samples for turn in played.bodies(Turn) if turn.text} == {3200}
    cut = [each for each in played.bodies(Played) if each.cut]
    assert (cut[0].turn, cut[0].samples) == (6, 1600)
