"""Replay: a conversation's decisions, made again from its log by the code that made them, and compared."""

from counterpoint.interaction.replay.comparison import Difference
from counterpoint.interaction.replay.decisions import SessionReplay, replay_decisions

__all__ = ["Difference", "SessionReplay", "replay_decisions"]
