"""How an instruct model is used as an interaction model: policies, pace and limits, with their units and reasons."""

import enum

import msgspec

from counterpoint.errors import ConfigurationError


class Delegating(enum.Enum):
    """Who decides that something is handed to the background model.

    `TAGS`: the model, in its output. `QUESTIONS`: the harness, from the person's line (for models too small to be
    trusted with tags). `NEVER`: nobody.
    """

    TAGS = "tags"
    QUESTIONS = "questions"
    NEVER = "never"


class Telling(enum.Enum):
    """How a note is spoken: its own words by forced tokens, or put into the context for the model to tell."""

    VERBATIM = "verbatim"
    CONTEXT = "context"


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`words_per_beat`: 0.55 is 165 words a minute, the middle of conversational speech.

    `pause_beats`: the person's silence that ends a spoken line. `prefill_tokens`, `decode_tokens`: at most so many in a
    beat, so that a pasted page costs many short beats and not one long one; `rollover_tokens`: for the successor, out
    of what prefilling leaves over. `utterance_tokens`: an utterance that the model does not end is ended here.
    `context_tokens`: a streaming session is rolled over below this length (or the engine's, if that is less), since a
    token costs more the longer the sequence is; with a model of 135 million parameters on two cores beside a
    background model, beats stay under 200 ms up to about 1,500 tokens.
    """

    delegate: Delegating = Delegating.QUESTIONS
    notes: Telling = Telling.VERBATIM
    words_per_beat: float = 0.55
    pause_beats: int = 4
    prefill_tokens: int = 32
    decode_tokens: int = 8
    rollover_tokens: int = 16
    utterance_tokens: int = 160
    context_tokens: int = 2_048

    def __post_init__(self) -> None:
        counts = (
            self.pause_beats,
            self.prefill_tokens,
            self.decode_tokens,
            self.rollover_tokens,
            self.utterance_tokens,
            self.context_tokens,
        )
        if min(counts) < 1 or not 0 < self.words_per_beat <= 10:
            raise ConfigurationError(
                "the settings of an instruct model must be positive, and its pace at most 10 words a beat"
            )

    @property
    def beat_tokens(self) -> int:
        """The most that the engine is asked to compute in one beat."""
        return self.prefill_tokens + self.decode_tokens


SMALL_MODEL = Settings()
"""For models of a few hundred million parameters: they are trusted with small talk only."""

SERVED_MODEL = Settings(delegate=Delegating.TAGS, decode_tokens=64, context_tokens=4_096)
"""For models behind a server: they decide for themselves what to hand over; what they have sent costs nothing to say.
Notes are told verbatim, since each one told in other words would be another request.
"""
