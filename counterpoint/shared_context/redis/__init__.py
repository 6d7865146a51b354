"""The shared context on Redis >= 7 or Valkey >= 8: many hosts and workers, on any machines."""

from counterpoint.shared_context.redis.store import RedisStore

__all__ = ["RedisStore"]
