"""Identifiers. All are strings or integers at run time; the types keep them apart."""

from typing import NewType

Beat = NewType("Beat", int)
"""Index of a 200 ms slot from the start of a conversation, from 0."""

Position = NewType("Position", int)
"""Place of an entry in its conversation's log: 1, 2, 3, ... in the order in which the store accepted them."""

ConversationId = NewType("ConversationId", str)
SessionId = NewType("SessionId", str)
WriterId = NewType("WriterId", str)
DelegationId = NewType("DelegationId", str)
NoteId = NewType("NoteId", str)
CallId = NewType("CallId", str)
"""One tool call: stable over retries of the same step, and the root of its idempotency key."""
MediaId = NewType("MediaId", str)
