"""A replay is no conversation: nobody is told of it."""

import pytest

from counterpoint import Runtime
from counterpoint.interaction.replay import replay_decisions
from counterpoint.shared_context.ids import ConversationId
from counterpoint.testing import Answer, ScriptedBackground, ScriptedInteraction, delegate, play, types


@pytest.mark.virtual
async def test_replaying_makes_no_span_no_event_and_no_metric(seen) -> None:
    runtime = Runtime(ScriptedInteraction(delegate("look", on="train")), ScriptedBackground((Answer("Three."),)))
    played = await play(runtime, types("a train?", at=3), 30, conversation="c")
    assert seen.spans
    seen.look()
    [session] = await replay_decisions(ConversationId("c"), played.entries)
    assert session.same >= 5
    assert not seen.spans
    assert not seen.events
    for name in ("counterpoint.beat.lag", "counterpoint.beat.duration", "counterpoint.beat.count"):
        assert not seen.measured(name)
