"""An interaction model behind a server: the harness of instruct models on real requests over real sockets."""

from contextlib import asynccontextmanager

import anyio
import pytest
from chat_server import CUT, FOREVER, Script, Wire, answers, chunk, pieces, refuses, serving, web_page
from instruct_talk import joined, keys, offer

from counterpoint.engines.http import faults
from counterpoint.errors import ConfigurationError
from counterpoint.interaction.engines import reply
from counterpoint.interaction.engines.chat import ChatInteraction
from counterpoint.interaction.engines.harness import CHECKING
from counterpoint.interaction.engines.load import load_interaction
from counterpoint.interaction.engines.prompt import CANNOT_ANSWER
from counterpoint.interaction.engines.settings import SERVED_MODEL, Delegating, Settings, Telling
from counterpoint.interaction.model import Perceived, Span, Start
from counterpoint.interaction.replay.decisions import replay_decisions
from counterpoint.runtime import Runtime
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.entries import Asked, Failed, Turn, Unheard
from counterpoint.shared_context.expressed import Boundary, Delegate, Floor, Yield
from counterpoint.shared_context.ids import Beat, ConversationId, SessionId
from counterpoint.shared_context.notes import Delivery
from counterpoint.shared_context.package import ContextPackage, Speaker, Utterance
from counterpoint.testing import ScriptedBackground

pytestmark = pytest.mark.real

STORY = "Once upon a time, there was a station, and in the station, there was a very old clock, which nobody wound up."
TELLING = Settings(delegate=Delegating.TAGS, notes=Telling.CONTEXT, decode_tokens=64)


@pytest.fixture(autouse=True)
def pauses_are_short(monkeypatch):
    monkeypatch.setattr(faults, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(faults, "LONGEST_PAUSE", 0.002)


class Talking:
    """Steps a stream; between two steps what is under way on the wire may arrive."""

    def __init__(self, wire, stream):
        self.wire = wire
        self.stream = stream
        self.beat = 0
        self.turns = []

    async def asked(self):
        """Wait until the server has begun to answer."""
        while not self.wire.open:
            await anyio.sleep(0.001)

    @property
    def said(self):
        return joined(self.turns)

    @property
    def actions(self):
        return [action for turn in self.turns for action in turn.actions]

    async def step(self, *texts, offers=(), unheard=None):
        chunks = tuple(TextChunk(text) if isinstance(text, str) else text for text in texts)
        turn = await self.stream.step(Perceived(chunks, unheard=unheard), tuple(offers), Span(Beat(self.beat)))
        self.beat += 1
        self.turns.append(turn)
        await anyio.sleep(0.01)
        return turn

    async def beats(self, count):
        return [await self.step() for _ in range(count)]

    async def until_quiet(self):
        """Until nothing was said for a while, and no answer is awaited."""
        silent = 0
        while silent < 5:
            turn = await self.step()
            silent = 0 if turn.text or turn.boundary is not Boundary.END or self.stream._context._reply else silent + 1


@asynccontextmanager
async def talking(*scripts, settings=SERVED_MODEL, models=({"id": "m"},), **start):
    wire = Wire(*scripts, models=models)
    async with serving(wire) as url:
        model = ChatInteraction(f"{url}#m", settings=settings)
        stream = await model.open(Start(ConversationId("c"), SessionId("s"), instructions="You are a guide.", **start))
        try:
            yield Talking(wire, stream)
        finally:
            await stream.aclose()


def roles(asked):
    return [(message["role"], message["content"]) for message in asked["messages"]]


async def test_a_line_is_answered_at_the_pace_of_speech():
    async with talking(answers("Hello there, my friend, how are you?")) as agent:
        await agent.step("Hi!")
        await agent.until_quiet()
        spoken = [turn for turn in agent.turns if turn.text]
    assert agent.said == "Hello there, my friend, how are you?"
    assert all(len(turn.text.split()) == 1 for turn in spoken)
    assert len([turn for turn in agent.turns if turn.floor is Floor.AGENT]) >= 11
    assert roles(agent.wire.asked[0])[-1] == ("user", "Hi!")
    assert roles(agent.wire.asked[0])[0][1].startswith("You are a guide.")


async def test_a_step_never_waits_for_the_server():
    gate = anyio.Event()
    async with talking(Script(gate.wait, *pieces("At last."), chunk("stop"))) as agent:
        with anyio.fail_after(5):
            await agent.step("Hi!")
            turns = await agent.beats(20)
        assert joined(turns) == ""
        gate.set()
        await agent.until_quiet()
        assert agent.said == "At last."


async def test_nothing_is_asked_before_there_is_something_to_say():
    async with talking(answers("Hello."), greeting="Welcome to the station.") as agent:
        await agent.until_quiet()
        assert agent.said == "Welcome to the station."
        for key in keys("Are you"):
            await agent.step(key)
        assert agent.wire.seen == []


async def test_a_barge_in_stops_the_speech_and_the_server():
    async with talking(Script(*pieces(STORY), 0.001, FOREVER), answers("Sure.")) as agent:
        await agent.step("Tell me a story")
        await agent.beats(12)
        turn = await agent.step(TextChunk("but", done=False))
        assert turn.actions == (Yield(),)
        said = agent.said
        assert STORY.startswith(said)
        while agent.wire.open:
            await anyio.sleep(0.001)
        assert agent.wire.hung_up == 1
        await agent.step(" shorter, please")
        await agent.until_quiet()
    assert roles(agent.wire.asked[1])[1:] == [
        ("user", "Tell me a story"),
        ("assistant", said),
        ("user", "but shorter, please"),
    ]


async def test_what_was_never_heard_is_in_no_later_request():
    async with talking(Script(*pieces(STORY), chunk("stop")), answers("Sure.")) as agent:
        await agent.step("Tell me a story")
        await agent.beats(14)
        await agent.step(TextChunk("b", done=False))
        heard, unheard = agent.said.rsplit(" ", 2)[0], " " + " ".join(agent.said.rsplit(" ", 2)[1:])
        await agent.step(unheard=Unheard(Beat(9), unheard))
        await agent.step("ut why?")
        await agent.until_quiet()
    assert ("assistant", heard) in roles(agent.wire.asked[1])
    assert unheard.strip() not in str(agent.wire.asked[1])


async def test_a_request_that_was_overtaken_by_news_is_made_again():
    gate = anyio.Event()
    slow = Script(gate.wait, *pieces("Old."), chunk("stop"))
    async with talking(Script(*pieces(STORY), chunk("stop")), slow, answers("New.")) as agent:
        await agent.step("Tell me a story")
        await agent.beats(14)
        said = agent.said
        await agent.step("Why?")
        await agent.asked()
        await agent.step(unheard=Unheard(Beat(9), said.split(" ", 1)[1]))
        await agent.until_quiet()
        gate.set()
    assert agent.said.endswith("New.")
    assert ("assistant", said.split(" ", 1)[0]) in roles(agent.wire.asked[2])


async def test_the_model_hands_over_with_a_tag_and_says_that_it_is_checking():
    async with talking(answers("Let me see. <delegate>trains to Bath</delegate>")) as agent:
        await agent.step("When does the train to Bath leave?")
        await agent.until_quiet()
    assert agent.said == "Let me see."
    assert agent.actions == [Delegate("trains to Bath")]


async def test_a_request_without_a_word_is_acknowledged():
    async with talking(answers("<delegate>trains to Bath</delegate>")) as agent:
        await agent.step("When does the train to Bath leave?")
        await agent.until_quiet()
    assert agent.said == CHECKING[0]


async def test_small_models_may_leave_the_delegating_to_the_harness():
    async with talking(answers("never"), settings=Settings(decode_tokens=64)) as agent:
        await agent.step("When does the train to Bath leave?")
        await agent.until_quiet()
        assert agent.actions == [Delegate("When does the train to Bath leave?")]
        assert agent.wire.seen == []


async def test_a_note_is_told_verbatim_without_asking_anybody():
    async with talking(answers("never")) as agent:
        turn = await agent.step(offers=[offer("Platform three, at ten.")])
        assert turn.text == "Platform"
        await agent.until_quiet()
        assert agent.said == "Platform three, at ten."
        assert agent.wire.seen == []


async def test_a_note_breaks_into_an_answer_that_is_still_awaited_which_then_knows_it():
    gate = anyio.Event()
    slow = Script(gate.wait, *pieces("Never said."), chunk("stop"))
    async with talking(slow, answers("Anything else?")) as agent:
        await agent.step("Hi!")
        await agent.asked()
        await agent.step(offers=[offer("Platform three.", how=Delivery.INTERRUPT)])
        await agent.until_quiet()
        gate.set()
    assert agent.said == "Platform three. Anything else?"
    assert ("assistant", "Platform three.") in roles(agent.wire.asked[1])


async def test_a_note_can_be_told_in_other_words_and_verbatim_if_the_server_fails():
    async with talking(answers("Good news: platform three!"), settings=TELLING) as agent:
        note = offer("Platform 3 at 10:14.")
        await agent.step(offers=[note])
        await agent.until_quiet()
        assert agent.said == "Good news: platform three!"
        assert "Platform 3 at 10:14." in str(agent.wire.asked[0])
    async with talking(refuses(400, "no"), settings=TELLING) as agent:
        await agent.step(offers=[note])
        await agent.until_quiet()
        assert agent.said == "Platform 3 at 10:14."


@pytest.mark.parametrize(
    "fault",
    [
        refuses(401, "wrong key"),
        refuses(404, "no such model"),
        refuses(500, "boom"),
        web_page(),
        Script(done=False),
        Script(chunk("content_filter")),
        refuses(429, "later", ("retry-after", "60")),
    ],
)
async def test_an_answer_that_cannot_be_had_is_admitted_and_the_conversation_goes_on(fault):
    tries = faults.TRIES if fault.status >= 500 or not fault.done else 1
    async with talking(*[fault] * tries, answers("I am well.")) as agent:
        await agent.step("How are you?")
        while not agent.said:
            await agent.step()
        await agent.until_quiet()
        assert agent.said == CANNOT_ANSWER
        assert [bool(turn.failed) for turn in agent.turns].count(True) == 1
        await agent.step("And now?")
        await agent.until_quiet()
    assert agent.said == f"{CANNOT_ANSWER} I am well."


async def test_a_server_that_only_keeps_the_connection_alive_is_given_up(monkeypatch):
    monkeypatch.setattr(reply, "FIRST_SECONDS", 0.05)
    async with talking(Script(b": ping\n\n", 0.01, FOREVER)) as agent:
        await agent.step("How are you?")
        await agent.until_quiet()
    assert agent.said == CANNOT_ANSWER
    assert reply.TOO_SLOW in [turn.failed for turn in agent.turns]


async def test_half_an_answer_is_said_and_admitted_to_be_half():
    async with talking(Script(*pieces("Well, I think that"), CUT)) as agent:
        await agent.step("How are you?")
        await agent.until_quiet()
    assert agent.said == f"Well, I think that {CANNOT_ANSWER}"


async def test_a_passing_fault_is_not_noticed():
    async with talking(refuses(503, "busy"), answers("I am well.")) as agent:
        await agent.step("How are you?")
        await agent.until_quiet()
    assert agent.said == "I am well."


async def test_an_endless_answer_is_ended_and_the_server_told_to_stop():
    settings = Settings(delegate=Delegating.TAGS, decode_tokens=64, utterance_tokens=20)
    async with talking(Script(*pieces("and on"), FOREVER), settings=settings) as agent:
        await agent.step("Tell me everything")
        await agent.until_quiet()
        assert agent.wire.open == 0
    assert 5 <= len(agent.said.split()) <= 20


async def test_a_server_that_wants_turns_to_alternate_gets_them():
    picky = refuses(400, "Conversation roles must alternate user/assistant/user/assistant/...")
    async with talking(picky, answers("Good."), answers("Fine."), greeting="Hello.") as agent:
        await agent.until_quiet()
        await agent.step("Hi!")
        await agent.until_quiet()
        await agent.step(offers=[offer("The lights are on.", how=Delivery.SILENT)])
        await agent.step("And now?")
        await agent.until_quiet()
    for asked in agent.wire.asked[1:]:
        names = [role for role, _ in roles(asked)][1:]
        assert names == ["user", "assistant"] * (len(names) // 2) + ["user"]
    assert "The lights are on." in roles(agent.wire.asked[-1])[-1][1]


async def test_a_long_conversation_fits_into_a_small_context():
    said = tuple(
        Utterance(Speaker.PERSON, Beat(at), Beat(at), f"I saw train number {at} and its many wagons.")
        for at in range(150)
    )
    history = ContextPackage(ConversationId("c"), 1, Beat(200), utterances=said)
    async with talking(answers("I see."), models=({"id": "m", "max_model_len": 1024},), history=history) as agent:
        await agent.until_quiet()
        await agent.step("And now?")
        await agent.until_quiet()
        asked = agent.wire.asked[-1]
    assert sum(len(text) for _, text in roles(asked)) / 4 < 1024 - asked["max_tokens"]
    assert roles(asked)[-1] == ("user", "And now?")
    assert "number 149" in str(asked)


async def test_in_a_whole_runtime_a_question_is_delegated_and_its_result_told():
    wire = Wire(answers("One moment. <delegate>train to Bath</delegate>"))
    async with serving(wire) as url:
        runtime = Runtime(f"{url}#m", ScriptedBackground(answer="From platform three.", after=0.2))
        async with runtime.session("c") as session:
            session.push("When does the train to Bath leave?")
            said = ""
            with anyio.fail_after(20):
                async for turn in session:
                    said += turn.text
                    if turn.text:
                        session.played(turn)
                    if "three." in said:
                        break
            entries = [stored.entry.body for stored in await runtime.store.read(session.conversation, limit=1000)]
    assert said == "One moment. From platform three."
    assert [body.delegation.request for body in entries if isinstance(body, Asked)] == ["train to Bath"]
    assert any(isinstance(body, Turn) for body in entries)


async def test_in_a_whole_runtime_what_went_wrong_stands_in_the_log():
    async with serving(Wire(refuses(400, "context is a mess"))) as url:
        runtime = Runtime(f"{url}#m")
        async with runtime.session("c") as session:
            session.push("How are you?")
            with anyio.fail_after(20):
                async for turn in session:
                    if turn.text:
                        session.played(turn)
                    if "now." in turn.text:
                        break
            log = await runtime.store.read(session.conversation, limit=1000)
    (replayed,) = await replay_decisions(session.conversation, log)
    assert replayed.difference is None
    entries = [stored.entry.body for stored in log]
    (failed,) = [body for body in entries if isinstance(body, Failed)]
    assert failed.what == "model"
    assert "answered 400: context is a mess" in failed.reason


def test_a_server_is_named_by_its_address_and_settings_may_stand_in_it():
    model = load_interaction("http://localhost:9/v1?notes=context&words_per_beat=0.6&temperature=0.2#some/model:1b")
    assert model.capabilities.name == "some/model:1b at localhost:9"
    with pytest.raises(ConfigurationError, match="known are: delegate, notes"):
        load_interaction("http://localhost:9/v1?speed=3#m")
    for wrong in ("3", "warm"):
        with pytest.raises(ConfigurationError, match="temperature"):
            load_interaction(f"http://localhost:9/v1?temperature={wrong}#m")
