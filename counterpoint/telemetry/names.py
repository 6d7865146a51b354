"""Every name that leaves this process: spans, attributes, events, metrics. `gen_ai.*` and `messaging.*` are those of
OpenTelemetry's conventions at `SCHEMA_URL`; what they have no word for is ours.
"""

from enum import StrEnum
from typing import Final

import msgspec

SCOPE: Final = "counterpoint"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.44.0"

OURS: Final = "counterpoint"
"""The provider of models that run in this process, where they name no other."""

BACKGROUND: Final = "background"
INTERACTION: Final = "interaction"
"""The two agents. Which model thinks is an attribute of each inference."""

INVOKE_AGENT: Final = "invoke_agent"
EXECUTE_TOOL: Final = "execute_tool"
CHAT: Final = "chat"
PROCESS: Final = "process"
WEAVE: Final = "weave"


class Is:
    """Attributes."""

    OPERATION: Final = "gen_ai.operation.name"
    AGENT: Final = "gen_ai.agent.name"
    CONVERSATION: Final = "gen_ai.conversation.id"
    SESSION: Final = "session.id"
    PROVIDER: Final = "gen_ai.provider.name"
    MODEL: Final = "gen_ai.request.model"
    SERVER: Final = "server.address"
    FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
    FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
    TOKENS_READ: Final = "gen_ai.usage.input_tokens"
    TOKENS_WRITTEN: Final = "gen_ai.usage.output_tokens"
    TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 (tokens of a language)
    TOOL: Final = "gen_ai.tool.name"
    TOOL_TYPE: Final = "gen_ai.tool.type"
    CALL: Final = "gen_ai.tool.call.id"
    CALLER_TYPE: Final = "gen_ai.caller.type"
    CALLER: Final = "gen_ai.caller.name"
    ERROR: Final = "error.type"

    ASKED_FOR: Final = "gen_ai.input.messages"
    TOLD: Final = "gen_ai.output.messages"
    ARGUMENTS: Final = "gen_ai.tool.call.arguments"
    RESULT: Final = "gen_ai.tool.call.result"

    SYSTEM: Final = "messaging.system"
    MESSAGING_TYPE: Final = "messaging.operation.type"
    MESSAGING_NAME: Final = "messaging.operation.name"
    QUEUE: Final = "messaging.destination.name"
    MESSAGE: Final = "messaging.message.id"
    CONSUMER: Final = "messaging.client.id"

    DELEGATION: Final = "counterpoint.delegation.id"
    ATTEMPT: Final = "counterpoint.delegation.attempt"
    LEASE_EPOCH: Final = "counterpoint.delegation.epoch"
    OUTCOME: Final = "counterpoint.delegation.outcome"
    DEADLINE: Final = "counterpoint.delegation.deadline_ms"
    QUEUE_WAIT: Final = "counterpoint.delegation.queue_wait_ms"
    TAKEOVER: Final = "counterpoint.delegation.takeover"
    RESUMED: Final = "counterpoint.delegation.resumed"
    REPORTED_BY: Final = "counterpoint.delegation.reported_by"
    PREVIOUS: Final = "counterpoint.delegation.previous_span"
    UPTO: Final = "counterpoint.delegation.context.upto_id"
    NOTES: Final = "counterpoint.delegation.notes"

    NOTE: Final = "counterpoint.weave.note"
    NOTE_KIND: Final = "counterpoint.weave.kind"
    POLICY: Final = "counterpoint.weave.policy"
    WAIT: Final = "counterpoint.weave.wait_ms"
    WAIT_REASON: Final = "counterpoint.weave.wait_reason"
    WOVEN_REASON: Final = "counterpoint.weave.woven_reason"
    BEAT: Final = "counterpoint.weave.beat"
    POSITION: Final = "counterpoint.weave.position"
    WEAVE_OUTCOME: Final = "counterpoint.weave.outcome"

    EPOCH: Final = "counterpoint.session.epoch"
    LATE: Final = "counterpoint.beat.late_ms"
    LASTED: Final = "counterpoint.beat.duration_ms"
    SUPPRESSED: Final = "counterpoint.beat.suppressed"
    WAITED: Final = "counterpoint.store.waited_entries"
    GIVEN_UP: Final = "counterpoint.store.given_up_entries"


class Label:
    """Attributes of metrics: few values each, and never an id."""

    OUTCOME: Final = "outcome"
    ENGINE: Final = "engine"
    AGENT: Final = "agent"
    POLICY: Final = "policy"
    REASON: Final = "reason"
    BACKEND: Final = "backend"
    OPERATION: Final = "op"


class Event(StrEnum):
    REQUESTED = "counterpoint.delegation.requested"
    ACCEPTED = "counterpoint.delegation.accepted"
    FIRST_CHUNK = "counterpoint.delegation.first_chunk"
    DONE = "counterpoint.delegation.done"
    FAILED = "counterpoint.delegation.failed"
    CANCELLED = "counterpoint.delegation.cancelled"
    TAKEN_OVER = "counterpoint.delegation.takeover"
    READY = "counterpoint.weave.ready"
    DEFERRED = "counterpoint.weave.deferred"
    WOVEN = "counterpoint.weave.woven"
    DROPPED = "counterpoint.weave.dropped"
    OVERRUN = "counterpoint.loop.overrun"
    DEGRADED = "counterpoint.loop.degraded"
    RECOVERED = "counterpoint.loop.recovered"


class Kind(StrEnum):
    HISTOGRAM = "histogram"
    COUNTER = "counter"
    UP_DOWN = "up_down_counter"
    GAUGE = "observable_gauge"


class Metric(msgspec.Struct, frozen=True):
    """`buckets`: upper bounds, in the metric's unit; an SDK may be told others by its owner."""

    name: str
    kind: Kind
    unit: str
    description: str
    buckets: tuple[float, ...] = ()


BEAT_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.8)
LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8)
WAIT_BUCKETS: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.8, 2.5, 5.0, 10.0, 30.0)
QUEUE_BUCKETS: Final = (0.005, 0.01, 0.025, *WAIT_BUCKETS)
STORE_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
OPERATION_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
AGENT_BUCKETS: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
TOKEN_BUCKETS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)

BEAT_LAG: Final = Metric(
    "counterpoint.beat.lag", Kind.HISTOGRAM, "s", "How late a step began after its beat had ended", LAG_BUCKETS
)
BEAT_DURATION: Final = Metric(
    "counterpoint.beat.duration", Kind.HISTOGRAM, "s", "How long the interaction model took for a step", BEAT_BUCKETS
)
BEAT_COUNT: Final = Metric("counterpoint.beat.count", Kind.COUNTER, "{beat}", "Beats lived through, or skipped")
SESSION_ACTIVE: Final = Metric(
    "counterpoint.session.active", Kind.UP_DOWN, "{session}", "Live sessions in this process"
)
DELEGATION_DURATION: Final = Metric(
    "counterpoint.delegation.duration",
    Kind.HISTOGRAM,
    "s",
    "From asked to the last note told or dropped",
    AGENT_BUCKETS,
)
QUEUE_WAIT: Final = Metric(
    "counterpoint.delegation.queue.wait", Kind.HISTOGRAM, "s", "From asked to taken by a worker", QUEUE_BUCKETS
)
FIRST_CHUNK: Final = Metric(
    "counterpoint.delegation.time_to_first_chunk", Kind.HISTOGRAM, "s", "From asked to the first note", AGENT_BUCKETS
)
DELEGATION_ACTIVE: Final = Metric(
    "counterpoint.delegation.active", Kind.UP_DOWN, "{delegation}", "Asked, and not told to the end"
)
DELEGATION_COUNT: Final = Metric(
    "counterpoint.delegation.count", Kind.COUNTER, "{delegation}", "Delegations that ended"
)
TAKEOVERS: Final = Metric(
    "counterpoint.delegation.takeovers", Kind.COUNTER, "{takeover}", "Attempts that follow one whose lease ran out"
)
WEAVE_WAIT: Final = Metric(
    "counterpoint.weave.wait", Kind.HISTOGRAM, "s", "From a note being ready to its first woven word", WAIT_BUCKETS
)
STORE_APPEND: Final = Metric(
    "counterpoint.store.append.duration", Kind.HISTOGRAM, "s", "How long the store took for a write", STORE_BUCKETS
)
STORE_WAKE: Final = Metric(
    "counterpoint.store.wake.duration", Kind.HISTOGRAM, "s", "From an entry's date to its arrival at the host",
    STORE_BUCKETS,
)  # fmt: skip
STORE_ERRORS: Final = Metric("counterpoint.store.errors", Kind.COUNTER, "{error}", "Writes that the store did not take")
STORE_REPLICATED: Final = Metric(
    "counterpoint.store.replicated", Kind.COUNTER, "{write}", "Asks and last notes, by whether a replica confirmed them"
)
OUTBOX: Final = Metric(
    "counterpoint.store.outbox.size", Kind.GAUGE, "{entry}", "Entries of this process that wait for the store"
)
OPERATION_DURATION: Final = Metric(
    "gen_ai.client.operation.duration", Kind.HISTOGRAM, "s", "GenAI operation duration.", OPERATION_BUCKETS
)
OPERATION_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_to_first_chunk", Kind.HISTOGRAM, "s", "Time to receive the first chunk.",
    OPERATION_BUCKETS,
)  # fmt: skip
TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage", Kind.HISTOGRAM, "{token}", "Number of tokens used.", TOKEN_BUCKETS
)
TOOL_DURATION: Final = Metric(
    "gen_ai.execute_tool.duration", Kind.HISTOGRAM, "s", "Duration of a tool call.", OPERATION_BUCKETS
)
AGENT_DURATION: Final = Metric(
    "gen_ai.invoke_agent.duration", Kind.HISTOGRAM, "s", "Duration of an agent's invocation.", AGENT_BUCKETS
)

METRICS: Final = tuple(each for each in tuple(globals().values()) if isinstance(each, Metric))
