"""Public doubles: virtual time, scripted models, people and conversations, the contract of stores."""

from counterpoint.testing.person import Cue, Person, says, shows, sounds, talks, types
from counterpoint.testing.play import Performance, acknowledges_nothing, hears_everything, play
from counterpoint.testing.scripted_background import Answer, Call, Fail, Progress, Say, ScriptedBackground
from counterpoint.testing.scripted_interaction import (
    Line,
    ScriptedInteraction,
    amend,
    delegate,
    end,
    say,
    withdraw,
)
from counterpoint.testing.virtual_time import Hang, VirtualTimeLoop, loop_factories

__all__ = [
    "Answer",
    "Call",
    "Cue",
    "Fail",
    "Hang",
    "Line",
    "Performance",
    "Person",
    "Progress",
    "Say",
    "ScriptedBackground",
    "ScriptedInteraction",
    "VirtualTimeLoop",
    "acknowledges_nothing",
    "amend",
    "delegate",
    "end",
    "hears_everything",
    "loop_factories",
    "play",
    "say",
    "says",
    "shows",
    "sounds",
    "talks",
    "types",
    "withdraw",
]
