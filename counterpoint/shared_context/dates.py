"""The one place where dates come from. Everything else measures time by the event loop's clock."""

import time


def now() -> float:
    """Seconds since 1970 (UTC). Pass another `clock` where dates must be reproducible."""
    return time.time()  # noqa: TID251 (this is the one injected place)
