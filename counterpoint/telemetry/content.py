"""What people and tools said enters spans only where the operator opted in, by OpenTelemetry's own variable."""

import os
from typing import Final

VARIABLE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_ON: Final = frozenset({"true", "1", "span_only", "span_and_event"})

LONGEST: Final = 2_000
"""Characters of one attribute; back ends cut at 2 kB anyway."""


def captured(text: str) -> str | None:
    """The text, cut, if content is wanted on spans; otherwise None."""
    if os.environ.get(VARIABLE, "").strip().casefold() not in _ON:
        return None
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
