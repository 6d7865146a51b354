import pytest


@pytest.fixture(autouse=True)
def the_event_loop_is_never_blocked() -> None:
    """Not watched here: vLLM looks for its plug-ins on disk whenever a request is opened."""
