"""Silence: what is only played again (a replay) tells nobody. It holds for the block's task and the tasks it starts."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry import context

_silent: Final[ContextVar[bool]] = ContextVar("counterpoint_telemetry_silent", default=False)
_SUPPRESSED: Final = context._SUPPRESS_INSTRUMENTATION_KEY  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] (the API's only name for it)


def silent() -> bool:
    return _silent.get()


@contextmanager
def silenced() -> Generator[None, None, None]:
    """Nothing of ours comes out of this block: no span, event or metric. Instrumented libraries are asked too."""
    token = _silent.set(True)
    try:
        with unobserved():
            yield
    finally:
        _silent.reset(token)


@contextmanager
def unobserved() -> Generator[None, None, None]:
    """Libraries that are instrumented make no spans here: waiting for a bell is no work. Ours are made all the same."""
    token = context.attach(context.set_value(_SUPPRESSED, True))
    try:
        yield
    finally:
        context.detach(token)
