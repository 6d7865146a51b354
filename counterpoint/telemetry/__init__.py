"""The one module that sees OpenTelemetry: its API only, never a global provider. Names stand here, once.

Without an SDK every call is a no-op. Beats are metrics, never spans.
"""

from typing import Final

from opentelemetry import metrics

from counterpoint.telemetry.outgoing import outgoing as outgoing
from counterpoint.telemetry.silence import silenced as silenced
from counterpoint.telemetry.silence import unobserved as unobserved

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.37.0"

_meter = metrics.get_meter("counterpoint", schema_url=SCHEMA_URL)

beat_lag: Final = _meter.create_histogram(
    "counterpoint.beat.lag", unit="s", description="How late a step began after its beat had ended"
)
beat_duration: Final = _meter.create_histogram(
    "counterpoint.beat.duration", unit="s", description="How long the interaction model took for a step"
)
active_sessions: Final = _meter.create_up_down_counter(
    "counterpoint.session.active", description="Live sessions in this process"
)
