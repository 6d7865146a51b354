"""Replaying decisions: what of a log can be replayed, and what is said of the rest."""

import msgspec
import pytest

from counterpoint import Runtime
from counterpoint.errors import ConfigurationError
from counterpoint.interaction import known_log
from counterpoint.interaction.policy import weave_at_once, weave_when_it_suits
from counterpoint.interaction.replay import replay_decisions
from counterpoint.shared_context.entries import Entry, Failed, Opened, Recovered, Stored, Turn
from counterpoint.shared_context.ids import Beat, ConversationId
from counterpoint.shared_context.memory import MemoryStore
from counterpoint.shared_context.notes import Decision, DecisionKind
from counterpoint.testing import Answer, ScriptedBackground, ScriptedInteraction, delegate, play, say, types

pytestmark = pytest.mark.virtual

NAME = ConversationId("c")


async def talked(store: MemoryStore, beats: int = 40, **runtime) -> list[Stored]:
    model = ScriptedInteraction(
        say("one two, three four five.", at=2), delegate("look it up", on="train", saying="Yes.")
    )
    background = ScriptedBackground((Answer("Platform three.", after=1.0),))
    await play(Runtime(model, background, store=store, **runtime), types("a train?", at=5), beats, conversation=NAME)
    return list(await store.read(NAME, limit=10_000))


def replaced(log: list[Stored], index: int, **changes) -> list[Stored]:
    """The log with another body in one place."""
    entry = log[index].entry
    body = msgspec.structs.replace(entry.body, **changes)
    return [*log[:index], Stored(log[index].position, Entry(entry.header, body)), *log[index + 1 :]]


async def test_the_decisions_of_every_session_are_made_again() -> None:
    store = MemoryStore()
    await talked(store)
    log = await talked(store)
    sessions = await replay_decisions(NAME, log)
    assert [(session.epoch, session.difference, session.stopped) for session in sessions] == [
        (1, None, ""),
        (2, None, ""),
    ]
    assert all(session.same > 5 for session in sessions)


async def test_a_decision_that_was_altered_is_found() -> None:
    log = await talked(MemoryStore())
    index = next(at for at, each in enumerate(log) if isinstance(each.entry.body, Turn) and each.entry.body.decisions)
    forged = Decision(log[index].entry.body.decisions[0].note, DecisionKind.HOLD, "no_reason", Beat(1))
    [session] = await replay_decisions(NAME, replaced(log, index, decisions=(forged,)))
    assert session.difference is not None
    assert session.difference.position == log[index].position
    assert session.difference.expected.decisions == (forged,)
    assert session.difference.got.decisions != (forged,)


async def test_an_entry_that_is_missing_is_not_a_difference_but_an_end() -> None:
    log = await talked(MemoryStore())
    [session] = await replay_decisions(NAME, [*log[:6], *log[7:]])
    assert session.difference is None
    assert "missing before position" in session.stopped


async def test_a_beat_may_be_the_last_one() -> None:
    log = await talked(MemoryStore())
    [whole] = await replay_decisions(NAME, log)
    [some] = await replay_decisions(NAME, log, until=Beat(8))
    assert 0 < some.same < whole.same
    assert some.beat == 9


async def test_the_policy_that_decided_is_named_in_the_log_and_another_must_be_given() -> None:
    def mine(situation, waiting):
        return weave_when_it_suits(situation, waiting)

    log = await talked(MemoryStore(), policy=mine)
    assert log[0].entry.body.terms.policy.endswith(":mine") or "mine" in log[0].entry.body.terms.policy
    with pytest.raises(ConfigurationError, match="mine"):
        await replay_decisions(NAME, log)
    assert (await replay_decisions(NAME, log, policy=mine))[0].difference is None
    assert (await replay_decisions(NAME, log, policy=weave_at_once))[0].difference is not None


async def test_of_a_trimmed_log_what_can_be_replayed_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_log, "SNAPSHOT_EVERY", 5)
    store = MemoryStore()
    await talked(store, 60)
    monkeypatch.setattr(known_log, "SNAPSHOT_EVERY", 100_000)
    log = await talked(store, 30)
    assert log[0].position > 1
    first, second = await replay_decisions(NAME, log, await store.last_snapshot(NAME))
    assert "its beginning was trimmed" in first.stopped
    assert (second.difference, second.stopped) == (None, "")
    assert second.same > 2
    [_, unknown] = await replay_decisions(NAME, log)
    assert "not known any more" in unknown.stopped


async def test_what_was_given_up_ends_the_replay_where_the_store_was_lost() -> None:
    log = await talked(MemoryStore())
    header = log[-1].entry.header
    gone = Stored(
        log[-1].position + 1, Entry(msgspec.structs.replace(header, seq=header.seq + 1), Recovered(1.0, 9, 3))
    )
    [session] = await replay_decisions(NAME, [*log, gone])
    assert session.stopped == "3 entries were given up while the store could not be written"


async def test_a_session_of_a_version_without_terms_is_said_to_be_one() -> None:
    log = await talked(MemoryStore())
    assert isinstance(log[0].entry.body, Opened)
    [session] = await replay_decisions(NAME, replaced(log, 0, terms=None))
    assert "did not record its terms" in session.stopped


async def test_what_the_log_could_not_hold_ends_the_replay() -> None:
    log = await talked(MemoryStore())
    header = log[8].entry.header
    log[8] = Stored(log[8].position, Entry(header, Failed("journal", "a Turn could not be written: no text")))
    [session] = await replay_decisions(NAME, log)
    assert session.difference is None
    assert session.stopped


async def test_an_empty_log_has_no_sessions() -> None:
    assert await replay_decisions(NAME, []) == []
