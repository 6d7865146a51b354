"""How an exception of a tool is told to a model: what went wrong, without a traceback and without secrets."""

import re
from typing import Any

from counterpoint.errors import ToolError, ToolUnavailable
from counterpoint.tools.definition import Tool
from counterpoint.tools.events import FailedCall

MAX_MESSAGE = 500
"""Characters of a foreign exception's message; some carry a whole page."""

_SECRETS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{6,}"), r"\1 ***"),
    (
        re.compile(
            r"""(?ix)
            ( [\w.-]* (?:api[_-]?key|access[_-]?key|token|secret|passw(?:or)?d|authorization|credential) [\w.-]*
            ["']? \s* (?:[=:]|%3D) \s* ["']? )
            (?! \*\*\* | (?:bearer|basic)\s ) [^\s"'&,;)}]+
            """
        ),
        r"\1***",
    ),
    (re.compile(r"(?<=://)[^/\s@]+(?=@)"), "***"),
    (re.compile(r"\b(?:sk|pk|tvly|ghp|xox[abp])[-_][\w-]{8,}"), "***"),
)


def redacted(text: str) -> str:
    """Passwords, keys and tokens are blotted out where they are written like such: a safety net, not a promise."""
    for pattern, blot in _SECRETS:
        text = pattern.sub(blot, text)
    return text


def failed(tool: Tool[..., Any], error: BaseException) -> FailedCall:
    """What the author wrote in a `ToolError` goes to the model as it is; of anything else, its type and message."""
    retryable = tool.idempotent and isinstance(error, ToolUnavailable | TimeoutError | ConnectionError)
    if isinstance(error, ToolError):
        return FailedCall(str(error) or f"{tool.name} failed and did not say why", retryable)
    unsure = tool.effects == "write"
    if isinstance(error, SystemExit):
        return FailedCall(f"{tool.name} failed: it tried to end the process", unsure=unsure)
    message = redacted(" ".join(str(error).split()))
    message = message if len(message) <= MAX_MESSAGE else f"{message[:MAX_MESSAGE]}…"
    reason = f"{tool.name} failed: {type(error).__name__}" + (f": {message}" if message else "")
    return FailedCall(reason, retryable, unsure)
