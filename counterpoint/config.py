"""The constants of the runtime, each with its unit and its reason. Beats are integers, seconds are floats."""

from typing import Final

BEAT_SECONDS: Final = 0.2
"""Length of a beat. 200 ms is close to the gap between human turns, and the step of the original system."""

HORIZON_BEATS: Final = 2
"""How far composed output may run ahead of playback, besides the buffer that the listener declares."""

OUTPUT_BUFFER_BEATS: Final = 5
"""Micro-turns kept for a listener that is late; then it gets a named error."""

GAP_BEATS: Final = 25
"""A host that is further behind than this (a suspended laptop) records a gap and resynchronises."""

AUDIO_RATE: Final = 16_000
"""Default sample rate of audio chunks: PCM16, mono, little endian, samples per second."""

JITTER_SECONDS: Final = 0.06
"""Default depth of the jitter buffer for pushed media."""

AUDIO_BACKLOG_SECONDS: Final = 10.0
"""Audio that waits for a stalled stream; older audio becomes a recorded gap."""

TEXT_BACKLOG: Final = 1_000
"""Text chunks that wait for a stalled stream; then `push` raises `InputFull`."""

MAX_TEXT_CHUNK: Final = 100_000
"""Characters in one text chunk."""

REQUIRED_SILENCE_BEATS: Final = 4
"""Beats of the person's silence before a `when_idle` note is offered."""

MIN_SILENCE_BEATS: Final = 2
"""The required silence never falls below this, however long a note has waited."""

SILENCE_RELAXES_EVERY_BEATS: Final = 20
"""The required silence falls by one beat for each 4 s that a note has waited."""

CLAUSE_AFTER_BEATS: Final = 5
"""Inside the agent's running speech, a note may enter at a clause boundary after this wait."""

WORD_AFTER_BEATS: Final = 9
"""Inside the agent's running speech, a note may enter at a word boundary after this wait."""

TYPING_HOLDS_BEATS: Final = 5
"""Unfinished typed input holds the floor for this long after the last key."""

OBJECTION_WINDOW_SECONDS: Final = 1.5
"""A tool with side effects waits this long after the words that asked for it, so that a self-correction can stop it."""

LEASE_SECONDS: Final = 2.0
"""How long a worker owns a delegation without renewing its lease."""

NOTE_TTL_SECONDS: Final = 600.0
"""A note that could not be woven for this long is reported as expired."""
