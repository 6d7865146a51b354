"""Conversations that were exported once: the code decides today as it did then.

A difference here is a change of behaviour. If it is meant, make them anew: `python tests/golden/make_golden.py`.
"""

from pathlib import Path

import pytest

from counterpoint.interaction.replay import replay_decisions
from counterpoint.shared_context.entries import Gap, NoteDropped, Opened, Played, Recovered, Stored, Turn, Withdrawn
from counterpoint.shared_context.portable import LineReader

FILES = sorted(Path(__file__).parent.glob("*.jsonl"))


def kept(path: Path) -> tuple[str, list[Stored]]:
    reader, log = LineReader(), list[Stored]()
    for line in path.read_bytes().splitlines(keepends=True):
        read = reader.read(line)
        if isinstance(read, Stored):
            log.append(read)
    return reader.finish().conversation, log


GOLDEN = {path.stem: kept(path) for path in FILES}


@pytest.mark.parametrize("name", GOLDEN)
async def test_what_was_decided_then_is_decided_now(name: str) -> None:
    conversation, log = GOLDEN[name]
    sessions = await replay_decisions(conversation, log)
    assert [session.difference for session in sessions] == [None] * len(sessions)
    assert [session.stopped for session in sessions] == [""] * len(sessions)
    assert sum(session.same for session in sessions) > 20


def test_between_them_they_hold_what_a_conversation_may_hold() -> None:
    bodies = [stored.entry.body for _, log in GOLDEN.values() for stored in log]
    kinds = {type(body) for body in bodies}
    assert {Opened, Turn, Played, Gap, Recovered, Withdrawn, NoteDropped} <= kinds
    turns = [body for body in bodies if isinstance(body, Turn)]
    assert any(turn.part for turn in turns)
    assert any(turn.span > 1 for turn in turns)
    assert any(turn.flush for turn in turns)
    assert any(turn.unheard for turn in turns)
    assert any(turn.wakes for turn in turns)
    assert any(body.token for body in bodies if isinstance(body, Opened))
