from pathlib import Path

import pytest
import redis

from counterpoint.errors import ConfigurationError
from counterpoint.shared_context.connect import connect
from counterpoint.shared_context.redis import RedisStore
from counterpoint.testing.store_actors import Host


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://u:secret@host:1/3",
        "rediss://host",
        "redis+cluster://host:7000",
        "unix:///run/s.sock",
        "embedded://",
    ],
)
def test_a_url_of_a_server_is_a_store_that_has_opened_nothing(url: str) -> None:
    assert isinstance(connect(url), RedisStore)


@pytest.mark.parametrize(
    "url", ["redis://u:secret@host:port", "redis://u:secret@host/0?colour=red", "redis://u:secret@host/0?db=x"]
)
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not the URL of a Redis server") as told:
        connect(url)
    assert "secret" not in str(told.value)
    assert told.value.__cause__ is None


@pytest.mark.parametrize("limits", [{"ttl": 0}, {"ttl": float("inf")}, {"max_attempts": 0}, {"max_media_bytes": 0}])
def test_limits_that_keep_nothing_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="at least"):
        RedisStore("redis://localhost", **limits)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("prefix", ["", "a{b}c"])
def test_a_prefix_that_breaks_the_keys_is_refused(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="prefix"):
        RedisStore("redis://localhost", prefix=prefix)


async def test_a_url_says_for_how_long_and_under_which_prefix(socket: Path, server: redis.Redis) -> None:
    async with connect(f"unix://{socket}?ttl=60&prefix=team%3Aone&durability=fast") as store:
        await (await Host.open(store)).say("a")
    keys = list(server.scan_iter())
    assert keys
    assert all(key.startswith(b"team:one:{conversation}:") and 50 < server.ttl(key) <= 60 for key in keys)


@pytest.mark.parametrize("options", ["ttl=soon", "ttl=0", "ttl=inf", "prefix=", "prefix=%7B"])
def test_wrong_options_of_a_url_are_refused(options: str) -> None:
    with pytest.raises(ConfigurationError):
        connect(f"redis://u:secret@host?{options}")
