"""Tests marked `virtual` run on the virtual clock; all others on asyncio's own loop."""

import asyncio
from collections.abc import Mapping

import pytest

from counterpoint.testing.virtual_time import loop_factories


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, type[asyncio.AbstractEventLoop]]:
    if item.get_closest_marker("virtual"):
        return loop_factories()
    return {"asyncio": asyncio.SelectorEventLoop}
