"""Models with other chat formats than ChatML, or with none."""

from instruct_talk import ByteTokenizer, ScriptedEngine, Talk

from counterpoint.engines.chat import ChatFormat, Turn
from counterpoint.interaction.engines.dialogue import Party
from counterpoint.interaction.engines.instruct import InstructInteraction
from counterpoint.interaction.engines.marks import marks_of
from counterpoint.interaction.engines.settings import Settings
from counterpoint.interaction.model import Start
from counterpoint.shared_context.ids import ConversationId, SessionId

START, END, BEGIN = 0, 1, 2


def format_of(tokenizer: ByteTokenizer, *, system: bool, plain: bool = False) -> ChatFormat:
    def turn(name: str, *before: int) -> Turn:
        if plain:
            return Turn(tuple(tokenizer.encode(f"{name}:")), tuple(tokenizer.encode("\n")))
        return Turn((*before, START, *tokenizer.encode(f"{name}\n")), (END,))

    instructions = turn("system", BEGIN) if system else None
    return ChatFormat("plain" if plain else "template", (BEGIN,), instructions, turn("Person"), turn("Agent"))


async def converse(engine: ScriptedEngine, chat: ChatFormat) -> Talk:
    model = InstructInteraction(engine, Settings(), chat)
    start = Start(ConversationId("c"), SessionId("s"), instructions="Be kind.")
    agent = Talk(engine, await model.open(start))
    await agent.until_idle()
    await agent.step("Hi")
    await agent.until_quiet()
    return agent


def test_a_remark_does_not_begin_the_sequence_again() -> None:
    tokenizer = ByteTokenizer()
    marks = marks_of(format_of(tokenizer, system=True), tokenizer)
    assert marks.turns[Party.REMARK].opening[0] == START
    assert BEGIN not in marks.turns[Party.REMARK].opening
    assert END in marks.stop
    assert START in marks.banned


async def test_a_model_without_a_system_role_gets_its_instructions_in_a_user_turn() -> None:
    engine = ScriptedEngine("Hello.")
    agent = await converse(engine, format_of(engine.tokenizer, system=False))
    assert agent.said == "Hello."
    assert agent.context.startswith("<|endoftext|><|im_start|>Person\nBe kind.")
    assert agent.context.endswith("Person\nHi<|im_end|><|im_start|>Agent\nHello.<|im_end|>")


async def test_a_model_without_turns_speaks_to_the_end_of_its_line() -> None:
    engine = ScriptedEngine(" Hello there.\nPerson: and now I pretend to be you")
    agent = await converse(engine, format_of(engine.tokenizer, system=False, plain=True))
    assert agent.said == "Hello there."
    assert "pretend" not in agent.context
