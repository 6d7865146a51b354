"""A conversation survives its host: what the person hears when another host goes on."""

import anyio
import msgspec
import pytest
from dying_hosts import NAME, Client, Host, bodies, date, log_of, moves, shared_store, until

from counterpoint import Runtime, Session
from counterpoint.background.worker import Worker
from counterpoint.errors import ConfigurationError, Fenced
from counterpoint.interaction.listener import Listener
from counterpoint.interaction.model import Offer, Perceived, Span, Start, Stream
from counterpoint.shared_context.chunks import TextChunk
from counterpoint.shared_context.codec import decode
from counterpoint.shared_context.entries import (
    ApprovalAsked,
    Failed,
    Gap,
    Left,
    NoteDropped,
    Opened,
    Orphaned,
    Stored,
    Turn,
)
from counterpoint.shared_context.expressed import Expressed
from counterpoint.shared_context.ids import ConversationId, DelegationId, NoteId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.notes import Note, NoteKind
from counterpoint.testing import ScriptedBackground, ScriptedInteraction, amend, delegate, say, withdraw
from counterpoint.testing.scripted_background import Answer, Call
from counterpoint.tools import tool
from counterpoint.tools.toolbox import Toolbox

pytestmark = pytest.mark.virtual

NOTE = "The next train to the sea leaves at fourteen minutes past ten from platform three."


def quiet() -> ScriptedInteraction:
    """Says nothing of its own, tells notes, a word a beat."""
    return ScriptedInteraction()


async def lays(session: Session, at: float, text: str = NOTE, **fields: object) -> None:
    await until(at)
    session.lay(text, **fields)


async def test_a_note_goes_on_where_the_listener_stopped() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await lays(await tasks.start(old.live, client), 1.1)
        await until(3.1)
        assert client.said == NOTE[: len(client.said)] != ""
        await moves(tasks, client, old, new)
        await until(9)
        new.leave()
    assert client.said == NOTE


async def test_what_was_on_its_way_and_never_played_is_heard_from_the_new_host() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, ScriptedInteraction(words_per_beat=4)), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await lays(await tasks.start(old.live, client), 1.1)
        await until(1.9)
        client.plays(2)
        before = client.said
        session = await moves(tasks, client, old, new)
        await until(9)
        assert session.undelivered == ()
        new.leave()
    assert NOTE.startswith(before)
    assert client.said == NOTE


async def test_what_the_log_never_got_is_not_heard_twice() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await lays(await tasks.start(old.live, client), 1.1)
        await until(1.9)
        old.lifeline.writes = False
        await until(3.1)
        await moves(tasks, client, old, new)
        await until(9)
        new.leave()
    assert client.said == NOTE


async def test_without_a_token_it_is_told_again_and_marked() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await lays(await tasks.start(old.live, client), 1.1)
        await until(1.9)
        old.lifeline.writes = False
        await until(3.1)
        await moves(tasks, client, old, new, token=False)
        await until(9)
        new.leave()
    assert client.said.endswith(NOTE[10:])
    assert len(client.said) > len(NOTE)
    woven = [note.maybe_heard for turn in client.turns for note in turn.woven]
    assert woven == [False, True]


async def test_after_a_host_that_left_in_order_nothing_is_doubtful() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, ScriptedInteraction(voices_notes=False)), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(1.05)
        session.lay(NOTE)
        await until(1.1)
        old.leave()
        await until(1.5)
        assert len(await bodies(store, Left)) == 1
        await tasks.start(new.live, client)
        await until(6)
        new.leave()
    assert client.said == NOTE
    assert not any(note.maybe_heard for turn in client.turns for note in turn.woven)


async def test_the_listener_waits_no_longer_than_it_was_away_and_beats_go_on_by_the_clock() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await lays(await tasks.start(old.live, client), 1.1)
        await until(2.1)
        old.die()
        before = len(client.turns)
        await until(2.9)
        await tasks.start(new.live, client, client.token)
        await until(6)
        new.leave()
    last, first = client.turns[before - 1], client.turns[before]
    silence = client.times[before] - (client.times[before - 1] + 0.2)
    assert silence <= 2.9 - 2.0
    assert first.beat - last.beat == round((client.times[before] - client.times[before - 1]) / 0.2)
    assert first.gap == Gap(last.beat + 1, first.beat - 1, "nobody hosted the conversation")
    assert await bodies(store, Gap) == [first.gap]


async def test_beats_never_go_back_behind_what_the_listener_has_played() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await tasks.start(old.live, client)
        await until(1.1)
        old.lifeline.writes = False
        old.session.lay(NOTE)
        await until(3.1)
        played = client.turns[-2].beat
        new_runtime_date = date() - 60  # the new host's clock is a minute behind
        runtime = Runtime(new.model, store=store, served=True, clock=lambda: new_runtime_date)
        old.die()
        async with runtime.session(NAME, resume=client.token) as session:
            assert session.beat > played
            turn = await anext(session)
            assert turn.beat > played
    assert session.token_refused == ""


async def test_what_was_never_played_reaches_the_new_model_as_unheard() -> None:
    store, client = shared_store(), Client()
    old = Host(store, ScriptedInteraction(say("Well, the museum opens at nine today", at=2), words_per_beat=3))
    new = Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await tasks.start(old.live, client)
        await until(0.9)
        client.plays(2)
        await moves(tasks, client, old, new)
        await until(2)
        new.leave()
    assert client.said == "Well, the museum opens at"
    (start,) = new.model.starts
    assert [each.text[: each.heard] for each in start.history.utterances] == ["Well, the museum opens at"]
    unheard = [perceived.unheard.text for _, perceived, _ in new.model.perceived if perceived.unheard]
    assert unheard == [" nine"]


def worker(store: MemoryStore, background: ScriptedBackground, *tools: object, name: str = "worker") -> Worker:
    return Worker(store, background, Toolbox(tools), name=name, clock=date)


async def test_what_was_asked_of_the_old_host_is_told_by_the_new_one() -> None:
    store, client = shared_store(), Client()
    old = Host(store, ScriptedInteraction(delegate("the train", on="train", saying="Let me check.")))
    new = Host(store, quiet())
    with ScriptedBackground(after=2.0, answer=NOTE) as background:
        async with worker(store, background), anyio.create_task_group() as tasks:
            session = await tasks.start(old.live, client)
            await until(0.5)
            session.push("when is the next train?")
            await until(1.7)
            session = await moves(tasks, client, old, new)
            assert session.unsettled == (DelegationId("d1"),)
            await until(8)
            assert session.unsettled == ()
            new.leave()
    assert client.said == f"Let me check. {NOTE}"


async def test_what_came_while_nobody_hosted_waits_for_the_person_to_pause() -> None:
    store, client = shared_store(), Client()
    old = Host(store, ScriptedInteraction(delegate("the train", on="train")))
    new = Host(store, quiet())
    with ScriptedBackground(after=1.0, answer=NOTE) as background:
        async with worker(store, background), anyio.create_task_group() as tasks:
            session = await tasks.start(old.live, client)
            await until(0.5)
            session.push("when is the next train?")
            await until(1.1)
            old.die()
            await until(3.1)
            session = await tasks.start(new.live, client, client.token)
            for beat in range(5):
                await until(3.3 + 0.2 * beat)
                session.push(TextChunk("so", typed=False))
            begun = len(client.heard)
            await until(4.2)
            assert len(client.heard) == begun
            await until(12)
            new.leave()
    assert client.said == NOTE


async def test_a_correction_made_before_the_host_died_still_makes_the_old_answer_stale() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, ScriptedInteraction(voices_notes=False)), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(0.5)
        session.delegate("trains to the sea")
        await until(0.9)
        lease = await store.lease(["default"], "worker", seconds=60, wait=1)
        computed_for = (await log_of(store))[-1].position
        await until(1.1)
        session.amend("no, to the mountains")
        await until(1.5)
        session = await moves(tasks, client, old, new)
        from counterpoint.shared_context.entries import NoteLaid
        from counterpoint.shared_context.scribe import Scribe

        stale = Note(NoteId("d1.1"), NoteKind.RESULT, NOTE, DelegationId("d1"), computed_for=computed_for)
        await store.append(lease.fence, [Scribe(lease.fence, date).write(NoteLaid(stale))])
        await until(4)
        new.leave()
    assert client.said == ""
    assert [drop.reason for drop in await bodies(store, NoteDropped)] == ["stale: computed before the correction"]


async def test_what_was_withdrawn_before_the_host_died_is_never_told() -> None:
    store, client = shared_store(), Client()
    old = Host(store, ScriptedInteraction(delegate("the train", on="train"), withdraw(on="never mind"), barge_in=False))
    new = Host(store, quiet())
    background = ScriptedBackground([Answer(NOTE, after=0.3)])
    async with worker(store, background), anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(0.5)
        session.push("the train please")
        await until(0.75)
        session.push("never mind")
        await until(0.85)
        old.lifeline.writes = True
        await moves(tasks, client, old, new)
        await until(5)
        new.leave()
    assert client.said == ""


async def test_a_result_that_contradicts_what_the_old_host_told_is_a_correction() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await lays(await tasks.start(old.live, client), 1.1, "Platform three.", key="platform")
        await until(2.5)
        session = await moves(tasks, client, old, new)
        await lays(session, 3.1, "Platform four.", key="platform")
        await until(6)
        new.leave()
    kinds = [note.kind for turn in client.turns for note in turn.woven]
    assert kinds == [NoteKind.RESULT, NoteKind.CORRECTION]


async def test_what_was_being_typed_stays_typed() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(0.5)
        session.push(TextChunk("when is the ne", done=False))
        await until(1.1)
        await moves(tasks, client, old, new)
        await until(2)
        new.leave()
    assert new.model.starts[0].history.typing == "when is the ne"


@tool(effects="write", approval="always", idempotent=True)
async def book(seat: str) -> str:
    """Books a seat."""
    return f"booked {seat}"


@tool(effects="write", idempotent=True)
async def cancel(seat: str) -> str:
    """Cancels a seat."""
    return f"cancelled {seat}"


async def test_an_approval_asked_before_the_host_died_is_answered_to_the_new_one() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    background = ScriptedBackground([Call("book", {"seat": "4a"}), Answer("It is booked.")])
    async with worker(store, background, book), anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(0.5)
        session.delegate("book seat 4a")
        await until(1.3)
        session = await moves(tasks, client, old, new)
        await until(5)
        assert client.said == "May I call book(seat='4a')?"
        (asked,) = await bodies(store, ApprovalAsked)
        session.approve(asked.call)
        await until(12)
        new.leave()
    assert client.said == "May I call book(seat='4a')? It is booked."


async def test_a_write_can_be_stopped_in_its_objection_window_by_the_new_host() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    background = ScriptedBackground([Call("cancel", {"seat": "4a"}), Answer("It is cancelled.")])
    async with worker(store, background, cancel), anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(0.5)
        session.delegate("cancel seat 4a")
        await until(0.9)
        session = await moves(tasks, client, old, new)
        await until(1.3)
        session.withdraw()
        await until(8)
        new.leave()
    assert "cancelled" not in client.said
    assert background.thinking == 0


async def test_an_answer_that_expired_while_nobody_hosted_is_admitted_and_not_told() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, ScriptedInteraction(voices_notes=False)), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(1.1)
        session.lay(Note(NoteId("app"), NoteKind.RESULT, NOTE, ttl=20.0))
        await until(1.5)
        old.die()
        await until(60)
        await tasks.start(new.live, client, client.token)
        await until(70)
        new.leave()
    assert client.said == "I had an answer, but it came too late to be of use."
    assert [drop.reason for drop in await bodies(store, NoteDropped)] == ["expired"]


async def test_a_host_that_was_taken_over_is_told_at_once_although_it_has_nothing_to_write() -> None:
    store, client, other = shared_store(), Client(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await tasks.start(old.live, client)
        await until(5.1)
        await tasks.start(new.live, other)
        await until(5.3)
        assert isinstance(old.error, Fenced)
        assert "taken over" in str(old.error)
        new.leave()


async def test_of_two_hosts_only_the_newer_one_speaks_and_what_the_other_held_is_an_orphan() -> None:
    store, client, other = shared_store(), Client(), Client()
    old, new = Host(store, ScriptedInteraction(say("one two three four five six seven", at=4))), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await tasks.start(old.live, client)
        await until(1.1)
        old.lifeline.writes = False
        await until(1.7)
        await tasks.start(new.live, other)
        await until(1.9)
        assert isinstance(old.error, Fenced)
        heard = list(client.turns)
        old.lifeline.writes = True
        await until(3)
        new.leave()
    assert client.turns == heard
    log = await log_of(store)
    new_epoch = next(each for each in reversed(log) if isinstance(each.entry.body, Opened)).entry.header.epoch
    after = [each for each in log if each.entry.header.epoch < new_epoch and each.position > _opened(log, new_epoch)]
    assert after
    assert all(isinstance(each.entry.body, Orphaned) for each in after)
    held = [decode(each.entry.body.raw).body for each in after if isinstance(each.entry.body, Orphaned)]
    assert any(isinstance(body, Turn) and body.text for body in held)


def _opened(log: list[Stored], epoch: int) -> int:
    return next(each.position for each in log if each.entry.header.epoch == epoch)


async def test_what_an_orphan_says_is_never_woven_and_never_said() -> None:
    store, client, other = shared_store(), Client(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(1.1)
        old.lifeline.writes = False
        session.lay(NOTE)
        await until(1.5)
        await tasks.start(new.live, other)
        old.lifeline.writes = True
        await until(6)
        new.leave()
    assert await bodies(store, Orphaned)
    assert other.said == ""
    assert new.model.starts[0].history.utterances == ()


async def test_a_fenced_host_leaves_a_bounded_number_of_orphans_and_says_what_it_gave_up() -> None:
    store, client, other = shared_store(), Client(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(1.1)
        old.lifeline.writes = False
        for number in range(2000):
            session.lay(f"note {number}", key="the same")
        for number in range(100):
            session.lay(f"{number}" + "x" * 19_000)
        await until(1.5)
        await tasks.start(new.live, other)
        old.lifeline.writes = True
        await until(9)
        new.leave()
    orphans = await bodies(store, Orphaned)
    assert 256 <= len(orphans) <= 2 * 256 + 1
    assert sum(len(orphan.raw) for orphan in orphans) < 2_000_000
    held = [decode(orphan.raw).body for orphan in orphans]
    assert any(isinstance(body, Failed) and "given up" in body.reason for body in held)


@pytest.mark.parametrize("resume", ["nonsense", "e30", "foreign", "future", "tomorrow"])
async def test_a_token_of_no_use_costs_nothing_and_is_recorded(resume: str) -> None:
    from counterpoint.shared_context.ids import Beat, SessionId
    from counterpoint.shared_context.resume_token import ResumeToken

    ours = ConversationId(NAME)
    tokens = {
        "foreign": ResumeToken(ConversationId("theirs"), SessionId("s")).encode(),
        "future": ResumeToken(ours, SessionId("s"), version=99).encode(),
        "tomorrow": ResumeToken(ours, SessionId("s"), Beat(400_000)).encode(),
    }
    store, client = shared_store(), Client()
    old, new = Host(store, quiet()), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        await lays(await tasks.start(old.live, client), 1.1)
        await until(2.1)
        old.die()
        session = await tasks.start(new.live, client, tokens.get(resume, resume))
        assert session.token_refused
        await until(8)
        new.leave()
    assert client.said.endswith("platform three.")
    (failed,) = await bodies(store, Failed)
    assert (failed.what, failed.reason) == ("resume token", session.token_refused)


async def test_a_token_for_a_conversation_that_is_not_kept_begins_it_anew() -> None:
    store, client = shared_store(), Client()
    elsewhere = Host(shared_store(), quiet())
    host = Host(store, quiet(), greeting="Hello!")
    async with anyio.create_task_group() as tasks:
        await tasks.start(elsewhere.live, client)
        await until(1)
        session = await moves(tasks, client, elsewhere, host)
        await until(2)
        host.leave()
    assert session.token_refused == "nothing is kept of this conversation"
    assert client.said == "Hello!"


async def test_a_token_needs_the_id_of_its_conversation() -> None:
    with pytest.raises(ConfigurationError, match="id"):
        async with Runtime(quiet()).session(resume="e30"):
            pass


async def test_who_comes_back_to_the_same_process_keeps_its_tools_state() -> None:
    runtime = Runtime(quiet(), clock=date)
    conversation = ConversationId(NAME)
    async with runtime, runtime.session(NAME, state="second thoughts") as old:
        async with runtime.session(NAME, state="customer 7"):
            with pytest.raises(Fenced):
                async for _ in old:
                    pass
            assert runtime.state_of(conversation) == "customer 7"
        assert runtime.state_of(conversation) is None


async def test_it_is_taken_over_from_a_snapshot_and_what_followed_it() -> None:
    store, client = shared_store(), Client()
    speech = "well and so on " * 700
    old, new = Host(store, ScriptedInteraction(say(speech, at=0))), Host(store, quiet())
    async with anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(700)
        await lays(session, 701)
        await until(702.9)
        assert await store.last_snapshot(ConversationId(NAME)) is not None
        assert (await log_of(store))[0].position > 1
        words = len(client.heard)
        await moves(tasks, client, old, new)
        await until(712)
        new.leave()
    assert words > len(speech.split())
    assert client.said.endswith(NOTE)
    assert client.said.count("platform") == 1


async def test_conversations_whose_hosts_change_often_are_snapshotted_too() -> None:
    store, client = shared_store(), Client()
    host = Host(store, ScriptedInteraction(say("well and so on " * 600, at=0)))
    async with anyio.create_task_group() as tasks:
        await tasks.start(host.live, client)
        for change in range(1, 5):
            await until(change * 130)
            new = Host(store, ScriptedInteraction(say("well and so on " * 600, at=0)))
            await moves(tasks, client, host, new)
            host = new
        host.leave()
    assert await store.last_snapshot(ConversationId(NAME)) is not None


async def test_the_next_host_has_the_instructions_and_does_not_greet_again() -> None:
    store, client = shared_store(), Client()
    old = Host(store, quiet(), instructions="You are the station's guide.", greeting="Hello!")
    new = Host(store, quiet(), greeting="Hello!")
    async with anyio.create_task_group() as tasks:
        await tasks.start(old.live, client)
        await until(1.1)
        await moves(tasks, client, old, new)
        await until(3)
        new.leave()
    assert client.said == "Hello!"
    assert new.model.starts[0].instructions == "You are the station's guide."


async def test_a_correction_to_what_an_earlier_host_asked_says_what_was_asked() -> None:
    store, client = shared_store(), Client()
    old = Host(store, ScriptedInteraction(delegate("trains to the sea", on="sea")))
    new = Host(store, ScriptedInteraction(amend("no, to the mountains", on="mountains")))
    background = ScriptedBackground(
        {"trains to the sea": [Answer("At ten.")], "to the mountains": [Answer("At noon.")]}
    )
    async with worker(store, background), anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await until(0.5)
        session.push("trains to the sea please")
        await until(3)
        session = await moves(tasks, client, old, new)
        await until(3.5)
        session.push("I meant the mountains")
        await until(8)
        new.leave()
    assert client.said == "At ten. At noon."
    assert background.packages[-1].request == "trains to the sea\n(correction) no, to the mountains"


class Speaking(ScriptedInteraction):
    """Speaks with a sound of a beat's length."""

    async def open(self, start: Start) -> "SpeakingStream":
        return SpeakingStream(await super().open(start))


class SpeakingStream:
    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    async def step(self, perceived: Perceived, woven: tuple[Offer, ...], span: Span) -> Expressed:
        expressed = await self._stream.step(perceived, woven, span)
        return msgspec.structs.replace(expressed, audio=bytes(6400) if expressed.text else b"")

    async def aclose(self) -> None:
        await self._stream.aclose()


async def test_of_sound_a_word_that_was_half_played_is_said_again() -> None:
    store, client = shared_store(), Client()
    old, new = Host(store, Speaking(words_per_beat=2)), Host(store, Speaking())
    async with anyio.create_task_group() as tasks:
        session = await tasks.start(old.live, client)
        await lays(session, 1.1)
        await until(1.9)
        last = client.turns[-1]
        assert last.text == " leaves at"
        listener = Listener(session.conversation, session.id)
        for turn in client.turns:
            listener.given(turn)
            listener.played(turn, samples=2600 if turn is last else 3200)
        assert listener.token.samples == 2600
        before = len(client.turns)
        old.die()
        await tasks.start(new.live, client, listener.token.encode())
        await until(4)
        new.leave()
    assert [turn.text for turn in client.turns[before:] if turn.text][:2] == ["at", " fourteen"]
