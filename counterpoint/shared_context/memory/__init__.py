"""The store in memory, in parts: `store.py` is the protocol, a conversation holds its log, queues hold delegations."""

from counterpoint.shared_context.memory.store import MemoryStore

__all__ = ["MemoryStore"]
